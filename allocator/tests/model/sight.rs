//! What a want sees, by definition.

use super::facts::{Facts, Seat, Terms, Want};
use super::sums::{Sums, bound_kinds};
use twofold_allocator::agent::{Agent, AgentState, GpuRoom};
use twofold_allocator::ask::{Constraint, Member};
use twofold_allocator::counts::Counts;
use twofold_allocator::id::{AgentId, FrameworkId, RolePath};
use twofold_allocator::other::Other;
use twofold_allocator::resources::{Kind, Resources};

/// What one unit takes, before the model of its GPUs is settled.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    settled: Resources,
    open_gpus: u64,
    /// How many units are wanted.
    pub(crate) wanted: u32,
}

impl Unit {
    /// None when nothing is wanted any more.
    pub(crate) fn of(want: &Want) -> Option<Self> {
        let mut unit = Self { settled: Resources::default(), open_gpus: 0, wanted: 1 };
        if let Terms::Open(least) = &want.terms {
            unit.settled = least.clone();
            return Some(unit);
        }
        let wanted: Vec<&Member> = want.members().iter().filter(|member| member.count > 0).collect();
        if want.is_gang() {
            want.members().iter().for_each(|member| unit.add(member, member.least));
        } else {
            unit.add(wanted.first()?, 1);
            unit.wanted = wanted.iter().map(|member| member.count).sum();
        }
        Some(unit)
    }

    fn add(&mut self, member: &Member, times: u32) {
        self.settled.add(&member.shape.base.scaled(times.into()));
        let Some(gpu) = member.shape.gpu.as_ref().filter(|_| times > 0) else { return };
        let gpus = gpu.count * u64::from(times);
        match &gpu.model {
            Some(model) => self.settled.gpus.add(model, gpus),
            None => self.open_gpus += gpus,
        }
    }

    pub(crate) fn amount(&self, kind: &Kind) -> u64 {
        self.settled.amount(kind) + if *kind == Kind::Gpu { self.open_gpus } else { 0 }
    }

    fn is_within(&self, free: &Resources) -> bool {
        free.contains(&self.settled) && self.amount(&Kind::Gpu) <= free.gpus.total()
    }

    pub(crate) fn has_open_gpus(&self) -> bool {
        self.open_gpus > 0
    }
}

impl Facts {
    pub(crate) fn want(&self, seat: &Seat, at: usize) -> &Want {
        &self.frameworks[&seat.0].wants[&seat.1][at]
    }

    /// Whether an agent is of a region that a framework is shown: any, if it is region-aware, no region is the local one,
    /// or the agent does not say.
    fn is_near(&self, framework: &FrameworkId, agent: &Agent) -> bool {
        let aware = self.frameworks[framework].told.region_aware;
        match (&self.policy.local_region, &agent.domain) {
            (Some(local), Some(domain)) => aware || domain.region == *local,
            (None, _) | (_, None) => true,
        }
    }

    /// Whether role and member both want an agent that is near, whatever runs there.
    pub(crate) fn suits(&self, seat: &Seat, member: Option<&Member>, agent: &Agent) -> bool {
        let path = seat.1.path();
        let mut roles = path.filter_map(|path| self.roles.get(&path));
        // Revocable room is for members that say so alone.
        let says_so = || member.is_some_and(|member| member.constraints.contains(&Constraint::Revocable));
        (!agent.id.is_revocable() || says_so())
            && self.is_near(&seat.0, agent)
            && roles.all(|role| role.agents.iter().all(|constraint| constraint.holds(agent)))
            && member.is_none_or(|member| member.constraints.iter().all(|constraint| constraint.holds(agent)))
    }

    /// Whether an agent is shown to a member; to open demand without one.
    pub(crate) fn shows(&self, seat: &Seat, at: usize, member: Option<&Member>, id: &AgentId) -> bool {
        let Some(agent) = self.agents.get(id) else { return false };
        agent.state == AgentState::Active
            && self.suits(seat, member, agent)
            && !self.frameworks[&seat.0].avoid.contains_key(id)
            && !self.want(seat, at).refused.contains_key(id)
    }

    /// The agents that some member is shown.
    pub(crate) fn shown(&self, seat: &Seat, at: usize) -> Vec<AgentId> {
        let want = self.want(seat, at);
        let sees = |id: &&AgentId| match &want.terms {
            Terms::Open(_) => self.shows(seat, at, None, id),
            Terms::Ask(ask) => {
                let mut wanted = ask.members.iter().filter(|member| member.count > 0);
                wanted.any(|member| self.shows(seat, at, Some(member), id))
            }
        };
        self.agents.keys().filter(sees).cloned().collect()
    }

    /// Whether a want leaves the room that free GPUs need: an ask without GPUs, of which every member could run on some
    /// agent without GPUs if that was empty.
    pub(crate) fn keeps_gpu_room(&self, seat: &Seat, at: usize) -> bool {
        let want = self.want(seat, at);
        let Terms::Ask(ask) = &want.terms else { return false };
        let holds = |member: &Member, agent: &Agent| {
            agent.capacity.gpus.is_empty()
                && agent.state == AgentState::Active
                && agent.capacity.contains(&member.shape.base)
                && self.suits(seat, Some(member), agent)
        };
        ask.members.iter().all(|member| member.shape.gpu.is_none())
            && ask
                .members
                .iter()
                .filter(|member| member.count > 0)
                .all(|member| self.agents.values().any(|agent| holds(member, agent)))
    }

    /// What is free on an agent, or the part of it that its free GPUs do not need.
    pub(crate) fn view(&self, sums: &Sums, id: &AgentId, keeps: bool) -> Resources {
        let (agent, mut free) = (&self.agents[id], sums.free_on(id).clone());
        if keeps && agent.gpu_room == GpuRoom::Kept && !free.gpus.is_empty() {
            let (idle, all) = (free.gpus.total(), agent.capacity.gpus.total());
            let needed = |capacity: u64| (capacity * idle).div_ceil(all);
            free.cpu_milli = free.cpu_milli.saturating_sub(needed(agent.capacity.cpu_milli));
            free.memory_bytes = free.memory_bytes.saturating_sub(needed(agent.capacity.memory_bytes));
        }
        free
    }

    /// Whether limits on models may hide GPUs from a want.
    pub(crate) fn narrows(&self, seat: &Seat, at: usize) -> bool {
        let open = Unit::of(self.want(seat, at)).is_some_and(|unit| unit.has_open_gpus());
        let limit = |path: RolePath| {
            self.roles
                .get(&path)
                .is_some_and(|role| role.limit.keys().any(|k| matches!(k, Kind::GpuModel(_))))
        };
        open && seat.1.path().any(limit)
    }

    /// What is free on an agent for a want: without the models of which a limit leaves less than any member takes.
    pub(crate) fn free_for(&self, sums: &Sums, seat: &Seat, at: usize, id: &AgentId) -> Resources {
        let mut free = self.view(sums, id, self.keeps_gpu_room(seat, at));
        if !self.narrows(seat, at) {
            return free;
        }
        let members = self.want(seat, at).members().iter();
        let least = members.filter_map(|member| member.shape.gpu.as_ref()).map(|gpu| gpu.count).min();
        let mut gpus = Counts::default();
        for (model, count) in free.gpus.iter() {
            let kind = Kind::GpuModel(model.clone());
            let left = |path: RolePath| {
                let limit = self.roles.get(&path)?.limit.get(&kind)?;
                Some(limit.saturating_sub(sums.charged(&path).amount(&kind)))
            };
            let slack = seat.1.path().filter_map(left).min();
            if slack.is_none_or(|slack| slack >= least.unwrap_or_default()) {
                gpus.add(model, count);
            }
        }
        free.gpus = gpus;
        free
    }

    /// Whether some member has room on an agent that it is shown; for open demand, whether its least has.
    pub(crate) fn has_room(&self, sums: &Sums, seat: &Seat, at: usize, id: &AgentId) -> bool {
        match &self.want(seat, at).terms {
            Terms::Open(least) => {
                let free = self.known_free(sums, id);
                !free.is_zero() && free.contains(least) && self.shows(seat, at, None, id)
            }
            Terms::Ask(ask) => {
                let free = self.free_for(sums, seat, at, id);
                let mut wanted = ask.members.iter().filter(|member| member.count > 0);
                let fits = |m: &Member| m.shape.fits(&free) && self.finds(id, &m.shape, &free) > 0;
                wanted.any(|m| fits(m) && self.shows(seat, at, Some(m), id))
            }
        }
    }

    /// Whether a want may have a turn now.
    pub(crate) fn is_eligible(&self, sums: &Sums, seat: &Seat, at: usize) -> bool {
        let (want, role) = (self.want(seat, at), &seat.1);
        let Some(unit) = Unit::of(want) else { return false };
        if want.lost {
            return false;
        }
        if let Terms::Open(_) = &want.terms {
            return self.agents.keys().any(|agent| self.part(sums, seat, at, agent).is_some());
        }
        let held_back = |kind: Kind| sums.holds_back(self, role, &kind, unit.amount(&kind));
        if !want.is_revocable() && bound_kinds(self, role).into_iter().any(held_back) {
            return false;
        }
        let free = if want.is_revocable() { &sums.revocable_free } else { &sums.free };
        if want.is_of_many() && want.looked && !unit.is_within(free) {
            return false;
        }
        self.agents.keys().any(|agent| self.has_room(sums, seat, at, agent))
            || (!want.looked && !self.shown(seat, at).is_empty())
    }

    /// The part of an agent that open demand may be dealt; none when that is less than its least.
    pub(crate) fn part(&self, sums: &Sums, seat: &Seat, at: usize, id: &AgentId) -> Option<Resources> {
        let Terms::Open(least) = &self.want(seat, at).terms else { return None };
        if !self.has_room(sums, seat, at, id) {
            return None;
        }
        let (role, free) = (&seat.1, self.known_free(sums, id));
        let most = |kind: Kind, free: u64| self.most(sums, role, &kind, free);
        let mut left = most(Kind::Gpu, free.gpus.total());
        let mut gpus = Counts::default();
        for (model, count) in free.gpus.iter() {
            let some = most(Kind::GpuModel(model.clone()), count).min(left);
            gpus.add(model, some);
            left -= some;
        }
        let named =
            free.other.iter().map(|(name, free)| (name.clone(), most(Kind::Other(name.clone()), free)));
        let part = Resources {
            cpu_milli: most(Kind::Cpu, free.cpu_milli),
            memory_bytes: most(Kind::Memory, free.memory_bytes),
            disk_bytes: most(Kind::Disk, free.disk_bytes),
            pods: most(Kind::Pods, free.pods),
            gpus,
            other: self.port_part(sums, role, &free, named.collect()),
        };
        (!part.is_zero() && part.contains(least)).then_some(part)
    }

    /// Other resources with the lowest free ports, as many as limits and headroom leave.
    fn port_part(&self, sums: &Sums, role: &RolePath, free: &Resources, mut other: Other) -> Other {
        let all = free.other.ports();
        let most = self.most(sums, role, &Kind::Ports, all.total());
        let ports = all.ranges().flat_map(|(first, last)| first..=last).map(|port| (port, port));
        other.add_ports(&ports.take(usize::try_from(most).unwrap()).collect());
        other
    }

    /// The most of one kind that may be charged to a role. Processor time comes in whole cores here.
    fn most(&self, sums: &Sums, role: &RolePath, kind: &Kind, free: u64) -> u64 {
        let step = if *kind == Kind::Cpu { 1000 } else { 1 };
        let mut most = free;
        while most > 0 && sums.holds_back(self, role, kind, most) {
            most -= step;
        }
        most
    }
}

//! Turns: one framework's chance. It gets one offer with an allowance: the least of what limits leave, what the
//! headroom leaves, and the fair step.

use crate::allocator::{Allocator, LiveOffer};
use crate::books::agent::Use;
use crate::books::want::{Terms as WantTerms, Unit, WantState};
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::counts::Counts;
use crate::headroom::Block;
use crate::hold::Dropped;
use crate::id::OfferId;
use crate::offer::{Offer, Terms};
use crate::order::{Choice, Rival};
use crate::other::Other;
use crate::ports::Ports;
use crate::resources::{Kind, Resources};
use crate::tick::Tick;
use crate::wide::Fraction;
use alloc::borrow::Cow;
use alloc::vec::Vec;

impl Allocator {
    /// Starts a cycle, or goes on with one that ended early: what ends by time ends now, with the time of the tick.
    pub fn begin(&mut self, tick: Tick) {
        self.tick = tick;
        self.turns = 0;
        self.ended_early = false;
        self.unaimed = true;
        self.stats.cycles += 1;
        let over = |terms: &Terms| match terms {
            Terms::Parts { expires, .. } => expires.is_some_and(|at| at <= tick.now),
            Terms::Units { .. } => false,
        };
        let ended: Vec<OfferId> =
            self.out.values().filter(|live| over(&live.offer.terms)).map(|live| live.offer.id).collect();
        for id in ended {
            self.rescind(id);
        }
        self.expire_inverse(tick.now);
        if self.books.expire(tick.now) {
            self.changed = true;
            self.books.soft.holds.stale = true;
        }
    }

    /// The next turn: an offer to whoever is next, or none when the cycle is over. An offer that must be answered in
    /// its turn and was not counts as declined, without a filter, until something changes.
    pub fn next_offer(&mut self) -> Option<Offer> {
        self.end_turn();
        if core::mem::take(&mut self.unaimed) {
            self.aim();
        }
        loop {
            self.look_around();
            let Some(choice) = self.books.next_turn() else {
                if self.aim() {
                    continue;
                }
                return None;
            };
            if self.turns >= self.books.policy.turns_per_cycle_max {
                self.ended_early = true;
                self.stats.cycles_cut += 1;
                return None;
            }
            if let Some((terms, agents)) = self.terms(&choice) {
                return Some(self.offer(&choice, terms, agents));
            }
            self.spoil_hold(choice.want, Dropped::Unseen);
        }
    }

    /// Takes in what changed since the last turn: who may see more than before, and who may have another chance.
    pub(crate) fn look_around(&mut self) {
        self.books.refresh_pool();
        self.books.see_changes();
        if core::mem::take(&mut self.changed) {
            self.books.unpark();
        }
    }

    fn end_turn(&mut self) {
        if let Some(live) = self.current.take() {
            self.stats.unanswered += 1;
            self.release(&live);
            self.spoil_hold(live.want, Dropped::TurnLost);
            self.books.set_state(live.want, WantState::Parked);
        }
    }

    fn offer(&mut self, choice: &Choice, terms: Terms, agents: Vec<AgentNo>) -> Offer {
        self.turns += 1;
        self.stats.offers += 1;
        self.stats.offers_guaranteed += u64::from(choice.guaranteed);
        let book = self.books.frameworks.at(choice.want.framework);
        let (framework, role) = (book.id.clone(), book.role);
        self.books.count_turn(role);
        let id = OfferId(self.next_offer_id);
        self.next_offer_id += 1;
        let stays_out = matches!(terms, Terms::Parts { expires: Some(_), .. });
        let offer = Offer { id, framework, role: self.books.roles.at(role).path.clone(), terms };
        let live = LiveOffer { offer: offer.clone(), want: choice.want, agents };
        if stays_out {
            self.out.insert(id, live);
        } else {
            self.current = Some(live);
        }
        let first =
            self.books.want_mut(choice.want).is_some_and(|want| !core::mem::replace(&mut want.looked, true));
        if first {
            self.books.relist(choice.want);
        }
        offer
    }

    /// What may be offered; none when the want is held back, which is noted.
    fn terms(&mut self, choice: &Choice) -> Option<(Terms, Vec<AgentNo>)> {
        let want = self.books.want(choice.want)?;
        let (unit, looked) = (want.unit.clone()?, want.looked);
        let role = self.books.charged_role(choice.want.framework);
        let ask = match &want.terms {
            WantTerms::Open(least) => {
                let least = least.clone();
                return self.deal(choice, role, &least);
            }
            WantTerms::Ask(ask) => ask.id.clone(),
        };
        if let Some(block) = self.books.block_for(choice.want, role, |kind| unit.amount(kind)) {
            self.hold_back(choice.want, &block);
            return None;
        }
        // A gang that takes more than is free in all needs no evaluation, but for the first, which says why.
        if unit.many && looked && !unit.is_within(&self.books.free_with_hold(choice.want)) {
            self.stats.unseen += 1;
            self.books.set_state(choice.want, WantState::Parked);
            return None;
        }
        if !self.books.may_look(choice.want) {
            self.stats.unseen += 1;
            self.books.set_state(choice.want, WantState::Asleep);
            return None;
        }
        let most = if choice.guaranteed { 1 } else { self.books.fair_step(choice, &unit) };
        let units = self.books.units_for(choice.want, role, &unit, most);
        Some((Terms::Units { ask, units: units.max(1) }, Vec::new()))
    }

    fn hold_back(&mut self, want: WantNo, block: &Block) {
        match block {
            Block::Limit { .. } => self.stats.limited += 1,
            Block::Headroom { .. } => self.stats.headroom += 1,
        }
        self.books.set_state(want, WantState::Parked);
    }

    /// Deals whole agents to open demand, cut to what limits and headroom leave, until the share is past the next.
    fn deal(&mut self, choice: &Choice, role: RoleNo, least: &Resources) -> Option<(Terms, Vec<AgentNo>)> {
        let room = self.books.least_room(choice.want);
        let none = self.books.refuses_all(choice.want);
        let (mut parts, mut agents) = (Vec::new(), Vec::new());
        let (mut cut, mut from) = (false, 0);
        while let Some((rank, agent)) = self.books.candidate(&room, from).filter(|_| !none) {
            from = rank + 1;
            if !self.books.has_room(choice.want, agent, false) {
                continue;
            }
            // What limits and headroom leave does not hold the least: then no agent's part does.
            if self.books.block(role, |kind| least.amount(kind)).is_some() {
                cut = true;
                break;
            }
            let free = self.books.of_known_devices(agent, Cow::Borrowed(&self.books.agents.at(agent).free));
            let part = self.books.cut(role, &free);
            if part.is_zero() || !part.contains(least) {
                cut = true;
                continue;
            }
            self.books.occupy(agent, Use::Offered, &part, 1);
            self.books.charge_framework(choice.want.framework, &part, 1);
            agents.push(agent);
            parts.push((self.books.agents.at(agent).id.clone(), part));
            if choice.guaranteed || self.books.is_past(choice, |_| 0) {
                break;
            }
        }
        if parts.is_empty() {
            self.stats.unseen += u64::from(!cut);
            self.stats.limited += u64::from(cut);
            let state = if cut { WantState::Parked } else { WantState::Asleep };
            self.books.set_state(choice.want, state);
            return None;
        }
        let expires = self.books.policy.open_offer_millis.map(|millis| self.tick.now.plus_millis(millis));
        Some((Terms::Parts { parts, expires }, agents))
    }

    /// Ends a live offer from this side.
    pub(crate) fn rescind(&mut self, id: OfferId) {
        let Some(live) = self.take_live(id) else { return };
        self.stats.rescinded += 1;
        self.rescinded.push(id);
        self.release(&live);
        self.changed = true;
    }

    /// Takes back what a live offer has on the books.
    pub(crate) fn release(&mut self, live: &LiveOffer) {
        let Terms::Parts { parts, .. } = &live.offer.terms else { return };
        let mut whole = Resources::default();
        for ((_, part), agent) in parts.iter().zip(&live.agents) {
            self.books.vacate(*agent, Use::Offered, part);
            whole.add(part);
        }
        let uses = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        self.books.discharge_framework(live.want.framework, &whole, uses);
    }
}

impl Books {
    /// Adds to other resources the ports that limits and headroom leave to a role, the lowest first.
    fn cut_ports(&self, role: RoleNo, free: &Ports, mut other: Other) -> Other {
        if !free.is_empty() {
            let most = self.slack(role, &Kind::Ports, free.total());
            other.add_ports(&Ports::any(most).at_most(free));
        }
        other
    }

    /// Whether a want may have an offer: some agent has room for a member of it, or it never had a look and sees any.
    pub(crate) fn may_look(&mut self, no: WantNo) -> bool {
        if self.finds_room(no) {
            return true;
        }
        let looked = self.want(no).is_none_or(|want| want.looked);
        !looked && !self.refuses_all(no) && self.known_agents().any(|(agent, _)| self.sees(no, agent))
    }

    /// Whether a want is for singles of which no agent that it sees has room for any.
    pub(crate) fn sees_no_room(&mut self, no: WantNo) -> bool {
        let single = self.want(no).is_some_and(|want| want.unit.as_ref().is_some_and(|unit| !unit.many));
        if !single {
            return false;
        }
        // What was held for it may have come free with its answer.
        self.refresh_pool();
        !self.finds_room(no)
    }

    /// Whether some agent that it sees has room for a member of a want.
    fn finds_room(&mut self, no: WantNo) -> bool {
        let (keeps, room) = (self.note_gpu_room(no), self.least_room(no));
        // The index knows what is free, not what is held or reserved for the want itself.
        if self.own_agents(no).into_iter().any(|agent| self.has_room(no, agent, keeps)) {
            return true;
        }
        if self.refuses_all(no) {
            return false;
        }
        let mut from = 0;
        while let Some((rank, agent)) = self.candidate(&room, from) {
            if self.has_room(no, agent, keeps) {
                return true;
            }
            from = rank + 1;
        }
        false
    }

    fn count_turn(&mut self, role: RoleNo) {
        self.roles.at_mut(role).own_turns += 1;
        let mut next = Some(role);
        while let Some(at) = next {
            let book = self.roles.at_mut(at);
            book.turns += 1;
            next = book.parent;
        }
        self.moved_role(role);
    }

    /// As many units as bring the share just past the next waiting one's plus the grain, at least one.
    fn fair_step(&self, choice: &Choice, unit: &Unit) -> u32 {
        let past =
            |units: u32| self.is_past(choice, |kind| unit.amount(kind).saturating_mul(u64::from(units)));
        let (mut short, mut far) = (0, 1);
        while far < unit.wanted && !past(far) {
            short = far;
            far = far.saturating_mul(2).min(unit.wanted);
        }
        // Past at `far`, or at the number wanted; not past at `short`.
        while far - short > 1 {
            let middle = short + (far - short) / 2;
            if past(middle) { far = middle } else { short = middle }
        }
        far
    }

    /// Whether the share is past the next waiting one's on some level, with `more` charged besides.
    fn is_past(&self, choice: &Choice, more: impl Fn(&Kind) -> u64) -> bool {
        let grain = self.policy.grain;
        let past = |share: Fraction, next: Fraction, weight: u32| {
            let below = u128::from(grain.denominator.max(1)) * u128::from(weight);
            share > next.plus(u128::from(grain.numerator), below)
        };
        let role = |rival: &Rival| {
            past(self.share_at(rival.place, rival.mask, &more), rival.next, self.weight_at(rival.place))
        };
        let framework = |next: Fraction| past(self.framework_share(choice.want.framework, &more), next, 1);
        choice.rivals.iter().any(role) || choice.next_framework.is_some_and(framework)
    }

    /// The part of what is free that limits and headroom leave to a role.
    pub(crate) fn cut(&self, role: RoleNo, free: &Resources) -> Resources {
        if self.is_unbound(role) {
            return free.clone();
        }
        let Resources { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = free;
        let mut left = self.slack(role, &Kind::Gpu, gpus.total());
        let mut models = Counts::default();
        for (model, count) in gpus.iter() {
            let some = self.slack(role, &Kind::GpuModel(model.clone()), count).min(left);
            models.add(model, some);
            left -= some;
        }
        let named = other
            .iter()
            .map(|(name, amount)| (name.clone(), self.slack(role, &Kind::Other(name.clone()), amount)));
        Resources {
            cpu_milli: self.slack(role, &Kind::Cpu, *cpu_milli),
            memory_bytes: self.slack(role, &Kind::Memory, *memory_bytes),
            disk_bytes: self.slack(role, &Kind::Disk, *disk_bytes),
            pods: self.slack(role, &Kind::Pods, *pods),
            gpus: models,
            other: self.cut_ports(role, other.ports(), named.collect()),
        }
    }
}

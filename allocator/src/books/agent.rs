//! What is known of an agent and what is in use on it.

use super::device::DeviceBook;
use super::{AgentNo, Books};
use crate::agent::{Agent, AgentState};
use crate::id::AgentId;
use crate::plant::Plant;
use crate::refusal::Levels;
use crate::resources::{Amounts, Resources};
use alloc::boxed::Box;

/// An agent on the books. It is there while it is known, or while a task or a reservation names it.
#[derive(Clone, Debug)]
pub(crate) struct AgentBook {
    pub(crate) id: AgentId,
    /// None while only tasks name it: gone, or not seen yet.
    pub(crate) agent: Option<Agent>,
    /// In use by frameworks: holdings, and launches that are not observed yet.
    pub(crate) charged: Resources,
    /// In use by anybody else.
    pub(crate) foreign: Resources,
    /// Allowances of live offers that name the agent.
    pub(crate) offered: Resources,
    /// Held for a unit that waits. Soft state.
    pub(crate) held: Resources,
    /// Reserved, and idle.
    pub(crate) reserved: Resources,
    /// What of the charged belongs to tasks that end.
    pub(crate) finishing: Resources,
    /// Capacity less all of these, kind by kind, never below zero.
    pub(crate) free: Resources,
    /// Its devices, where it shows them.
    pub(crate) devices: Option<Box<DeviceBook>>,
    /// How many tasks, live offers and reservations name it; devices that it shows count as one more.
    pub(crate) uses: u32,
    /// What was free when it was refused; for those that leave its GPUs their room, of what they saw. Soft state.
    pub(crate) levels: Levels,
    pub(crate) kept_levels: Levels,
    /// Whether it is the revocable room of a machine.
    pub(crate) revocable: bool,
    /// Whether more is in use than the capacity.
    pub(crate) over: bool,
    /// The number of the last refusal before what is free last changed.
    pub(crate) changed: u64,
    /// Whether it is on the list of what the laws are to be checked on.
    pub(crate) touched: bool,
    /// Whether it is on the list of those that have more to give.
    pub(crate) growth: Growth,
}

/// What of an agent changed that may let somebody see more of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Growth {
    #[default]
    None,
    /// It has more to give.
    More,
    /// It is another than before.
    Another,
}

impl AgentBook {
    fn new(id: AgentId) -> Self {
        Self {
            revocable: id.is_revocable(),
            id,
            agent: None,
            charged: Resources::default(),
            foreign: Resources::default(),
            offered: Resources::default(),
            held: Resources::default(),
            reserved: Resources::default(),
            finishing: Resources::default(),
            free: Resources::default(),
            devices: None,
            uses: 0,
            levels: Levels::default(),
            kept_levels: Levels::default(),
            over: false,
            changed: 0,
            touched: false,
            growth: Growth::None,
        }
    }

    fn sum(&mut self, sum: Use) -> &mut Resources {
        match sum {
            Use::Charged => &mut self.charged,
            Use::Foreign => &mut self.foreign,
            Use::Offered => &mut self.offered,
            Use::Reserved => &mut self.reserved,
        }
    }

    /// All that is in use.
    pub(crate) fn used(&self) -> Resources {
        let mut used = self.charged.clone();
        used.add(&self.foreign);
        used.add(&self.offered);
        used.add(&self.held);
        used.add(&self.reserved);
        used
    }

    /// What is in use beyond the capacity: empty unless the cluster was changed from outside.
    pub(crate) fn excess(&self) -> Amounts {
        let Some(agent) = &self.agent else { return Amounts::new() };
        let used = self.used();
        if agent.capacity.contains(&used) { Amounts::new() } else { agent.capacity.shortfall(&used) }
    }

    /// The same, as far as it is flagged.
    pub(crate) fn flagged_excess(&self) -> Amounts {
        if self.over { self.excess() } else { Amounts::new() }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.state == AgentState::Active)
    }

    pub(crate) fn has_gpus(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| !agent.capacity.gpus.is_empty())
    }
}

/// Which sum of an agent something in use belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Charged,
    Foreign,
    Offered,
    Reserved,
}

impl Books {
    /// The number of the agent of this name, which is entered, unknown, if it is not there.
    pub(crate) fn agent_no(&mut self, id: &AgentId) -> AgentNo {
        if let Some(no) = self.agent_names.get(id) {
            return *no;
        }
        let no = self.agents.insert(AgentBook::new(id.clone()));
        self.agent_names.insert(id.clone(), no);
        no
    }

    /// Replaces what is known of an agent; none when it is gone.
    pub(crate) fn set_agent(&mut self, no: AgentNo, agent: Option<Agent>) {
        self.note_levels(no);
        let capacity = |agent: &Option<Agent>| agent.as_ref().map(|agent| agent.capacity.clone());
        if capacity(&self.agents.at(no).agent) != capacity(&agent) {
            // Another total moves every share.
            self.moved_all();
        }
        if self.agents.at(no).agent.is_some() != agent.is_some() {
            self.repool();
        }
        let drains = agent.as_ref().is_some_and(|agent| agent.state == AgentState::Draining);
        if drains {
            self.draining.insert(no)
        } else {
            self.draining.remove(&no)
        };
        let book = self.agents.at_mut(no);
        let counted = book.agent.as_ref().filter(|_| !book.revocable);
        let counted = counted.filter(|_| agent.is_some() || !self.planted.is(Plant::LostAndFound));
        if let Some(before) = counted {
            self.total.take_up_to(&before.capacity);
        }
        // It counts again, as what it is now, when what is free is computed.
        let free = core::mem::take(&mut book.free);
        let (active, revocable) = (book.is_active(), book.revocable);
        if active {
            self.all_free(revocable).take_up_to(&free);
        }
        if let Some(now) = agent.as_ref().filter(|_| !revocable) {
            self.total.add(&now.capacity);
        }
        let book = self.agents.at_mut(no);
        if agent.is_none() {
            book.levels.clear();
            book.kept_levels.clear();
        }
        book.agent = agent;
        self.fleet += 1;
        self.refresh_free(no);
        self.refresh_reservations_on(no);
        self.drop_agent_if_unused(no);
    }

    /// Enters uses of an agent.
    pub(crate) fn occupy(&mut self, no: AgentNo, sum: Use, resources: &Resources, uses: u32) {
        self.note_levels(no);
        self.used.add(resources);
        let book = self.agents.at_mut(no);
        book.sum(sum).add(resources);
        book.uses = book.uses.saturating_add(uses);
        if book.over || !book.free.contains(resources) {
            return self.refresh_free(no);
        }
        book.free.take_up_to(resources);
        if book.is_active() {
            let revocable = book.revocable;
            self.all_free(revocable).take_up_to(resources);
        }
        // Fewer free GPUs keep less room, so that they too may leave more for others.
        self.note_free(no, !resources.gpus.is_empty());
    }

    /// Strikes a use of an agent out.
    pub(crate) fn vacate(&mut self, no: AgentNo, sum: Use, resources: &Resources) {
        self.note_levels(no);
        self.used.take_up_to(resources);
        let book = self.agents.at_mut(no);
        book.sum(sum).take_up_to(resources);
        book.uses = book.uses.saturating_sub(1);
        if book.over || book.agent.is_none() {
            self.refresh_free(no);
            return self.drop_agent_if_unused(no);
        }
        if self.planted.is(Plant::Conservation) {
            return;
        }
        book.free.add(resources);
        if book.is_active() {
            let revocable = book.revocable;
            self.all_free(revocable).add(resources);
        }
        self.note_free(no, true);
    }

    /// Replaces what is held of an agent. Who may see what came free by it is for the caller to note.
    pub(crate) fn set_held(&mut self, no: AgentNo, held: Resources) {
        self.note_levels(no);
        let book = self.agents.at_mut(no);
        let before = core::mem::replace(&mut book.held, held);
        self.used.take_up_to(&before);
        self.used.add(&book.held);
        self.recompute_free(no);
        self.touch_agent(no);
    }

    /// Computes what is free from the capacity and all that is in use.
    fn refresh_free(&mut self, no: AgentNo) {
        let grew = self.recompute_free(no);
        self.note_free(no, grew);
    }

    /// The same; says whether there is more of anything.
    fn recompute_free(&mut self, no: AgentNo) -> bool {
        let book = self.agents.at_mut(no);
        let mut free = book.agent.as_ref().map(|agent| agent.capacity.clone()).unwrap_or_default();
        book.over = !free.contains(&book.used());
        for sum in [&book.charged, &book.foreign, &book.offered, &book.held, &book.reserved] {
            free.take_up_to(sum);
        }
        let before = core::mem::replace(&mut book.free, free);
        let grew = !before.contains(&book.free) || before.gpus != book.free.gpus;
        if book.over && !book.held.is_zero() {
            self.soft.holds.crowded.push(no);
        }
        if book.is_active() {
            let sum = if book.revocable { &mut self.revocable_free } else { &mut self.free };
            sum.take_up_to(&before);
            sum.add(&book.free);
        }
        grew
    }

    /// Notes that what is free on an agent changed.
    pub(crate) fn note_free(&mut self, no: AgentNo, grew: bool) {
        let refusals = self.soft.refusals;
        self.agents.at_mut(no).changed = refusals;
        self.soft.holds.stale = true;
        if grew {
            self.agent_grew(no, Growth::More);
        }
        self.touch_agent(no);
    }

    fn touch_agent(&mut self, no: AgentNo) {
        if !core::mem::replace(&mut self.agents.at_mut(no).touched, true) {
            self.touched_agents.push(no);
        }
        self.pooled(no);
    }

    pub(crate) fn drop_agent_if_unused(&mut self, no: AgentNo) {
        let book = self.agents.at(no);
        if book.agent.is_none() && book.uses == 0 {
            let id = book.id.clone();
            self.agent_names.remove(&id);
            self.agents.at_mut(no).growth = Growth::None;
            self.agents.remove(no);
        }
    }
}

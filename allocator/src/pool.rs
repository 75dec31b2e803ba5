//! The agents by name, in blocks that know the most that any of their agents has free: a search skips the blocks, and
//! in a full cluster that is nearly all of them.

use crate::ask::Shape;
use crate::books::agent::AgentBook;
use crate::books::{AgentNo, Books};
use crate::resources::Resources;
use alloc::vec::Vec;

const BLOCK: usize = 64;

/// The agents that are known, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    ranks: Vec<AgentNo>,
    /// What each has free, by rank.
    rooms: Vec<Room>,
    /// The rank of each agent, by its number.
    of: Vec<usize>,
    /// Of each block at least the most that any of its agents has free.
    blocks: Vec<Room>,
    /// Whether it is so now: not since an agent came or went.
    fresh: bool,
}

/// The amounts that a search goes by; what holds them may hold the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    cpu_milli: u64,
    memory_bytes: u64,
    pods: u64,
    gpus: u64,
    /// One where there is anything at all.
    any: u64,
}

impl Room {
    pub(crate) fn of(resources: &Resources) -> Self {
        let Resources { cpu_milli, memory_bytes, disk_bytes: _, pods, gpus, other: _ } = resources;
        Self {
            cpu_milli: *cpu_milli,
            memory_bytes: *memory_bytes,
            pods: *pods,
            gpus: gpus.total(),
            any: u64::from(!resources.is_zero()),
        }
    }

    /// Anything.
    pub(crate) const ANY: Self = Self { cpu_milli: 0, memory_bytes: 0, pods: 0, gpus: 0, any: 1 };

    /// The same, but not of nothing.
    pub(crate) fn and_something(self) -> Self {
        Self { any: 1, ..self }
    }

    fn combine(self, other: Self, choose: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            cpu_milli: choose(self.cpu_milli, other.cpu_milli),
            memory_bytes: choose(self.memory_bytes, other.memory_bytes),
            pods: choose(self.pods, other.pods),
            gpus: choose(self.gpus, other.gpus),
            any: choose(self.any, other.any),
        }
    }

    pub(crate) fn least(self, other: Self) -> Self {
        self.combine(other, u64::min)
    }

    fn holds(&self, part: &Self) -> bool {
        part.cpu_milli <= self.cpu_milli
            && part.memory_bytes <= self.memory_bytes
            && part.pods <= self.pods
            && part.gpus <= self.gpus
            && part.any <= self.any
    }
}

fn most(block: &[Room]) -> Room {
    block.iter().fold(Room::default(), |most, room| most.combine(*room, u64::max))
}

fn room(book: &AgentBook) -> Room {
    if book.is_active() { Room::of(&book.free) } else { Room::default() }
}

impl Shape {
    /// The amounts that a search for it goes by.
    pub(crate) fn room(&self) -> Room {
        let gpus = self.gpu.as_ref().map_or(0, |gpu| gpu.count);
        Room { gpus, any: 0, ..Room::of(&self.base) }
    }
}

impl Books {
    /// The agents that are known, by name.
    pub(crate) fn known_agents(&self) -> impl Iterator<Item = (AgentNo, &AgentBook)> {
        let ranked = self.pool.fresh.then_some(&self.pool.ranks).into_iter().flatten();
        let named = (!self.pool.fresh).then(|| self.agent_names.values()).into_iter().flatten();
        ranked.chain(named).map(|no| (*no, self.agents.at(*no))).filter(|(_, book)| book.agent.is_some())
    }

    /// Puts the agents in order after some came or went.
    pub(crate) fn refresh_pool(&mut self) {
        if self.pool.fresh {
            return;
        }
        let known = self.agent_names.values().filter(|no| self.agents.at(**no).agent.is_some());
        let ranks: Vec<AgentNo> = known.copied().collect();
        let numbers = ranks.iter().map(|no| no.index() + 1).max().unwrap_or_default();
        let mut of = alloc::vec![usize::MAX; numbers];
        for (rank, no) in ranks.iter().enumerate() {
            if let Some(place) = of.get_mut(no.index()) {
                *place = rank;
            }
        }
        let rooms: Vec<Room> = ranks.iter().map(|no| room(self.agents.at(*no))).collect();
        let blocks = rooms.chunks(BLOCK).map(most).collect();
        self.pool = Pool { ranks, rooms, of, blocks, fresh: true };
    }

    /// Notes that an agent came or went.
    pub(crate) fn repool(&mut self) {
        self.pool.fresh = false;
    }

    /// Notes that an agent has more or less free than before.
    pub(crate) fn pooled(&mut self, no: AgentNo) {
        if !self.pool.fresh {
            return;
        }
        let known = self.pool.of.get(no.index()).copied().filter(|rank| *rank < self.pool.ranks.len());
        let Some(rank) = known else { return };
        let room = room(self.agents.at(no));
        if let Some(most) = self.pool.blocks.get_mut(rank / BLOCK) {
            *most = most.combine(room, u64::max);
        }
        if let Some(known) = self.pool.rooms.get_mut(rank) {
            *known = room;
        }
    }

    /// The first agent from a rank on whose free part may hold `least`, with its rank. Blocks that promised more than
    /// they have are corrected on the way.
    pub(crate) fn search(&mut self, least: &Room, from: usize) -> Option<(usize, AgentNo)> {
        let found = self.candidate(least, from);
        let end = found.map_or(self.pool.ranks.len(), |(rank, _)| rank);
        for at in from.div_ceil(BLOCK)..end / BLOCK {
            if self.pool.blocks.get(at).is_some_and(|most| most.holds(least)) {
                let most = self.pool.rooms.get(at * BLOCK..(at + 1) * BLOCK).map(most).unwrap_or_default();
                if let Some(promised) = self.pool.blocks.get_mut(at) {
                    *promised = most;
                }
            }
        }
        found
    }

    /// The first agent from a rank on whose free part may hold `least`, with its rank.
    pub(crate) fn candidate(&self, least: &Room, from: usize) -> Option<(usize, AgentNo)> {
        let mut rank = from;
        while let Some(most) = self.pool.blocks.get(rank / BLOCK) {
            let next = (rank / BLOCK + 1) * BLOCK;
            if most.holds(least) {
                let block = self.pool.rooms.get(rank..self.pool.rooms.len().min(next))?;
                if let Some(at) = block.iter().position(|room| room.holds(least)) {
                    return self.pool.ranks.get(rank + at).map(|no| (rank + at, *no));
                }
            }
            rank = next;
        }
        None
    }

    /// The agents, by name, whose free part may hold `least`; while the order is not fresh, all.
    pub(crate) fn candidates(&self, least: Room) -> impl Iterator<Item = AgentNo> {
        let step = move |at: &(usize, AgentNo)| self.candidate(&least, at.0 + 1);
        let ranked = core::iter::successors(self.candidate(&least, 0).filter(|_| self.pool.fresh), step);
        let named = (!self.pool.fresh).then(|| self.agent_names.values().copied()).into_iter().flatten();
        ranked.map(|(_, no)| no).chain(named.filter(|no| self.agents.at(*no).agent.is_some()))
    }
}

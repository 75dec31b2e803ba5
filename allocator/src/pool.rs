//! The agents by name, in blocks that know the most that any of their agents has free, and these in blocks again: a
//! search skips the blocks, and in a full cluster that is nearly all of them.

use crate::ask::Shape;
use crate::books::agent::AgentBook;
use crate::books::{AgentNo, Books};
use crate::resources::Resources;
use alloc::vec::Vec;

const BLOCK: usize = 16;

/// The agents that are known, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    ranks: Vec<AgentNo>,
    /// First what each has free, by rank; then, of each block of the floor below, the most that any in it has; the last
    /// floor is one block.
    floors: Vec<Vec<Room>>,
    /// The rank of each agent, by its number.
    of: Vec<usize>,
    /// Agents that have more or less free than is noted here. More is noted before anybody searches; less may be noted
    /// later, as what is found is looked at.
    moved: Vec<AgentNo>,
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

    /// Notes what agents have free now, and puts them in order after some came or went.
    pub(crate) fn refresh_pool(&mut self) {
        if self.pool.fresh {
            return self.settle_pool();
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
        let mut floors: Vec<Vec<Room>> = Vec::new();
        let mut floor: Vec<Room> = ranks.iter().map(|no| room(self.agents.at(*no))).collect();
        while floor.len() > BLOCK {
            let above = floor.chunks(BLOCK).map(most).collect();
            floors.push(core::mem::replace(&mut floor, above));
        }
        floors.push(floor);
        self.pool = Pool { ranks, floors, of, moved: Vec::new(), fresh: true };
    }

    /// Notes that an agent came or went.
    pub(crate) fn repool(&mut self) {
        self.pool.fresh = false;
        self.pool.moved.clear();
    }

    /// Notes that an agent has more or less free than before; how much is looked at once, when all is done to it.
    pub(crate) fn pooled(&mut self, no: AgentNo) {
        if self.pool.fresh && self.pool.moved.last() != Some(&no) {
            self.pool.moved.push(no);
        }
    }

    /// Notes what the agents that changed have free now.
    pub(crate) fn settle_pool(&mut self) {
        let mut moved = core::mem::take(&mut self.pool.moved);
        moved.drain(..).for_each(|no| self.pool_anew(no));
        // The list is kept for what moves next.
        self.pool.moved = moved;
    }

    fn pool_anew(&mut self, no: AgentNo) {
        let known = self.pool.of.get(no.index()).copied().filter(|rank| *rank < self.pool.ranks.len());
        let Some(rank) = known else { return };
        let mut room = room(self.agents.at(no));
        let mut at = rank;
        for floor in 0..self.pool.floors.len() {
            let Some(floor) = self.pool.floors.get_mut(floor) else { return };
            let Some(known) = floor.get_mut(at) else { return };
            if core::mem::replace(known, room) == room {
                return;
            }
            let block = at / BLOCK * BLOCK;
            room = most(floor.get(block..floor.len().min(block + BLOCK)).unwrap_or_default());
            at /= BLOCK;
        }
    }

    /// The first agent from a rank on whose free part may hold `least`, with its rank.
    pub(crate) fn candidate(&self, least: &Room, from: usize) -> Option<(usize, AgentNo)> {
        let (mut floor, mut at) = (0, from);
        loop {
            // To the end of this block; then in the next block, or down into the one that was found.
            let rooms = self.pool.floors.get(floor)?;
            let end = rooms.len().min((at / BLOCK + 1) * BLOCK);
            match rooms.get(at..end).unwrap_or_default().iter().position(|room| room.holds(least)) {
                Some(found) if floor == 0 => {
                    return self.pool.ranks.get(at + found).map(|no| (at + found, *no));
                }
                Some(found) => (floor, at) = (floor - 1, (at + found) * BLOCK),
                None => (floor, at) = (floor + 1, at / BLOCK + 1),
            }
        }
    }

    /// The agents, by name, whose free part may hold `least`; while the order is not fresh, all.
    pub(crate) fn candidates(&self, least: Room) -> impl Iterator<Item = AgentNo> {
        let step = move |at: &(usize, AgentNo)| self.candidate(&least, at.0 + 1);
        let ranked = core::iter::successors(self.candidate(&least, 0).filter(|_| self.pool.fresh), step);
        let named = (!self.pool.fresh).then(|| self.agent_names.values().copied()).into_iter().flatten();
        ranked.map(|(_, no)| no).chain(named.filter(|no| self.agents.at(*no).agent.is_some()))
    }
}

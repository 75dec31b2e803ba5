//! The agents of the trace and their state, and where the next task goes. Only what changed since a shape last came is
//! scored again for it, so that a placement costs a few scores and not one for each agent.

use crate::trace::{Machine, milli};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use twofold_allocator::device::{Device, DeviceAmount, Devices};
use twofold_allocator::id::TaskId;
use twofold_allocator::resources::Resources;
use twofold_allocator::score::{Piece, Room, Score, Scoring};

/// An agent as it is now.
#[derive(Clone)]
struct Standing {
    free: Resources,
    devices: Devices,
    room: Room,
    /// How often it changed.
    version: u32,
}

/// A score that was right when the agent had the version; ties go to the agent that is listed first.
type Entry = Reverse<(Score, usize, u32)>;

/// The agents by score for one shape.
#[derive(Default)]
struct Board {
    heap: BinaryHeap<Entry>,
    /// How many of the cluster's changes it has seen.
    seen: usize,
}

pub(crate) struct Cluster<'a> {
    scoring: &'a Scoring,
    agents: Vec<Standing>,
    boards: Vec<Option<Board>>,
    /// The agents that changed, in order.
    changes: Vec<usize>,
    placed: u32,
}

impl<'a> Cluster<'a> {
    /// An empty cluster, for tasks of so many shapes.
    pub(crate) fn new(machines: &[Machine], scoring: &'a Scoring, shapes: usize) -> Self {
        let agents = machines.iter().map(|machine| {
            let device = |at| Device {
                id: format!("g{at}").as_str().into(),
                model: machine.model.clone(),
                island: None,
            };
            let devices = Devices::new((0..machine.gpus).map(device));
            let room = Room::new(machine.capacity.clone(), &devices);
            Standing { free: machine.capacity.clone(), devices, room, version: 0 }
        });
        let boards = (0..shapes).map(|_| None).collect();
        Self { scoring, agents: agents.collect(), boards, changes: Vec::new(), placed: 0 }
    }

    /// Places a task on the best agent; how many thousandths of a GPU it was given, none when it fits nowhere.
    pub(crate) fn place(&mut self, shape: usize, piece: &Piece) -> Option<u64> {
        let mut board = self.boards[shape].take().unwrap_or_else(|| self.board(piece));
        self.catch_up(&mut board, piece);
        let best = loop {
            let Some(Reverse((score, at, version))) = board.heap.pop() else { break None };
            if self.agents[at].version == version {
                break Some((score, at));
            }
        };
        self.boards[shape] = Some(board);
        let (score, at) = best?;
        self.give(at, piece, score);
        Some(milli(piece))
    }

    /// Scores every agent; those that are alike once.
    fn board(&self, piece: &Piece) -> Board {
        let mut known: Vec<(&Room, Option<Score>)> = Vec::new();
        let mut heap = Vec::new();
        for (at, agent) in self.agents.iter().enumerate() {
            // Agents that are alike stand together in the trace, so it is the last one or none.
            let alike = known.last().filter(|(room, _)| **room == agent.room);
            let score = alike.map_or_else(|| self.scoring.score(&agent.room, piece), |(_, score)| *score);
            known.push((&agent.room, score));
            heap.extend(score.map(|score| Reverse((score, at, agent.version))));
        }
        Board { heap: heap.into(), seen: self.changes.len() }
    }

    /// Scores again what changed.
    fn catch_up(&self, board: &mut Board, piece: &Piece) {
        let mut changed = self.changes[board.seen..].to_vec();
        changed.sort_unstable();
        changed.dedup();
        board.seen = self.changes.len();
        for at in changed {
            let agent = &self.agents[at];
            let score = self.scoring.score(&agent.room, piece);
            board.heap.extend(score.map(|score| Reverse((score, at, agent.version))));
        }
    }

    fn give(&mut self, at: usize, piece: &Piece, score: Score) {
        let agent = &mut self.agents[at];
        agent.free.take(&piece.base).unwrap();
        if let Some(request) = &piece.devices {
            let grant = match request.amount {
                DeviceAmount::Share(_) => agent.devices.choose_share_at(request, score.device_free_milli),
                DeviceAmount::Whole(_) => agent.devices.choose(request),
            };
            self.placed += 1;
            let task = TaskId::from(self.placed.to_string());
            agent.devices.take(&task, &grant.unwrap()).unwrap();
        }
        agent.room = Room::new(agent.free.clone(), &agent.devices);
        agent.version += 1;
        self.changes.push(at);
    }

    /// Thousandths of free GPUs that the typical tasks could not use, by the trace paper's measure: for each shape, by
    /// weight, all that is free where it does not fit, else the devices with too little for it.
    pub(crate) fn fragmented(&self, typical: &[twofold_allocator::score::Typical]) -> f64 {
        let weight: f64 = typical.iter().map(|typical| f64::from(typical.weight)).sum();
        let of = |agent: &Standing| -> f64 {
            let idle: u32 = agent.devices.iter().map(|(_, free)| free).sum();
            let of_shape = |piece: &Piece| {
                let request = piece.devices.as_ref()?;
                let fits =
                    agent.free.cpu_milli >= piece.base.cpu_milli && agent.devices.choose(request).is_some();
                let (least, _) = request.amount.parts();
                let useful = agent.devices.iter().map(|(_, free)| free).filter(|free| *free >= least);
                fits.then(|| useful.sum::<u32>())
            };
            let lost = |piece| f64::from(idle - of_shape(piece).unwrap_or(0));
            typical.iter().map(|typical| f64::from(typical.weight) / weight * lost(&typical.piece)).sum()
        };
        self.agents.iter().map(of).sum()
    }
}

//! What was refused, in little space: a want keeps which agents it refused and when, an agent keeps how much it had
//! free when somebody refused it. "Refuse for ever" is a bit for each pair.

use crate::books::AgentNo;
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::vec::Vec;

/// The refusals of one want.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals(Vec<Decline>);

/// One answer that declined.
#[derive(Clone, Debug)]
struct Decline {
    /// Its number: refusals are counted over all wants.
    number: u64,
    until: Option<Timestamp>,
    agents: AgentSet,
}

impl Refusals {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn contains(&self, agent: AgentNo) -> bool {
        self.0.iter().any(|decline| decline.agents.contains(agent))
    }

    /// Adds a refusal of these agents, none of which is refused already.
    pub(crate) fn add(&mut self, number: u64, until: Option<Timestamp>, agents: Vec<AgentNo>, known: usize) {
        if !agents.is_empty() {
            self.0.push(Decline { number, until, agents: AgentSet::new(agents, known) });
        }
    }

    /// Shows an agent again; says whether it was hidden.
    pub(crate) fn lift(&mut self, agent: AgentNo) -> bool {
        self.lift_if(agent, |_| true)
    }

    /// Shows an agent again that was refused in one of these; says whether it was.
    pub(crate) fn lift_within(&mut self, agent: AgentNo, levels: &[Level]) -> bool {
        self.lift_if(agent, |number| levels.iter().any(|level| (level.from..=level.to).contains(&number)))
    }

    fn lift_if(&mut self, agent: AgentNo, which: impl Fn(u64) -> bool) -> bool {
        let mut lifted = false;
        self.0.retain_mut(|decline| {
            lifted |= which(decline.number) && decline.agents.remove(agent);
            !decline.agents.is_empty()
        });
        lifted
    }

    /// Ends what ends by time; says whether anything did.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let before = self.0.len();
        self.0.retain(|decline| decline.until.is_none_or(|until| until > now));
        self.0.len() < before
    }

    /// When the next one ends by time.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|decline| decline.until).min()
    }

    /// All agents that are hidden.
    pub(crate) fn agents(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|decline| decline.agents.iter())
    }
}

/// How much an agent had free through some refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    from: u64,
    to: u64,
    free: Resources,
}

/// The levels of one agent, the last refusal last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels(Vec<Level>);

impl Levels {
    /// More than this are not kept apart: the older then count as refused at the lesser amounts, which shows an agent
    /// too early rather than too late.
    pub(crate) const MOST: usize = 16;

    /// Notes a refusal at what is free now, which it is since the refusal `since`.
    pub(crate) fn note(&mut self, number: u64, since: u64, free: &Resources) {
        match self.0.last_mut() {
            Some(last) if last.to > since => last.to = number,
            Some(_) | None => self.0.push(Level { from: number, to: number, free: free.clone() }),
        }
        if self.0.len() > Self::MOST {
            let oldest = self.0.remove(0);
            if let Some(next) = self.0.first_mut() {
                next.from = oldest.from;
            }
        }
    }

    /// Takes out the levels that do not contain what is free now.
    pub(crate) fn outgrown(&mut self, free: &Resources) -> Vec<Level> {
        if self.0.iter().all(|level| level.free.contains(free)) {
            return Vec::new();
        }
        let (kept, out) =
            core::mem::take(&mut self.0).into_iter().partition(|level| level.free.contains(free));
        self.0 = kept;
        out
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A set of agents: a list where there are few, else a bit for each.
#[derive(Clone, Debug)]
enum AgentSet {
    Few(Vec<AgentNo>),
    Many { bits: Vec<u64>, count: usize },
}

impl AgentSet {
    fn new(mut agents: Vec<AgentNo>, known: usize) -> Self {
        if agents.len() <= known / 32 {
            agents.sort_unstable();
            agents.shrink_to_fit();
            return Self::Few(agents);
        }
        let words = agents.iter().map(|no| no.index() / 64 + 1).max().unwrap_or_default();
        let mut bits = alloc::vec![0u64; words];
        for no in &agents {
            if let Some(word) = bits.get_mut(no.index() / 64) {
                *word |= 1 << (no.index() % 64);
            }
        }
        Self::Many { bits, count: agents.len() }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Few(agents) => agents.is_empty(),
            Self::Many { count, .. } => *count == 0,
        }
    }

    fn contains(&self, agent: AgentNo) -> bool {
        match self {
            Self::Few(agents) => agents.binary_search(&agent).is_ok(),
            Self::Many { bits, .. } => {
                bits.get(agent.index() / 64).is_some_and(|word| word & (1 << (agent.index() % 64)) != 0)
            }
        }
    }

    fn remove(&mut self, agent: AgentNo) -> bool {
        if !self.contains(agent) {
            return false;
        }
        match self {
            Self::Few(agents) => agents.retain(|no| *no != agent),
            Self::Many { bits, count } => {
                if let Some(word) = bits.get_mut(agent.index() / 64) {
                    *word &= !(1 << (agent.index() % 64));
                    *count -= 1;
                }
            }
        }
        true
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        let (few, many): (&[AgentNo], &[u64]) = match self {
            Self::Few(agents) => (agents, &[]),
            Self::Many { bits, .. } => (&[], bits),
        };
        let set = many.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        });
        few.iter().map(|no| no.index()).chain(set)
    }
}

//! What was refused, in little space: a want keeps which agents it refused and when, an agent keeps how much it had
//! free when somebody refused it. "Refuse for ever" is a bit for each pair where an answer refused many agents.

use crate::books::AgentNo;
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::vec::Vec;

/// The refusals of one want. No agent is in two of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals {
    /// Agents that were refused with few others, in order.
    few: Vec<(AgentNo, Decline)>,
    /// Answers that refused many agents.
    many: Vec<(Decline, AgentSet)>,
}

/// One answer that declined.
#[derive(Clone, Copy, Debug)]
struct Decline {
    /// Its number: refusals are counted over all wants.
    number: u64,
    until: Option<Timestamp>,
}

impl Decline {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Refusals {
    pub(crate) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    /// No more agents than this are refused; none are if it is 0.
    pub(crate) fn at_most(&self) -> usize {
        self.few.len() + self.many.iter().map(|(_, agents)| agents.words.len() * 64).sum::<usize>()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn contains(&self, agent: AgentNo) -> bool {
        self.many.iter().any(|(_, agents)| agents.contains(agent))
            || self.few.binary_search_by_key(&agent, |(agent, _)| *agent).is_ok()
    }

    /// Adds a refusal of these agents, none of which is refused already.
    pub(crate) fn add(&mut self, number: u64, until: Option<Timestamp>, agents: AgentSet) {
        let decline = Decline { number, until };
        let count = agents.len();
        if count > agents.words.len() * 2 {
            self.many.push((decline, agents));
        } else if count > 0 {
            self.few.extend(agents.iter().map(|agent| (agent, decline)));
            self.few.sort_unstable_by_key(|(agent, _)| *agent);
        }
    }

    /// Adds a refusal of one agent that is not refused already.
    pub(crate) fn add_one(&mut self, number: u64, until: Option<Timestamp>, agent: AgentNo) {
        let at = self.few.partition_point(|(known, _)| *known < agent);
        self.few.insert(at, (agent, Decline { number, until }));
    }

    /// Takes out of a set the agents that are refused.
    pub(crate) fn strike_from(&self, agents: &mut AgentSet) {
        for (agent, _) in &self.few {
            agents.remove(*agent);
        }
        for (_, refused) in &self.many {
            for (word, refused) in agents.words.iter_mut().zip(&refused.words) {
                *word &= !refused;
            }
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
        if let Ok(at) = self.few.binary_search_by_key(&agent, |(agent, _)| *agent) {
            let lifted = self.few.get(at).is_some_and(|(_, decline)| which(decline.number));
            if lifted {
                self.few.remove(at);
            }
            return lifted;
        }
        let mut refused = self.many.iter_mut();
        let lifted = refused.any(|(decline, agents)| which(decline.number) && agents.remove(agent));
        if lifted {
            self.many.retain(|(_, agents)| !agents.is_empty());
        }
        lifted
    }

    /// Ends what ends by time; says whether anything did.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let before = (self.few.len(), self.many.len());
        self.few.retain(|(_, decline)| !decline.is_over(now));
        self.many.retain(|(decline, _)| !decline.is_over(now));
        before != (self.few.len(), self.many.len())
    }

    /// When the next one ends by time.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        let few = self.few.iter().map(|(_, decline)| decline);
        few.chain(self.many.iter().map(|(decline, _)| decline)).filter_map(|decline| decline.until).min()
    }

    /// All agents that are hidden.
    pub(crate) fn agents(&self) -> impl Iterator<Item = AgentNo> {
        let many = self.many.iter().flat_map(|(_, agents)| agents.iter());
        self.few.iter().map(|(agent, _)| *agent).chain(many)
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

    /// Notes a refusal at what is free now, which it is since the refusal `since`. Between two at the same amounts there
    /// was none at others, or that would stand between them.
    pub(crate) fn note(&mut self, number: u64, since: u64, free: &Resources) {
        match self.0.last_mut() {
            Some(last) if last.to > since || last.free == *free => last.to = number.max(last.to),
            Some(_) | None => self.0.push(Level { from: since + 1, to: number, free: free.clone() }),
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

/// A set of agents: a bit for each, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentSet {
    words: Vec<u64>,
}

impl AgentSet {
    fn place(agent: AgentNo) -> (usize, u64) {
        (agent.index() / 64, 1 << (agent.index() % 64))
    }

    pub(crate) fn insert(&mut self, agent: AgentNo) {
        let (at, bit) = Self::place(agent);
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at) {
            *word |= bit;
        }
    }

    /// Puts in all of another set.
    pub(crate) fn insert_all(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    pub(crate) fn contains(&self, agent: AgentNo) -> bool {
        let (at, bit) = Self::place(agent);
        self.words.get(at).is_some_and(|word| word & bit != 0)
    }

    /// Takes an agent out; says whether it was in.
    pub(crate) fn remove(&mut self, agent: AgentNo) -> bool {
        let (at, bit) = Self::place(agent);
        let Some(word) = self.words.get_mut(at).filter(|word| **word & bit != 0) else { return false };
        *word &= !bit;
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn iter(&self) -> impl Iterator<Item = AgentNo> {
        self.words.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| AgentNo::at(at * 64 + bit))
        })
    }
}

//! Whether a constraint holds on an agent.

use crate::agent::Agent;
use crate::ask::Constraint;
use core::fmt;

impl Constraint {
    /// Whether it holds on this agent. An agent without a fault domain is in no zone; an attribute that is no
    /// integer is neither above nor below anything.
    #[must_use]
    pub fn holds(&self, agent: &Agent) -> bool {
        let integer = |key| agent.attributes.get(key).and_then(|value| value.as_str().parse::<i64>().ok());
        match self {
            Self::AttributeIn(key, values) => {
                agent.attributes.get(key).is_some_and(|value| values.contains(value))
            }
            Self::AttributeNotIn(key, values) => {
                agent.attributes.get(key).is_none_or(|value| !values.contains(value))
            }
            Self::AttributeExists(key) => agent.attributes.contains_key(key),
            Self::AttributeAbsent(key) => !agent.attributes.contains_key(key),
            Self::AttributeAbove(key, bound) => integer(key).is_some_and(|value| value > *bound),
            Self::AttributeBelow(key, bound) => integer(key).is_some_and(|value| value < *bound),
            Self::ZoneIn(zones) => agent.domain.as_ref().is_some_and(|domain| zones.contains(&domain.zone)),
            Self::AgentIn(agents) => agents.contains(&agent.id),
            Self::AgentNotIn(agents) => !agents.contains(&agent.id),
            Self::InReach(_, reach) => reach.holds(agent),
            Self::Revocable => agent.id.is_revocable(),
            Self::Any(any) => any.iter().any(|constraint| constraint.holds(agent)),
            Self::All(all) => all.iter().all(|constraint| constraint.holds(agent)),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttributeIn(key, values) => write!(f, "{key} is {}", Joined(values, " or ")),
            Self::AttributeNotIn(key, values) => write!(f, "{key} is not {}", Joined(values, " or ")),
            Self::AttributeExists(key) => write!(f, "{key} is there"),
            Self::AttributeAbsent(key) => write!(f, "{key} is not there"),
            Self::AttributeAbove(key, bound) => write!(f, "{key} is above {bound}"),
            Self::AttributeBelow(key, bound) => write!(f, "{key} is below {bound}"),
            Self::ZoneIn(zones) => write!(f, "the zone is {}", Joined(zones, " or ")),
            Self::AgentIn(agents) => write!(f, "the agent is {}", Joined(agents, " or ")),
            Self::AgentNotIn(agents) => write!(f, "the agent is not {}", Joined(agents, " or ")),
            Self::InReach(volume, reach) => write!(f, "volume {volume} can be used from {reach}"),
            Self::Revocable => f.write_str("its room is revocable"),
            Self::Any(any) => write!(f, "any of ({})", Joined(any, "; ")),
            Self::All(all) => write!(f, "all of ({})", Joined(all, "; ")),
        }
    }
}

/// Things with a word between; at most eight, then how many more there are.
struct Joined<'a, I>(&'a I, &'a str);

impl<'a, I, T> fmt::Display for Joined<'a, I>
where
    &'a I: IntoIterator<Item = T>,
    T: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 8;
        let mut more = 0u32;
        for (at, item) in self.0.into_iter().enumerate() {
            if at >= MOST {
                more += 1;
            } else {
                write!(f, "{}{item}", if at == 0 { "" } else { self.1 })?;
            }
        }
        if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{AgentState, GpuRoom};
    use crate::resources::Resources;
    use alloc::vec;

    fn agent(name: &str) -> Agent {
        Agent {
            id: name.into(),
            capacity: Resources::new(1000, 0),
            domain: None,
            attributes: [("disk".into(), "ssd".into())].into(),
            state: AgentState::Active,
            gpu_room: GpuRoom::Kept,
        }
    }

    #[test]
    fn any_of_none_never_holds_and_all_of_none_always_does() {
        let on = |name: &str| Constraint::AgentIn([name.into()].into());
        let holds = |constraint: Constraint| constraint.holds(&agent("m"));
        assert!(!holds(Constraint::Any(vec![])));
        assert!(holds(Constraint::All(vec![])));
        assert!(holds(Constraint::Any(vec![on("n"), on("m")])));
        assert!(!holds(Constraint::Any(vec![on("n"), on("o")])));
        assert!(holds(Constraint::All(vec![on("m"), Constraint::AttributeExists("disk".into())])));
        assert!(!holds(Constraint::All(vec![on("m"), on("n")])));
    }
}

//! Whether a constraint holds on an agent.

use crate::agent::Agent;
use crate::ask::Constraint;

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
            Self::Any(any) => any.iter().any(|constraint| constraint.holds(agent)),
            Self::All(all) => all.iter().all(|constraint| constraint.holds(agent)),
        }
    }
}

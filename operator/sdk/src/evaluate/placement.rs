//! Stage two: the pod type's placement rule, and the zone that an instance's record binds it to.

use super::census::Standing;
use super::spot::{Against, Need, Spot};
use crate::refusal::{Reason, Stage};
use crate::rule::{Domain, Rule};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(super) fn check(need: Need<'_>, spot: &Spot<'_>, standing: &Standing<'_>, against: &mut Against) {
    let bound = need.seen.and_then(|seen| seen.bound_zone.as_ref());
    if let Some(zone) = bound
        && spot.zone() != Some(zone)
    {
        against.no(Stage::Placement, Reason::Rule(format!("it belongs in zone {zone}")));
    }
    if let Err(why) = holds(&need.pod_type.rule, spot, standing) {
        against.no(Stage::Placement, Reason::Rule(why));
    }
}

/// Whether the rule holds for one more instance on the spot; if not, why.
fn holds(rule: &Rule, spot: &Spot<'_>, standing: &Standing<'_>) -> Result<(), String> {
    match rule {
        Rule::Spread { required: false, .. } => Ok(()),
        Rule::Spread { over, among, required: true } => {
            let count = standing.own_count(*over, spot).ok_or_else(|| no_domain(*over))?;
            let name = domain_name(*over, spot);
            if !among.is_empty() && !among.iter().any(|allowed| *allowed.as_str() == *raw_name(*over, spot)) {
                return Err(format!("{name} is none of those that it is spread over"));
            }
            let least = standing.least(*over, among);
            let text = || format!("{name} already has {count} while another has {least}");
            if count <= least { Ok(()) } else { Err(text()) }
        }
        Rule::AtMost { count: most, per } => {
            let count = standing.own_count(*per, spot).ok_or_else(|| no_domain(*per))?;
            let text = || format!("{} has {count} already, at most {most}", domain_name(*per, spot));
            if count < *most { Ok(()) } else { Err(text()) }
        }
        Rule::Agent(constraint) if constraint.holds(spot.agent) => Ok(()),
        Rule::Agent(constraint) => Err(format!("not so: {constraint}")),
        Rule::SameAs { pod_type, domain } => {
            if !standing.is_placed(pod_type, *domain) {
                return Ok(());
            }
            match standing.count(pod_type, *domain, spot) {
                Some(count) if count > 0 => Ok(()),
                Some(_) => Err(format!("{} has no {pod_type}", domain_name(*domain, spot))),
                None => Err(no_domain(*domain)),
            }
        }
        Rule::All(rules) => all(rules.iter().filter_map(|rule| holds(rule, spot, standing).err()).collect()),
        Rule::Any(rules) => any(rules, spot, standing),
        Rule::Not(inner) => match holds(inner, spot, standing) {
            Ok(()) => Err("what is ruled out holds there".to_string()),
            Err(_) => Ok(()),
        },
    }
}

fn all(failed: Vec<String>) -> Result<(), String> {
    if failed.is_empty() { Ok(()) } else { Err(failed.join(", and ")) }
}

fn any(rules: &[Rule], spot: &Spot<'_>, standing: &Standing<'_>) -> Result<(), String> {
    let mut failed = Vec::new();
    for rule in rules {
        match holds(rule, spot, standing) {
            Ok(()) => return Ok(()),
            Err(why) => failed.push(why),
        }
    }
    if failed.is_empty() {
        return Err("the rule has no alternative".to_string());
    }
    Err(failed.join(", and "))
}

/// How many of the same pod type already stand where the rule would rather have few; less is better.
pub(super) fn crowding(rule: &Rule, spot: &Spot<'_>, standing: &Standing<'_>) -> u64 {
    match rule {
        Rule::Spread { over, .. } => u64::from(standing.own_count(*over, spot).unwrap_or(u32::MAX)),
        Rule::All(rules) => rules.iter().map(|rule| crowding(rule, spot, standing)).sum(),
        Rule::AtMost { .. } | Rule::Agent(_) | Rule::SameAs { .. } | Rule::Any(_) | Rule::Not(_) => 0,
    }
}

/// The least that [`crowding`] can be on any agent.
pub(super) fn least_crowding(rule: &Rule, standing: &Standing<'_>) -> u64 {
    match rule {
        Rule::Spread { over, .. } => u64::from(standing.least(*over, &BTreeSet::new())),
        Rule::All(rules) => rules.iter().map(|rule| least_crowding(rule, standing)).sum(),
        Rule::AtMost { .. } | Rule::Agent(_) | Rule::SameAs { .. } | Rule::Any(_) | Rule::Not(_) => 0,
    }
}

/// The domain as refusals name it. Agents stay without name, so that equal refusals can be counted together.
fn domain_name(domain: Domain, spot: &Spot<'_>) -> String {
    match domain {
        Domain::Agent => "the agent".to_string(),
        Domain::Zone => format!("zone {}", raw_name(domain, spot)),
    }
}

fn raw_name<'a>(domain: Domain, spot: &'a Spot<'_>) -> &'a str {
    match domain {
        Domain::Agent => spot.agent.id.as_str(),
        Domain::Zone => spot.zone().map(|zone| zone.as_str()).unwrap_or_default(),
    }
}

fn no_domain(domain: Domain) -> String {
    match domain {
        Domain::Agent => "the agent has no name".to_string(),
        Domain::Zone => "the agent does not say its zone".to_string(),
    }
}

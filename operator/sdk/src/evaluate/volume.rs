//! Stage five: where the instance's volumes can be used. Data that is on an agent is not left for room on another.

use super::spot::{Against, Need, Spot};
use crate::observed::Reach;
use crate::refusal::{Reason, Stage};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// More names than this do not help a reader.
const LISTED: usize = 4;

pub(super) fn check(need: Need<'_>, spot: &Spot<'_>, against: &mut Against) {
    let where_usable = match need.seen.map(|seen| &seen.reach) {
        None | Some(Reach::Anywhere) => return,
        Some(Reach::Zones(zones)) => {
            if spot.zone().is_some_and(|zone| zones.contains(zone)) {
                return;
            }
            format!("in zone {}", listed(zones.iter().map(|zone| zone.as_str())))
        }
        Some(Reach::Agents(agents)) => {
            if agents.contains(&spot.agent.id) {
                return;
            }
            format!("on agent {}", listed(agents.iter().map(|agent| agent.as_str())))
        }
    };
    against.no(Stage::Volume, Reason::Volume(where_usable));
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.get(..LISTED) {
        Some(first) if names.len() > LISTED => {
            format!("{} or {} more", first.join(", "), names.len() - LISTED)
        }
        Some(_) | None => names.join(" or "),
    }
}

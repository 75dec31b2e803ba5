//! Devices in the text of a world.

use super::Words;
use std::fmt::Write;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::device::{Device, DeviceSet, Grant};
use twofold_allocator::id::Word;

/// `g0:a100:x,g1:a100:-` as devices: name, model, island.
fn devices(text: Option<&str>) -> Option<Vec<Device>> {
    let device = |one: &str| {
        let mut parts = one.split(':');
        let (id, model) = (parts.next()?.into(), parts.next()?.into());
        let island = parts.next().filter(|island| *island != "-").map(Word::from);
        Some(Device { id, model, island })
    };
    text.unwrap_or_default().split(',').filter(|one| !one.is_empty()).map(device).collect()
}

/// What an agent shows, or that it shows nothing.
pub(super) fn change(verb: &str, agent: &str, words: &Words<'_>) -> Option<Change> {
    let (whole, shared) = (devices(words.get("whole"))?, devices(words.get("shared"))?);
    Some(Change::Devices(agent.into(), (verb == "devices").then_some(DeviceSet { whole, shared })))
}

/// `g0+g1,h0:300` as the devices of a task, and how much of each.
pub(super) fn grants(words: &Words<'_>) -> Option<Vec<Grant>> {
    let grant = |one: &str| {
        let (names, milli) = one.split_once(':').unwrap_or((one, "1000"));
        let devices = names.split('+').map(Word::from).collect();
        Some(Grant { devices, milli: milli.parse().ok()? })
    };
    words.get("has").unwrap_or_default().split(',').filter(|one| !one.is_empty()).map(grant).collect()
}

pub(super) fn named(grants: &[Grant]) -> String {
    let one = |grant: &Grant| {
        let names: Vec<&str> = grant.devices.iter().map(Word::as_str).collect();
        let milli = if grant.milli == 1000 { String::new() } else { format!(":{}", grant.milli) };
        format!("{}{milli}", names.join("+"))
    };
    let named: Vec<String> = grants.iter().map(one).collect();
    if named.is_empty() { String::new() } else { format!(" has {}", named.join(",")) }
}

/// Each device of an agent: what of it is free, who has it, and what is wrong with that.
pub(super) fn owners(allocator: &Allocator, agent: &str) -> String {
    let Some(devices) = allocator.devices(&agent.into()) else {
        return "it shows no devices\n".into();
    };
    let mut out = String::new();
    for set in [devices.whole(), devices.shared()] {
        for (device, free) in set.iter() {
            write!(out, "{} {}: {free} free", device.id, device.model).unwrap();
            for (task, milli) in set.uses(&device.id) {
                write!(out, "; {task} {milli}").unwrap();
            }
            out.push('\n');
        }
    }
    devices.excess().for_each(|excess| writeln!(out, "EXCESS {excess}").unwrap());
    out
}

//! What is wrong with a ring's resource by itself, all of it at once. Most of it the API server refuses already; this
//! also holds where its rules did not, such as on a resource that was stored before they were.

use super::{heap, names, racks};
use crate::frameworks::Problem;
use crate::observe::requests;
use std::collections::BTreeSet;
use twofold_allocator::quantity::{Quantity, parse_bytes};
use twofold_crds::cassandra_service::{OPERATOR_OWNED_YAML_KEYS, RackFrom};
use twofold_crds::{CassandraService, ServiceLedgerSpec};

/// The longest name from which all other names can be made: pods, their host names and services.
const MAX_NAME: usize = 40;
const LEAST_HEAP: u64 = 64 << 20;
/// What versions begin with whose configuration is known.
const SUPPORTED_VERSIONS: &str = "5.0.";

/// All problems of the resource; none when it can be carried out.
#[must_use]
pub fn problems(resource: &CassandraService, ledger: Option<&ServiceLedgerSpec>) -> Vec<Problem> {
    let mut found = Vec::new();
    name(resource, &mut found);
    quantities(resource, &mut found);
    memory(resource, &mut found);
    nodes_and_racks(resource, &mut found);
    rack_list(resource, &mut found);
    configuration(resource, &mut found);
    without_effect(resource, &mut found);
    ledger_kind(resource, ledger, &mut found);
    found
}

/// A problem of a field.
pub(super) fn problem(reason: &'static str, field: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { reason, field: field.into(), message: message.into() }
}

fn name(resource: &CassandraService, found: &mut Vec<Problem>) {
    let name = names::name(resource);
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let ends = name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if name.len() > MAX_NAME || !(starts && ends && plain) {
        let message = format!(
            "{name:?} cannot name pods and services: use at most {MAX_NAME} lower case letters, digits and '-', \
             beginning with a letter and not ending with '-'; create the service anew under such a name"
        );
        found.push(problem("InvalidName", "metadata.name", message));
    }
}

fn quantities(resource: &CassandraService, found: &mut Vec<Problem>) {
    let spec = &resource.spec;
    for (part, amounts) in [("requests", &spec.resources.requests), ("limits", &spec.resources.limits)] {
        for (kind, quantity) in amounts {
            if let Err(message) = requests::amount(kind, &quantity.0) {
                found.push(problem("InvalidQuantity", format!("spec.resources.{part}[{kind}]"), message));
            }
        }
    }
    let resolved = spec.resources.resolved();
    for (kind, request) in &resolved.requests {
        let Some(limit) = resolved.limits.get(kind) else { continue };
        if let (Ok(wanted), Ok(most)) = (requests::amount(kind, &request.0), requests::amount(kind, &limit.0))
            && wanted > most
        {
            let message = format!(
                "{} is above the limit {}; lower the request or raise spec.resources.limits[{kind}]",
                request.0, limit.0
            );
            found.push(problem("InvalidResources", format!("spec.resources.requests[{kind}]"), message));
        }
    }
    match parse_bytes(&spec.storage.size) {
        Ok(0) => {
            found.push(problem("InvalidQuantity", "spec.storage.size", "a volume needs a size above zero"))
        }
        Ok(_) => {}
        Err(error) => found.push(problem("InvalidQuantity", "spec.storage.size", error.to_string())),
    }
}

fn memory(resource: &CassandraService, found: &mut Vec<Problem>) {
    let spec = &resource.spec;
    let Ok(limit) = heap::memory_limit(spec) else { return };
    match heap::bytes(spec) {
        Err(error) => found.push(problem("InvalidQuantity", "spec.heap", error.to_string())),
        Ok(heap) if heap >= limit => {
            let message = format!(
                "a heap of {} does not fit in the memory limit of {}, of which the server needs more than the heap; lower \
                 spec.heap or raise spec.resources.limits[memory]",
                Quantity::whole(heap).binary(),
                Quantity::whole(limit).binary()
            );
            found.push(problem("HeapTooLarge", "spec.heap", message));
        }
        Ok(heap) if heap < LEAST_HEAP => {
            let message = format!(
                "a heap of {} is below {}, the least that a server starts with; raise spec.heap or, where it is auto, \
                 spec.resources.limits[memory]",
                Quantity::whole(heap).binary(),
                Quantity::whole(LEAST_HEAP).binary()
            );
            found.push(problem("HeapTooSmall", "spec.heap", message));
        }
        Ok(_) => {}
    }
}

fn nodes_and_racks(resource: &CassandraService, found: &mut Vec<Problem>) {
    let spec = &resource.spec;
    let nodes = usize::try_from(spec.nodes).unwrap_or_default();
    if nodes == 0 {
        found.push(problem("InvalidNodes", "spec.nodes", "a ring needs at least one node"));
    }
    if nodes < spec.racks.len() {
        let message = format!(
            "{nodes} nodes cannot fill the {} racks of spec.racks; raise spec.nodes or remove racks",
            spec.racks.len()
        );
        found.push(problem("TooFewNodes", "spec.nodes", message));
    }
    let count = spec.racks.len();
    match (spec.fault_domains.rack_from, count) {
        (RackFrom::Explicit, 0) => {
            let message = "rackFrom Explicit takes the racks from spec.racks, which is empty; list them";
            found.push(problem("InvalidRacks", "spec.racks", message));
        }
        (RackFrom::None, 1..) => {
            let message = "rackFrom None means one rack; remove spec.racks or choose another rackFrom";
            found.push(problem("InvalidRacks", "spec.racks", message));
        }
        _ => {}
    }
    if spec.fault_domains.rack_from == RackFrom::Zone && count == 0 && !spec.placement.gang {
        let message = "racks are derived from the zones of all first nodes together, which are not placed together \
                       without a gang; list spec.racks or set spec.placement.gang to true";
        found.push(problem("Unsupported", "spec.placement.gang", message));
    }
}

fn rack_list(resource: &CassandraService, found: &mut Vec<Problem>) {
    let spec = &resource.spec;
    let (mut seen_names, mut seen_zones) = (BTreeSet::new(), BTreeSet::new());
    let zoned = spec.racks.iter().filter(|rack| rack.zone.is_some()).count();
    if spec.fault_domains.rack_from == RackFrom::Explicit && zoned != 0 && zoned != spec.racks.len() {
        let message = "some racks have a zone and some have none; give every rack its zone, or none";
        found.push(problem("InvalidRacks", "spec.racks", message));
    }
    for (index, rack) in spec.racks.iter().enumerate() {
        let path = |field: &str| format!("spec.racks[{index}].{field}");
        if !seen_names.insert(&rack.name) {
            let message = format!("{:?} is the name of another rack, too; rename one of them", rack.name);
            found.push(problem("InvalidRacks", path("name"), message));
        }
        if !is_plain_word(&rack.name) {
            let message =
                format!("{:?} cannot name a rack; use letters, digits, '.', '_' and '-'", rack.name);
            found.push(problem("InvalidRacks", path("name"), message));
        }
        match &rack.zone {
            None if spec.fault_domains.rack_from == RackFrom::Zone => {
                let message =
                    "rackFrom Zone needs the zone of every rack; add it or choose rackFrom Explicit";
                found.push(problem("InvalidRacks", path("zone"), message));
            }
            Some(zone) if !seen_zones.insert(zone) => {
                let message = format!(
                    "zone {zone:?} is that of another rack, too; two racks in one zone are not supported"
                );
                found.push(problem("Unsupported", path("zone"), message));
            }
            _ => {}
        }
        if !rack.node_selector.is_empty() {
            let message = "choosing a rack's agents by labels is not supported; remove it and name a zone";
            found.push(problem("Unsupported", path("nodeSelector"), message));
        }
    }
}

/// Racks and datacenters stand in a Java properties file, where other characters have a meaning.
fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn configuration(resource: &CassandraService, found: &mut Vec<Problem>) {
    let spec = &resource.spec;
    if !is_plain_word(&spec.datacenter) {
        let message =
            format!("{:?} cannot name a datacenter; use letters, digits, '.', '_' and '-'", spec.datacenter);
        found.push(problem("InvalidConfig", "spec.datacenter", message));
    }
    let owned = |key: &str| OPERATOR_OWNED_YAML_KEYS.iter().any(|(name, _)| *name == key);
    for key in spec.config.cassandra_yaml.keys().filter(|key| owned(key)) {
        let message = "is written by the operator; remove it";
        found.push(problem("InvalidConfig", format!("spec.config.cassandraYaml.{key}"), message));
    }
    for (index, option) in spec.config.jvm_options.iter().enumerate() {
        let path = format!("spec.config.jvmOptions[{index}]");
        if option.starts_with("-Xms") || option.starts_with("-Xmx") {
            let message = format!("{option:?} contradicts spec.heap; set the heap there");
            found.push(problem("InvalidConfig", path, message));
        } else if !option.starts_with('-') || option.contains(char::is_whitespace) {
            let message = format!("{option:?} is no single option; write one word that begins with '-'");
            found.push(problem("InvalidConfig", path, message));
        }
    }
    if spec.seeds.count < 1 {
        found.push(problem("InvalidConfig", "spec.seeds.count", "a ring needs at least one seed"));
    }
    if spec.placement.max_per_host < 1 {
        let message = "no agent could take a node; use at least 1";
        found.push(problem("InvalidPlacement", "spec.placement.maxPerHost", message));
    }
}

/// What would be taken and change nothing, or not start.
fn without_effect(resource: &CassandraService, found: &mut Vec<Problem>) {
    let spec = &resource.spec;
    if !spec.version.starts_with(SUPPORTED_VERSIONS) {
        let message = format!(
            "Cassandra {} is not supported: configuration is written for {SUPPORTED_VERSIONS}x; name such a version",
            spec.version
        );
        found.push(problem("Unsupported", "spec.version", message));
    }
    let affinity = spec.placement.node_affinity.iter();
    let preferred =
        affinity.flat_map(|affinity| &affinity.preferred_during_scheduling_ignored_during_execution);
    if preferred.flatten().next().is_some() {
        let field = "spec.placement.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution";
        let message = "preferring agents is not supported; remove it, or require them";
        found.push(problem("Unsupported", field, message));
    }
}

fn ledger_kind(resource: &CassandraService, ledger: Option<&ServiceLedgerSpec>, found: &mut Vec<Problem>) {
    let Some(ledger) = ledger else { return };
    if ledger.service.kind != "CassandraService" {
        let message = format!(
            "ServiceLedger {} belongs to a {}; choose another name for this service",
            names::name(resource),
            ledger.service.kind
        );
        found.push(problem("LedgerConflict", "metadata.name", message));
    }
    for rack in &ledger.racks {
        let declared = resource.spec.racks.iter().find(|declared| declared.name == rack.name);
        if declared.is_some_and(|declared| declared.zone != rack.zone) {
            let zone = rack.zone.as_deref().unwrap_or("none");
            let message = format!(
                "rack {:?} is on record with zone {zone:?}, and the rack of data cannot move; put it back",
                rack.name
            );
            found.push(problem("Unsupported", "spec.racks", message));
        }
    }
    if racks::settled(resource, Some(ledger)).len() > 16 {
        found.push(problem(
            "InvalidRacks",
            "spec.racks",
            "a ring has at most 16 racks, recorded ones included",
        ));
    }
}

//! A ring in level two's language.

use super::validate::{self, problem};
use super::{names, pod, racks};
use crate::frameworks::{Problem, admission, framework_id};
use crate::object::{Key, Kind};
use crate::observe::agent::{REGION, ZONE};
use crate::observe::{pod::millis, requests};
use crate::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::ask::Constraint;
use twofold_allocator::id::{RolePath, Word};
use twofold_allocator::quantity::parse_bytes;
use twofold_crds::cassandra_service::{RackFrom, Spread};
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::admission::Admission;
use twofold_sdk::backoff::Backoff;
use twofold_sdk::rule::{Domain, Rule};
use twofold_sdk::spec::{Gang, Goal, Packing, PodType, Relaunch, ServiceSpec, Start, Strategy, Volume};

/// The service that a resource declares. A ring never has fewer nodes than are on record: scaling in is not supported,
/// and a recorded node that is not looked after would be lost.
///
/// # Errors
/// All that is wrong with the resource.
pub fn service(
    resource: &CassandraService,
    ledger: Option<&ServiceLedgerSpec>,
    settings: &Settings,
    zones: &BTreeMap<String, String>,
) -> Result<ServiceSpec, Vec<Problem>> {
    let mut problems = validate::problems(resource, ledger);
    if !problems.is_empty() {
        return Err(problems);
    }
    let spec = &resource.spec;
    let sample = pod::sample(resource, settings);
    let sample = sample.spec.unwrap_or_default();
    let shape = requests::shape(&sample);
    let admission = admission(resource).map(|admission| Admission {
        architectures: settings.agent_architectures.iter().map(|name| Word::from(name.as_str())).collect(),
        ..admission
    });
    let bytes = parse_bytes(&spec.storage.size);
    match (shape, admission, bytes) {
        (Ok(shape), Ok(admission), Ok(bytes)) => Ok(ServiceSpec {
            framework: framework_id(&Key::new(
                Kind::CassandraService,
                names::namespace(resource),
                names::name(resource),
            )),
            namespace: names::namespace(resource).to_owned(),
            name: names::name(resource).to_owned(),
            role: RolePath::from(spec.placement.role.as_str()),
            priority: 0,
            reclaimable: false,
            since: resource.metadata.creation_timestamp.as_ref().map(millis).unwrap_or_default(),
            pod_types: vec![PodType {
                name: Word::from(names::POD_TYPE),
                count: count(resource, ledger),
                shape,
                volumes: vec![Volume {
                    name: "data".to_owned(),
                    bytes,
                    class: spec.storage.storage_class_name.clone(),
                }],
                rule: rule(resource, ledger, zones),
                admission,
                goal: Goal::Running,
                relaunch: Relaunch::Always,
                start: Start::OneAtATimeWhenEmpty,
                deploy: Strategy::Parallel,
            }],
            packing: Packing::BestFit,
            gang: if spec.placement.gang { Gang::All } else { Gang::None },
            deploy: Strategy::Serial,
            finish: None,
            backoff: Backoff::default(),
        }),
        (shape, admission, _) => {
            let bad = shape.err().unwrap_or_default().into_iter();
            problems.extend(bad.map(|bad| problem("InvalidQuantity", "spec.resources", bad.message)));
            problems.extend(admission.err().unwrap_or_default());
            Err(problems)
        }
    }
}

/// How many nodes are looked after: those that are wanted, and those on record.
#[must_use]
pub fn count(resource: &CassandraService, ledger: Option<&ServiceLedgerSpec>) -> u32 {
    let wanted = u32::try_from(resource.spec.nodes).unwrap_or_default();
    wanted.max(recorded(ledger))
}

/// How many nodes are on record.
#[must_use]
pub fn recorded(ledger: Option<&ServiceLedgerSpec>) -> u32 {
    let entries = ledger.map(|ledger| ledger.instances.as_slice()).unwrap_or_default();
    let instances = entries.iter().filter_map(|entry| names::instance(&entry.name));
    instances.map(|instance| instance.index.saturating_add(1)).max().unwrap_or_default()
}

/// What Kubernetes will ask of the agent: the user's wishes, which the pod itself no longer carries as far as the
/// accepted agent has taken their place.
fn admission(resource: &CassandraService) -> Result<Admission, Vec<Problem>> {
    let wishes = pod::wishes(resource);
    admission::admission(&wishes).map_err(|problems| {
        let renamed = problems.into_iter().map(|found| {
            let field = found.field.strip_prefix("affinity.").unwrap_or(&found.field).to_owned();
            Problem { field: format!("spec.placement.{field}"), ..found }
        });
        renamed.collect()
    })
}

fn rule(
    resource: &CassandraService,
    ledger: Option<&ServiceLedgerSpec>,
    agent_zones: &BTreeMap<String, String>,
) -> Rule {
    let spec = &resource.spec;
    let words = |texts: BTreeSet<String>| texts.iter().map(|text| Word::from(text.as_str())).collect();
    let settled = racks::settled(resource, ledger);
    let among: BTreeSet<Word> = words(racks::zones(&settled));
    let required = spec.fault_domains.spread == Spread::Required;
    let mut rules = Vec::new();
    if let Some(region) = &spec.fault_domains.region {
        let region = BTreeSet::from([Word::from(region.as_str())]);
        rules.push(Rule::Agent(Constraint::AttributeIn(Word::from(REGION), region)));
    }
    let spread = |among| Rule::Spread { over: Domain::Zone, among, required };
    if !among.is_empty() {
        rules.push(Rule::Agent(Constraint::ZoneIn(among.clone())));
        rules.push(spread(among));
    } else if spec.fault_domains.rack_from == RackFrom::Zone && settled.is_empty() && !agent_zones.is_empty()
    {
        // The ring's racks will be the zones that it is placed in, so an agent without a zone is none of them.
        rules.push(Rule::Agent(Constraint::AttributeExists(Word::from(ZONE))));
        rules.push(spread(BTreeSet::new()));
    }
    rules.push(Rule::AtMost {
        count: u32::try_from(spec.placement.max_per_host).unwrap_or(1).max(1),
        per: Domain::Agent,
    });
    Rule::All(rules)
}

//! Services, configuration and budget of a ring: created where they are missing, written again where they differ.

use super::recording::owner;
use super::{budget, config_map, names, service};
use crate::action::{Action, Write};
use crate::frameworks::Situation;
use crate::object::Object;
use crate::observe::pod::REVISION;
use crate::record::SupportRecord;
use twofold_crds::{CassandraService, ServiceLedgerSpec};

/// The writes by which all that a ring's pods need is there. There is no configuration before the first launch, since
/// the seeds are then not known.
#[must_use]
pub fn writes(
    resource: &CassandraService,
    situation: &Situation<'_>,
    ledger: Option<&ServiceLedgerSpec>,
) -> Vec<Action> {
    let config = ledger.map(|ledger| config_map::config_map(resource, ledger, situation.settings));
    let objects = [
        Some(Object::from(service::peers(resource))),
        Some(Object::from(service::client(resource))),
        Some(Object::from(budget::budget(resource))),
        config.map(Object::from),
    ];
    objects.into_iter().flatten().filter_map(|object| write(resource, situation, object)).collect()
}

/// An object of this name that is somebody else's is not taken over: creating it fails, and the failure is shown.
fn write(resource: &CassandraService, situation: &Situation<'_>, object: Object) -> Option<Action> {
    let revision = object.metadata().annotations.as_ref().and_then(|all| all.get(REVISION));
    let ours = |known: &&SupportRecord| {
        known.controller.as_ref().is_some_and(|controller| controller.uid == names::uid(resource))
    };
    let write = match situation.support.get(&object.key()).filter(ours) {
        None => Write::Create(object),
        Some(known) if known.revision.as_ref() == revision => return None,
        Some(_) => Write::Apply(object),
    };
    Some(Action { owner: owner(resource), write })
}

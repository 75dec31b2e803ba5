//! Where an unbound claim is aimed. kube-scheduler notes on a claim for which agent its volume is to be made; when that
//! agent is given up before the volume is made, the note must go too, or the instance waits for that agent for ever.

use super::{names, recording, report};
use crate::action::{Action, Target, Write};
use crate::frameworks::Situation;
use crate::observe::claim::SELECTED;
use crate::record::ClaimRecord;
use serde_json::json;
use std::collections::BTreeMap;
use twofold_allocator::id::AgentId;
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;

/// A claim without a volume that is aimed at an agent which its instance gave up.
#[derive(Debug)]
pub struct Astray<'a> {
    /// Whose claim it is.
    pub instance: InstanceId,
    claim: &'a ClaimRecord,
    agent: &'a AgentId,
    gone: bool,
}

impl Astray<'_> {
    /// What people can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let Self { claim, agent, .. } = self;
        let (namespace, name) = (&claim.key.namespace, &claim.key.name);
        let why = if self.gone { "is gone" } else { "did not take the last launch" };
        format!(
            "claim {name} has no volume yet and is aimed at agent {agent}, which {why}; to let it go elsewhere: kubectl \
             -n {namespace} annotate pvc {name} {SELECTED}-, or install the chart with volumes.allowPatch=true"
        )
    }
}

/// All of them. An instance that has a pod is not judged: it may be bound at any moment.
#[must_use]
pub fn astray<'a>(situation: &Situation<'a>, ledger: &ServiceLedgerSpec) -> Vec<Astray<'a>> {
    let entries = ledger.instances.iter();
    entries
        .filter_map(|entry| {
            let claim = recording::claim_of(situation, entry)?;
            let agent =
                claim.selected_agent.as_ref().filter(|_| claim.volume.is_none() && !claim.deleting)?;
            let instance = names::instance(&entry.name)?;
            let failed = situation.view.instances.get(&instance).is_some_and(|seen| seen.failed_launches > 0);
            let gone = situation.gone.contains(agent);
            let given_up = report::pod_of(situation, &entry.name).is_none() && (gone || failed);
            given_up.then_some(Astray { instance, claim, agent, gone })
        })
        .collect()
}

/// The write that takes the note off a claim, if it is still as it was judged.
#[must_use]
pub fn again(resource: &CassandraService, astray: &Astray<'_>) -> Action {
    let target = Target {
        key: astray.claim.key.clone(),
        uid: astray.claim.identity.uid.clone(),
        resource_version: Some(astray.claim.identity.resource_version.clone()),
    };
    let patch = json!({"metadata": {"annotations": {SELECTED: null}}});
    Action { owner: recording::owner(resource), write: Write::Patch { target, patch } }
}

/// Instances that cannot be launched before somebody takes the note off: their agent is gone, and we may not.
#[must_use]
pub fn held(situation: &Situation<'_>, ledger: &ServiceLedgerSpec) -> BTreeMap<InstanceId, String> {
    if situation.settings.allow_claim_patch {
        return BTreeMap::new();
    }
    let stuck = astray(situation, ledger).into_iter().filter(|astray| astray.gone);
    stuck.map(|astray| (astray.instance.clone(), astray.advice())).collect()
}

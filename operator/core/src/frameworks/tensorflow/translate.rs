//! A job in level two's language.

use super::defaults::{Job, ReplicaType, Replicas, RestartPolicy};
use super::pod::Mould;
use super::tally::RETRIED_FROM;
use super::{template, validate};
use crate::frameworks::admission::admission;
use crate::frameworks::{Problem, framework_id};
use crate::observe::{pod, requests};
use twofold_allocator::id::{RolePath, Word};
use twofold_crds::TFJob;
use twofold_sdk::backoff::Backoff;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::rule::Rule;
use twofold_sdk::spec::{
    Finish, FinishRule, Gang, Goal, Packing, PodType, Relaunch, ServiceSpec, Start, Strategy,
};

/// The service of a job: a pod type for each replica type, launched as one gang.
///
/// # Errors
/// All that is wrong with the job.
pub(super) fn service(resource: &TFJob) -> Result<ServiceSpec, Vec<Problem>> {
    let mut problems = validate::validate(resource);
    let job = Job::new(resource);
    let mut pod_types = Vec::new();
    for replicas in &job.replicas {
        match pod_type(&job, replicas) {
            Ok(pod_type) => pod_types.push(pod_type),
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(ServiceSpec {
        framework: framework_id(&job.key()),
        namespace: job.namespace.to_owned(),
        name: job.name.to_owned(),
        role: RolePath::from(job.role()),
        priority: validate::priority(&job).unwrap_or_default(),
        reclaimable: false,
        since: resource.metadata.creation_timestamp.as_ref().map(pod::millis).unwrap_or_default(),
        packing: packing(&job, &pod_types),
        pod_types,
        gang: Gang::All,
        deploy: Strategy::Parallel,
        finish: finish(&job),
        backoff: Backoff::default(),
    })
}

/// What the job's annotation says; without it, a job with GPUs goes where the others that are declared lose the least.
fn packing(job: &Job<'_>, pod_types: &[PodType]) -> Packing {
    let said = validate::packing(job).unwrap_or_default();
    let takes_gpus = pod_types.iter().any(|pod_type| pod_type.shape.gpu.is_some());
    said.unwrap_or(if takes_gpus { Packing::FragmentationGradient } else { Packing::BestFit })
}

fn pod_type(job: &Job<'_>, replicas: &Replicas<'_>) -> Result<PodType, Vec<Problem>> {
    let mould = Mould::new(job, replicas)?;
    let path = format!("{}.spec", template::path(replicas));
    let shape = requests::shape(mould.spec()).map_err(|bad| {
        let problem = |bad: requests::BadQuantity| Problem {
            reason: "InvalidQuantity",
            field: format!("{path}.{}", bad.path),
            message: bad.message,
        };
        bad.into_iter().map(problem).collect::<Vec<_>>()
    })?;
    let admission = admission(mould.spec()).map_err(|problems| {
        let within = |problem: Problem| Problem { field: format!("{path}.{}", problem.field), ..problem };
        problems.into_iter().map(within).collect::<Vec<_>>()
    })?;
    Ok(PodType {
        name: Word::from(replicas.type_.lower()),
        count: replicas.count,
        shape,
        volumes: Vec::new(),
        rule: Rule::anywhere(),
        admission,
        goal: Goal::Finish,
        relaunch: match replicas.restart {
            RestartPolicy::Never => Relaunch::Never,
            RestartPolicy::OnFailure | RestartPolicy::Always => Relaunch::Always,
            RestartPolicy::ExitCode => Relaunch::ExitCodeAtLeast(RETRIED_FROM),
        },
        start: Start::Free,
        deploy: Strategy::Parallel,
    })
}

/// The job is over when its chief (or master) is, else when worker 0 or, if so declared, every worker is.
fn finish(job: &Job<'_>) -> Option<Finish> {
    let all_of = |type_: ReplicaType| FinishRule::AllOf(Word::from(type_.lower()));
    let lead = job.replicas.iter().find(|replicas| replicas.type_.is_lead());
    let when_any = match (lead, job.of(ReplicaType::Worker)) {
        (Some(lead), _) => vec![all_of(lead.type_)],
        (None, Some(worker)) if job.all_workers => vec![all_of(worker.type_)],
        (None, Some(worker)) => {
            vec![all_of(worker.type_), FinishRule::Instance(InstanceId::new(worker.type_.lower(), 0))]
        }
        (None, None) => return None,
    };
    Some(Finish { when_any })
}

//! What makes a job impossible to carry out. Paths, and the messages that upstream has, are upstream's.

use super::defaults::{Job, ReplicaType, RestartPolicy};
use crate::frameworks::Problem;
use twofold_crds::TFJob;
use twofold_crds::pod_template::Container;
use twofold_crds::tfjob::{ReplicaSpec, TENSORFLOW_CONTAINER};
use twofold_sdk::spec::Packing;
use twofold_sdk::validate::MOST_INSTANCES;

/// The annotation with a job's priority among those of its role, an integer; higher goes first.
pub(super) const PRIORITY: &str = "twofold.dev/priority";

/// The annotation that says whether the job may be ended for a role below its guarantee, in place of what its role says.
pub(super) const RECLAIMABLE: &str = "twofold.dev/reclaimable";

/// The annotation that says which of the agents that fit the job's pods take.
pub(super) const PLACEMENT: &str = "twofold.dev/placement";

/// The longest name of a service.
const LONGEST_NAME: usize = 63;

/// All that is wrong with the job, without what its templates hold beyond containers.
pub(super) fn validate(resource: &TFJob) -> Vec<Problem> {
    let mut problems = Vec::new();
    let job = Job::new(resource);
    if !is_label(job.name) {
        let message = "must be a DNS-1035 label: lower-case letters, digits and '-', starting with a letter, at most 63";
        problems.push(problem("Invalid", "metadata.name", message));
    }
    problems.extend(longest_child(&job));
    problems.extend(priority(&job).err());
    problems.extend(reclaimable(&job).err());
    problems.extend(packing(&job).err());
    let specs = &resource.spec.tf_replica_specs;
    if specs.is_empty() {
        problems.push(problem("Required", "spec.tfReplicaSpecs", "must be required"));
    }
    for (key, spec) in specs {
        replicas(key, spec, &mut problems);
    }
    problems.extend(duplicates(resource));
    if job.of(ReplicaType::Chief).is_some() && job.of(ReplicaType::Master).is_some() {
        let message = "must not have more than 1 Chief or Master role";
        problems.push(problem("Forbidden", "spec.tfReplicaSpecs", message));
    }
    problems
}

/// The priority that the job's annotation gives it.
///
/// # Errors
/// The annotation is no integer.
pub(super) fn priority(job: &Job<'_>) -> Result<i32, Problem> {
    let Some(text) = job.annotation(PRIORITY) else { return Ok(0) };
    text.parse().map_err(|_| {
        let message = format!("{text:?} is no integer between -2147483648 and 2147483647; write one");
        problem("Invalid", &format!("metadata.annotations[{PRIORITY}]"), &message)
    })
}

/// Whether the job's annotation lets it be ended for a role below its guarantee; none where it says nothing.
///
/// # Errors
/// The annotation is neither `true` nor `false`.
pub(super) fn reclaimable(job: &Job<'_>) -> Result<Option<bool>, Problem> {
    match job.annotation(RECLAIMABLE) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(text) => {
            let message = format!("{text:?} says neither yes nor no; write \"true\" or \"false\"");
            Err(problem("Invalid", &format!("metadata.annotations[{RECLAIMABLE}]"), &message))
        }
    }
}

/// Which of the agents that fit the job's annotation wants; none where it says nothing.
///
/// # Errors
/// The annotation is none of the policies.
pub(super) fn packing(job: &Job<'_>) -> Result<Option<Packing>, Problem> {
    match job.annotation(PLACEMENT) {
        None => Ok(None),
        Some("BestFit") => Ok(Some(Packing::BestFit)),
        Some("FragmentationGradient") => Ok(Some(Packing::FragmentationGradient)),
        Some(text) => {
            let message = format!("{text:?} is no policy; write \"BestFit\" or \"FragmentationGradient\"");
            Err(problem("Invalid", &format!("metadata.annotations[{PLACEMENT}]"), &message))
        }
    }
}

fn problem(reason: &'static str, field: &str, message: &str) -> Problem {
    Problem { reason, field: field.to_owned(), message: message.to_owned() }
}

fn is_label(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && !name.ends_with('-')
}

/// Every replica has a service of its name. Upstream finds out only when its pods run already.
fn longest_child(job: &Job<'_>) -> Option<Problem> {
    let last = |one: &super::defaults::Replicas<'_>| job.child(one.type_, one.count.saturating_sub(1));
    let longest = job.replicas.iter().map(last).max_by_key(String::len)?;
    let beyond = longest.len().checked_sub(LONGEST_NAME).filter(|beyond| *beyond > 0)?;
    let message = format!(
        "too long for the service {longest:?}, which may have at most {LONGEST_NAME} characters; make the job's name \
         {beyond} shorter"
    );
    Some(problem("NameTooLong", "metadata.name", &message))
}

/// Two keys that differ only in upper and lower case mean the same type.
fn duplicates(resource: &TFJob) -> Vec<Problem> {
    let keys = || resource.spec.tf_replica_specs.keys();
    let of =
        |type_: ReplicaType| keys().filter(|key| ReplicaType::parse(key) == Some(type_)).collect::<Vec<_>>();
    ReplicaType::ALL
        .into_iter()
        .map(of)
        .filter(|same| same.len() > 1)
        .map(|same| {
            let message = format!("{same:?} are the same replica type; keep one of them");
            problem("Duplicate", "spec.tfReplicaSpecs", &message)
        })
        .collect()
}

fn replicas(key: &str, spec: &ReplicaSpec, problems: &mut Vec<Problem>) {
    let path = format!("spec.tfReplicaSpecs[{key}]");
    if ReplicaType::parse(key).is_none() {
        let message = format!("{key:?} is no replica type; use Chief, Master, Worker, PS or Evaluator");
        problems.push(problem("NotSupported", &path, &message));
    }
    if let Some(count) = spec.replicas.filter(|count| *count < 0) {
        let message = format!("{count} is negative; write 0 or more");
        problems.push(problem("Invalid", &format!("{path}.replicas"), &message));
    }
    let above = |count: &i32| u32::try_from(*count).is_ok_and(|count| count > MOST_INSTANCES);
    if let Some(count) = spec.replicas.filter(above) {
        let message = format!("{count} is above {MOST_INSTANCES}; write fewer, or make several jobs of it");
        problems.push(problem("Invalid", &format!("{path}.replicas"), &message));
    }
    let policy = spec.restart_policy.as_deref().unwrap_or_default();
    if RestartPolicy::parse(policy).is_none() {
        let message = format!("{policy:?} is no restart policy; use Never, OnFailure, Always or ExitCode");
        problems.push(problem("NotSupported", &format!("{path}.restartPolicy"), &message));
    }
    containers(&spec.template.spec.containers, &format!("{path}.template.spec.containers"), problems);
    placement(spec, &format!("{path}.template.spec"), problems);
}

fn containers(containers: &[Container], path: &str, problems: &mut Vec<Problem>) {
    if containers.is_empty() {
        problems.push(problem("Required", path, "must be specified"));
    }
    for (index, container) in containers.iter().enumerate() {
        if container.image.as_deref().unwrap_or_default().is_empty() {
            problems.push(problem("Required", &format!("{path}[{index}].image"), "must be required"));
        }
    }
    if !containers.iter().any(|container| container.name == TENSORFLOW_CONTAINER) {
        let message = format!("must have at least one container with name {TENSORFLOW_CONTAINER}");
        problems.push(problem("Required", path, &message));
    }
}

/// Where the pods go is decided here; a template that hands it to somebody else, or takes it into its own hands, would
/// go past the books.
fn placement(spec: &ReplicaSpec, path: &str, problems: &mut Vec<Problem>) {
    let text =
        |name: &str| spec.template.spec.rest.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let other = text("schedulerName");
    if !matches!(other, "" | "default-scheduler") {
        let message = format!("{other:?} would place the pods past Twofold's books; remove the field");
        problems.push(problem("ForeignScheduler", &format!("{path}.schedulerName"), &message));
    }
    let agent = text("nodeName");
    if !agent.is_empty() {
        let message = format!(
            "{agent:?} would bind the pods past Twofold's books; remove the field and use nodeSelector or nodeAffinity"
        );
        problems.push(problem("NodeNameSet", &format!("{path}.nodeName"), &message));
    }
}

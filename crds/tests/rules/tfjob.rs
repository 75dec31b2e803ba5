use serde_json::{Value, json};

use super::{accepted, change_accepted, change_refused, refused, with};

const KIND: &str = "TFJob";

fn replicas(count: i64) -> Value {
    let container = json!({"name": "tensorflow", "image": "tf:1", "command": ["python", "train.py"]});
    json!({"replicas": count, "template": {"spec": {"containers": [container]}}})
}

fn job() -> Value {
    json!({"metadata": {"name": "mnist"}, "spec": {"tfReplicaSpecs": {"Worker": replicas(2), "PS": replicas(1)}}})
}

#[test]
fn a_plain_job_is_accepted() {
    accepted(KIND, &job());
}

#[test]
fn a_name_that_does_not_start_with_a_letter_is_refused() {
    refused(KIND, &with(job(), "/metadata/name", json!("2nd-job")), "DNS-1035");
}

#[test]
fn a_name_with_a_dot_is_refused() {
    refused(KIND, &with(job(), "/metadata/name", json!("a.b")), "DNS-1035");
}

#[test]
fn a_name_whose_longest_service_name_has_63_characters_is_accepted() {
    let name = "a".repeat(63 - "-worker-0".len());
    accepted(KIND, &with(job(), "/metadata/name", json!(name)));
}

#[test]
fn a_name_whose_longest_service_name_has_64_characters_is_refused() {
    let name = "a".repeat(64 - "-worker-0".len());
    refused(KIND, &with(job(), "/metadata/name", json!(name)), "metadata.name is too long");
}

#[test]
fn the_length_of_the_largest_index_counts() {
    let name = json!("a".repeat(63 - "-worker-9".len()));
    let job = with(with(job(), "/metadata/name", name), "/spec/tfReplicaSpecs/Worker/replicas", json!(11));
    refused(KIND, &job, "metadata.name is too long");
}

#[test]
fn chief_and_master_together_are_refused() {
    let chief = with(job(), "/spec/tfReplicaSpecs/Chief", replicas(1));
    accepted(KIND, &chief);
    refused(KIND, &with(chief, "/spec/tfReplicaSpecs/Master", replicas(1)), "a Chief or a Master, not both");
}

#[test]
fn chief_and_master_are_told_whatever_their_case() {
    let chief = with(job(), "/spec/tfReplicaSpecs/chief", replicas(1));
    refused(KIND, &with(chief, "/spec/tfReplicaSpecs/MASTER", replicas(1)), "a Chief or a Master, not both");
}

#[test]
fn a_replica_without_a_container_named_tensorflow_is_refused() {
    let containers = json!([{"name": "main", "image": "tf:1"}]);
    let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", containers);
    refused(KIND, &job, "a container named tensorflow is required");
}

#[test]
fn no_containers_at_all_are_refused() {
    let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", json!([]));
    refused(KIND, &job, "a container named tensorflow is required");
}

#[test]
fn a_container_without_an_image_is_refused() {
    let containers = json!([{"name": "tensorflow", "image": "tf:1"}, {"name": "sidecar"}]);
    let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", containers);
    refused(KIND, &job, "every container needs an image");
}

#[test]
fn an_empty_image_is_refused() {
    let containers = json!([{"name": "tensorflow", "image": ""}]);
    let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", containers);
    refused(KIND, &job, "every container needs an image");
}

#[test]
fn managed_by_has_two_values() {
    let managed = |by: &str| with(job(), "/spec/runPolicy", json!({"managedBy": by}));
    accepted(KIND, &managed("kubeflow.org/training-operator"));
    accepted(KIND, &managed("kueue.x-k8s.io/multikueue"));
    refused(KIND, &managed("somebody"), "spec.runPolicy.managedBy: supported values");
}

#[test]
fn managed_by_cannot_be_set_later_or_removed() {
    let managed = with(job(), "/spec/runPolicy", json!({"managedBy": "kueue.x-k8s.io/multikueue"}));
    let message = "spec.runPolicy.managedBy is immutable";
    change_refused(KIND, &job(), message, |new| *new = managed.clone());
    change_refused(KIND, &managed, message, |new| *new = job());
}

#[test]
fn the_queue_can_be_set_once() {
    let queued = |queue: &str| with(job(), "/spec/runPolicy", json!({"schedulingPolicy": {"queue": queue}}));
    change_accepted(KIND, &job(), |new| *new = queued("research"));
    change_refused(KIND, &queued("research"), "queue is immutable", |new| *new = queued("ads"));
}

#[test]
fn the_number_of_workers_can_change() {
    change_accepted(KIND, &job(), |new| new["spec"]["tfReplicaSpecs"]["Worker"]["replicas"] = json!(5));
}

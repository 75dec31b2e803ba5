//! Pods that do not come up although their machine took them: an image that cannot be pulled, a container that cannot
//! be made.

use crate::record::{ContainerRecord, PodRecord};

/// What keeps a pod from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// A word in camel case.
    pub(super) reason: &'static str,
    /// Which pod, which container, what is wrong, and what to do.
    pub(super) message: String,
}

/// The first trouble by the pods' order. Its words stay the same while the kubelet goes through its retries.
pub(super) fn first(pods: &[&PodRecord]) -> Option<Trouble> {
    pods.iter().find_map(|pod| pod.containers.iter().find_map(|container| of(pod, container)))
}

fn of(pod: &PodRecord, container: &ContainerRecord) -> Option<Trouble> {
    let (waits_for, words) = container.waiting.as_ref()?;
    let (reason, what) = match waits_for.as_str() {
        "InvalidImageName" => ("InvalidImageName", format!("has no valid image name: {words}")),
        _ if container.lacks_image() => (
            "ImagePullFailed",
            "cannot pull its image; check the image's name, its registry and imagePullSecrets".to_owned(),
        ),
        "CreateContainerConfigError" => ("CreateContainerConfigError", format!("cannot be set up: {words}")),
        "CreateContainerError" => ("CreateContainerError", format!("cannot be created: {words}")),
        "RunContainerError" => ("RunContainerError", format!("cannot be started: {words}")),
        "CrashLoopBackOff" => ("CrashLoopBackOff", "fails again and again; see its log".to_owned()),
        _ => return None,
    };
    let message = format!("pod {}: container {} {what}", pod.key.name, container.name);
    Some(Trouble { reason, message })
}

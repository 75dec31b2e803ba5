//! What a pod takes, counted as kube-scheduler counts it: the larger of what its containers take together and what
//! its init containers take in turn, beside sidecars that started before; pod-level requests in their place where they
//! are set; overhead on top; the larger of wanted and allocated while a resize is under way.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use twofold_allocator::ask::Shape;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::id::Word;
use twofold_allocator::quantity;
use twofold_allocator::resources::Resources;

/// The resource whose amounts are GPUs. Its model is the machine's label [`GPU_MODEL`].
pub const GPU: &str = "nvidia.com/gpu";
/// The label with the model of a machine's GPUs.
pub const GPU_MODEL: &str = "nvidia.com/gpu.product";

/// The largest amount that level one counts: 1 Pi. What is observed beyond it counts as this.
pub const MOST: u64 = 1 << 50;

/// Amounts by resource name, in units: thousandths for `cpu`, bytes for memory and storage, else counts.
pub type Requests = BTreeMap<String, u64>;

/// What a pod in the cluster takes. A quantity that cannot be read counts as nothing: the API server refuses those.
/// GPUs carry no model yet, since that is the machine's.
#[must_use]
pub fn pod(pod: &Pod) -> Resources {
    let Some(spec) = &pod.spec else { return Resources::default() };
    let statuses: Vec<_> = pod
        .status
        .iter()
        .flat_map(|s| s.container_statuses.iter().flatten().chain(s.init_container_statuses.iter().flatten()))
        .collect();
    let total = total(spec, &statuses, &mut |_, _| {});
    let shape = shape_of(&total);
    let mut resources = shape.base;
    if let Some(gpu) = shape.gpu {
        resources.gpus.add(&Word::from(""), gpu.count);
    }
    resources
}

/// A quantity that cannot be read: where it stands, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadQuantity {
    /// The path within the pod's spec, such as `containers[0].resources.limits[memory]`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// What a pod of this template would take.
///
/// # Errors
/// Every quantity that cannot be read.
pub fn shape(spec: &PodSpec) -> Result<Shape, Vec<BadQuantity>> {
    let mut bad = Vec::new();
    let total = total(spec, &[], &mut |path, message| bad.push(BadQuantity { path, message }));
    if bad.is_empty() { Ok(shape_of(&total)) } else { Err(bad) }
}

type Report<'a> = &'a mut dyn FnMut(String, String);

fn total(spec: &PodSpec, statuses: &[&ContainerStatus], report: Report<'_>) -> Requests {
    let mut running = Requests::new();
    for (index, container) in spec.containers.iter().enumerate() {
        add(&mut running, &one(container, &format!("containers[{index}]"), statuses, report));
    }
    let (mut sidecars, mut initial) = (Requests::new(), Requests::new());
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let own = one(container, &format!("initContainers[{index}]"), statuses, report);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &own);
            add(&mut running, &own);
            raise(&mut initial, &sidecars);
        } else {
            let mut at_once = sidecars.clone();
            add(&mut at_once, &own);
            raise(&mut initial, &at_once);
        }
    }
    raise(&mut running, &initial);
    if let Some(resources) = &spec.resources {
        for (name, amount) in requested(resources, "resources", report) {
            running.insert(name, amount);
        }
    }
    if let Some(overhead) = &spec.overhead {
        add(&mut running, &amounts(overhead, "overhead", report));
    }
    running
}

fn one(container: &Container, path: &str, statuses: &[&ContainerStatus], report: Report<'_>) -> Requests {
    let mut wanted = match &container.resources {
        Some(resources) => requested(resources, &format!("{path}.resources"), report),
        None => Requests::new(),
    };
    if let Some(status) = statuses.iter().find(|status| status.name == container.name) {
        if let Some(allocated) = &status.allocated_resources {
            raise(&mut wanted, &amounts(allocated, path, report));
        }
        if let Some(actual) = status.resources.as_ref().and_then(|r| r.requests.as_ref()) {
            raise(&mut wanted, &amounts(actual, path, report));
        }
    }
    wanted
}

/// Requests, with the limit standing in where there is none, as the API server fills it in.
fn requested(resources: &ResourceRequirements, path: &str, report: Report<'_>) -> Requests {
    let of = |map: &Option<BTreeMap<String, Quantity>>, part: &str, report: Report<'_>| match map {
        Some(map) => amounts(map, &format!("{path}.{part}"), report),
        None => Requests::new(),
    };
    let mut all = of(&resources.limits, "limits", report);
    all.extend(of(&resources.requests, "requests", report));
    all
}

fn amounts(map: &BTreeMap<String, Quantity>, path: &str, report: Report<'_>) -> Requests {
    let mut found = Requests::new();
    for (name, value) in map {
        match amount(name, &value.0) {
            Ok(amount) if amount > MOST => {
                report(
                    format!("{path}[{name}]"),
                    format!("{} is more than can be counted; ask for less", value.0),
                );
                found.insert(name.clone(), MOST);
            }
            Ok(amount) => {
                found.insert(name.clone(), amount);
            }
            Err(message) => report(format!("{path}[{name}]"), message),
        }
    }
    found
}

/// One amount in the unit of its resource.
///
/// # Errors
/// The quantity cannot be read, as a sentence.
pub fn amount(name: &str, value: &str) -> Result<u64, String> {
    let parsed = match name {
        "cpu" => quantity::parse_cpu_milli(value),
        "memory" | "ephemeral-storage" => quantity::parse_bytes(value),
        _ => quantity::parse_count(value),
    };
    parsed.map_err(|error| error.to_string())
}

fn add(to: &mut Requests, more: &Requests) {
    for (name, amount) in more {
        let sum = to.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
}

fn raise(to: &mut Requests, least: &Requests) {
    for (name, amount) in least {
        let value = to.entry(name.clone()).or_default();
        *value = (*value).max(*amount);
    }
}

/// Amounts as level one knows them, with one place for the pod itself.
#[must_use]
pub fn shape_of(requests: &Requests) -> Shape {
    let mut shape = Shape::default();
    shape.base.pods = 1;
    for (name, amount) in requests {
        match name.as_str() {
            "cpu" => shape.base.cpu_milli = *amount,
            "memory" => shape.base.memory_bytes = *amount,
            "ephemeral-storage" => shape.base.disk_bytes = *amount,
            GPU if *amount > 0 => {
                shape.gpu = Some(GpuRequest { model: None, count: *amount, one_island: false })
            }
            GPU => {}
            other => shape.base.other.add(&Word::from(other), *amount),
        }
    }
    shape
}

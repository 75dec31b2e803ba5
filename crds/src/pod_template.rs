//! A pod template that loses nothing.
//!
//! What the operator reads or changes is typed (names, images, ports, environment); all other fields
//! are kept as JSON, also those that this version of Kubernetes' types does not know. A typed
//! `PodTemplateSpec` would put 350 kB into a schema for each use.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::shapes;

/// Why a template is no pod template: the path of the field, and what is wrong with it.
pub type TemplateError = serde_path_to_error::Error<serde_json::Error>;

/// A pod template: `metadata` and `spec`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels and annotations that every pod gets. A name and namespace given here are ignored.
    #[serde(default, skip_serializing_if = "TemplateMetadata::is_empty")]
    pub metadata: TemplateMetadata,
    /// The pod's spec. Fields other than `containers` are handed on to Kubernetes as they are.
    pub spec: TemplateSpec,
}

impl PodTemplate {
    /// The template in Kubernetes' own type.
    ///
    /// Fields that the linked version of Kubernetes' types does not know are not in the result: take
    /// the template's JSON (`serde_json::to_value`) where they must reach the API server.
    ///
    /// # Errors
    /// A field has a value of the wrong kind; the error names its path, e.g.
    /// `spec.containers[0].resources: invalid type: …`.
    pub fn to_core(&self) -> Result<PodTemplateSpec, TemplateError> {
        let template = serde_path_to_error::serialize(self, serde_json::value::Serializer)?;
        serde_path_to_error::deserialize(template)
    }
}

/// Metadata of a pod template.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels of the pods. Those that the operator sets itself win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::string_map")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods. Those that the operator sets itself win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::string_map")]
    pub annotations: BTreeMap<String, String>,
    /// All other fields, e.g. `finalizers`.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl TemplateMetadata {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty() && self.rest.is_empty()
    }
}

/// Spec of a pod template.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSpec {
    /// Containers of the pod, by name.
    #[schemars(length(max = 32))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.all(c, has(c.image) && size(c.image) > 0)")
            .message("every container needs an image").reason(Reason::FieldValueRequired),
    )]
    pub containers: Vec<Container>,
    /// All other fields of a pod's spec.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
/// One container.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name of the container, a DNS label, unique in the pod.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Image to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub image: Option<String>,
    /// Ports that the container listens on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["containerPort".into(), "protocol".into()]))]
    pub ports: Vec<ContainerPort>,
    /// Environment variables, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
    /// All other fields of a container.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
/// One port of a container.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// Name of the port, an IANA service name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub name: Option<String>,
    /// The port's number.
    #[schemars(range(min = 1, max = 65535))]
    pub container_port: i32,
    /// TCP, UDP or SCTP. Default: TCP.
    #[serde(default = "tcp")]
    #[schemars(length(max = 8))]
    pub protocol: String,
    /// All other fields of a port.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

fn tcp() -> String {
    "TCP".into()
}
/// One environment variable.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Name of the variable.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,
    /// `value` or `valueFrom`.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

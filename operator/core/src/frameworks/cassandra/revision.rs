//! What a pod was rendered from, field by field, so that a change that has not reached it can be named.

use super::heap;
use crate::frameworks::revision::digest;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use twofold_crds::{CassandraService, CassandraServiceSpec};

/// The revision of a pod: the text of its annotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// Digests by field of the spec.
    pub fields: BTreeMap<String, String>,
    /// The incarnation of the instance that the pod was made for.
    pub incarnation: i64,
    /// Whether it may form a new ring.
    pub first_seed: bool,
}

impl Revision {
    /// The revision of a pod that is rendered now. It depends on the resource alone, so a newer operator changes
    /// nothing of what runs.
    #[must_use]
    pub fn of(resource: &CassandraService, incarnation: i64, first_seed: bool) -> Self {
        Self { fields: fields(&resource.spec), incarnation, first_seed }
    }

    /// Reads an annotation; none where it is not ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut revision = Self::default();
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("incarnation", number)) => revision.incarnation = number.parse().ok()?,
                Some((field, digest)) => {
                    revision.fields.insert(field.to_owned(), digest.to_owned());
                }
                None if part == "first-seed" => revision.first_seed = true,
                None => return None,
            }
        }
        Some(revision)
    }

    /// The fields of the spec in which these differ. A field that only one of them knows is no difference: it is one
    /// that another version of the operator looks at.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let shared =
            self.fields.iter().filter_map(|(field, digest)| Some((field, digest, other.fields.get(field)?)));
        shared.filter(|(_, ours, theirs)| ours != theirs).map(|(field, _, _)| field.clone()).collect()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, digest) in &self.fields {
            write!(f, "{field}={digest},")?;
        }
        write!(f, "incarnation={}", self.incarnation)?;
        if self.first_seed { f.write_str(",first-seed") } else { Ok(()) }
    }
}

/// What of the spec reaches a pod or the configuration that it reads. What decides only where new pods go, or what is
/// compared with the ledger and the claims, is left out.
fn fields(spec: &CassandraServiceSpec) -> BTreeMap<String, String> {
    let CassandraServiceSpec {
        version: _,
        image: _,
        cluster_name,
        datacenter,
        nodes: _,
        racks: _,
        fault_domains: _,
        placement,
        resources,
        heap: _,
        storage: _,
        seeds,
        config,
        pod_template,
    } = spec;
    [
        ("image", json!(spec.image_or_default())),
        ("clusterName", json!(cluster_name)),
        ("datacenter", json!(datacenter)),
        ("placement.priorityClassName", json!(placement.priority_class_name)),
        ("placement.tolerations", json!(placement.tolerations)),
        ("resources", json!(resources.resolved())),
        ("heap", json!(heap::bytes(spec).ok())),
        ("seeds", json!(seeds)),
        ("config", json!(config)),
        ("podTemplate", json!(pod_template)),
    ]
    .map(|(field, content)| (field.to_owned(), digest(&content).chars().take(8).collect()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_read_as_it_is_written() {
        let written = Revision {
            fields: [("image".to_owned(), "0a1b2c3d".to_owned())].into(),
            incarnation: 4,
            first_seed: true,
        };
        assert_eq!(written.to_string(), "image=0a1b2c3d,incarnation=4,first-seed");
        assert_eq!(Revision::parse(&written.to_string()), Some(written));
        assert_eq!(Revision::parse("by hand"), None);
    }

    #[test]
    fn a_changed_field_is_named() {
        let mut resource = super::super::example();
        let before = Revision::of(&resource, 1, false);
        resource.spec.image = Some("cassandra:5.0.10".to_owned());
        resource.spec.heap = "512Mi".to_owned();
        let after = Revision::of(&resource, 7, true);
        assert_eq!(before.differences(&after), ["heap", "image"]);
    }
}

//! What a cluster is asked to be.

use std::{fmt, str::FromStr};

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

/// The label region of every node; zones are `local-a`, `local-b`, ….
pub const REGION: &str = "local";

/// A cluster as the command line describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Names the directory, the links and the control groups of the cluster.
    pub name: String,
    /// Nodes that KWOK plays.
    pub fake: u32,
    /// Nodes with a kubelet and a container runtime of their own.
    pub real: u32,
    /// Nodes are dealt to so many zones in turn. With 0 no node has topology labels.
    pub zones: u32,
    /// GPUs, given to the fake nodes in order.
    pub gpus: Vec<GpuSpec>,
    /// Capacity of a fake node, as Kubernetes quantities.
    pub fake_cpu: String,
    /// Memory of a fake node, as a Kubernetes quantity.
    pub fake_memory: String,
    /// Seconds without a heartbeat after which a node counts as lost.
    pub grace_seconds: u32,
}

/// `MODEL:COUNT[:NODES]`: so many GPUs of a model on each of so many fake nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuSpec {
    pub model: String,
    pub count: u32,
    /// Absent: a quarter of the fake nodes, at least one.
    pub nodes: Option<u32>,
}

impl GpuSpec {
    /// How many of `fake` nodes get these GPUs.
    #[must_use]
    pub fn node_count(&self, fake: u32) -> u32 {
        self.nodes.unwrap_or_else(|| fake.div_ceil(4))
    }
}

impl FromStr for GpuSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (model, count, nodes) = match parts.as_slice() {
            [model, count] => (model, count, None),
            [model, count, nodes] => (model, count, Some(positive("NODES", nodes)?)),
            _ => bail!("'{text}' is not MODEL:COUNT or MODEL:COUNT:NODES, such as NVIDIA-H100:8:2"),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if model.len() > 63
            || !model.chars().all(legal)
            || !ends(model.chars().next())
            || !ends(model.chars().last())
        {
            bail!(
                "MODEL '{model}' cannot be a label value: use 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends"
            );
        }
        Ok(Self { model: (*model).to_owned(), count: positive("COUNT", count)?, nodes })
    }
}

impl fmt::Display for GpuSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.model, self.count)?;
        self.nodes.map_or(Ok(()), |nodes| write!(f, ":{nodes}"))
    }
}

fn positive(what: &str, text: &str) -> Result<u32> {
    match text.parse() {
        Ok(0) | Err(_) => bail!("{what} must be a whole number from 1, not '{text}'"),
        Ok(number) => Ok(number),
    }
}

impl ClusterSpec {
    /// # Errors
    /// The first field that no cluster can be made of, with what it may be.
    pub fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        if self.fake + self.real == 0 {
            bail!("a cluster needs nodes: give --fake N, --real N or both");
        }
        if self.real > 20 {
            bail!(
                "--real {} is more than the 20 nodes that one machine's addresses are planned for",
                self.real
            );
        }
        if self.zones > 26 {
            bail!("--zones {} is more than the 26 letters that name them", self.zones);
        }
        let wanted: u32 = self.gpus.iter().map(|gpu| gpu.node_count(self.fake)).sum();
        if wanted > self.fake {
            bail!("--gpus asks for GPUs on {wanted} nodes, but there are {} fake ones", self.fake);
        }
        Ok(())
    }

    /// The zone of the node with this index among its kind, or none.
    #[must_use]
    pub fn zone(&self, index: u32) -> Option<String> {
        let letter = char::from(b'a' + u8::try_from(index.checked_rem(self.zones)?).ok()?);
        Some(format!("{REGION}-{letter}"))
    }

    /// The GPUs of the fake node with this index, or none.
    #[must_use]
    pub fn gpu_of(&self, index: u32) -> Option<&GpuSpec> {
        let mut first = 0;
        self.gpus.iter().find(|gpu| {
            let range = first..first + gpu.node_count(self.fake);
            first = range.end;
            range.contains(&index)
        })
    }

    /// Names of the fake nodes, in order.
    #[must_use]
    pub fn fake_names(&self) -> Vec<String> {
        (0..self.fake).map(|index| format!("fake-{index}")).collect()
    }

    /// Names of the real nodes, in order.
    #[must_use]
    pub fn real_names(&self) -> Vec<String> {
        (0..self.real).map(|index| format!("real-{index}")).collect()
    }
}

/// # Errors
/// The name is no lower-case DNS label of at most 20 characters.
pub fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty()
        || name.len() > 20
        || !name.chars().all(legal)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        bail!("--name '{name}': use 1 to 20 lower-case letters, digits and '-', not at an end");
    }
    Ok(())
}

#[cfg(test)]
impl ClusterSpec {
    /// A cluster to test with.
    pub(super) fn example(fake: u32, real: u32, zones: u32, gpus: &[&str]) -> Self {
        Self {
            name: "test".into(),
            fake,
            real,
            zones,
            gpus: gpus.iter().map(|gpu| gpu.parse().unwrap()).collect(),
            fake_cpu: "32".into(),
            fake_memory: "128Gi".into(),
            grace_seconds: 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(fake: u32, real: u32, zones: u32, gpus: &[&str]) -> ClusterSpec {
        ClusterSpec::example(fake, real, zones, gpus)
    }

    #[test]
    fn gpus_are_read_with_and_without_a_number_of_nodes() {
        let gpu: GpuSpec = "NVIDIA-A100:8:3".parse().unwrap();
        assert_eq!((gpu.model.as_str(), gpu.count, gpu.nodes), ("NVIDIA-A100", 8, Some(3)));
        assert_eq!("V100:2".parse::<GpuSpec>().unwrap().node_count(20), 5);
        assert_eq!("V100:2".parse::<GpuSpec>().unwrap().node_count(1), 1);
    }

    #[test]
    fn gpus_that_make_no_sense_are_refused_with_the_part_that_is_wrong() {
        for (text, part) in
            [("A100", "MODEL:COUNT"), ("A100:0", "COUNT"), ("A100:8:x", "NODES"), ("A 1:8", "MODEL")]
        {
            let message = text.parse::<GpuSpec>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn nodes_are_dealt_to_zones_in_turn_and_gpus_to_the_first_nodes() {
        let spec = spec(6, 0, 3, &["A100:8:2", "V100:4:1"]);
        let zones: Vec<_> = (0..4).map(|index| spec.zone(index).unwrap()).collect();
        assert_eq!(zones, ["local-a", "local-b", "local-c", "local-a"]);
        let models: Vec<_> = (0..4).map(|index| spec.gpu_of(index).map(|gpu| gpu.model.as_str())).collect();
        assert_eq!(models, [Some("A100"), Some("A100"), Some("V100"), None]);
    }

    #[test]
    fn without_zones_there_are_no_topology_labels() {
        assert_eq!(spec(3, 0, 0, &[]).zone(1), None);
    }

    #[test]
    fn impossible_clusters_are_refused() {
        for (spec, part) in [
            (spec(0, 0, 3, &[]), "needs nodes"),
            (spec(2, 0, 27, &[]), "--zones"),
            (spec(2, 0, 1, &["A100:1:3"]), "--gpus"),
            (spec(0, 21, 1, &[]), "--real"),
        ] {
            assert!(spec.check().unwrap_err().to_string().contains(part));
        }
        for name in ["", "Upper", "-x", "x-", "a.b", "much-too-long-for-a-name"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}

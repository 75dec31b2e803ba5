//! Cutting a node off and bringing it back.

use anyhow::{Result, bail};

use super::{
    args::Action, control_plane::HEARTBEAT_LABEL, kubectl::Kubectl, layout::Layout, record::Record,
    supervisor::Client,
};

/// Stops or starts the heartbeat of a fake node, or the kubelet of a real one. Its pods go on as they are.
///
/// # Errors
/// There is no such node, or the cluster does not answer.
pub fn act(record: &Record, layout: &Layout, client: &Client, action: Action, node: &str) -> Result<()> {
    if record.spec.real_names().iter().any(|name| name == node) {
        let kubelet = format!("kubelet-{node}");
        return match action {
            Action::Stop => client.stop(&kubelet),
            Action::Start => client.start_again(&kubelet),
        };
    }
    if !record.spec.fake_names().iter().any(|name| name == node) {
        bail!("there is no node '{node}': names are fake-0 to fake-N and real-0 to real-N");
    }
    let value = match action {
        Action::Stop => "off",
        Action::Start => "on",
    };
    let label = format!("{HEARTBEAT_LABEL}={value}");
    Kubectl::new(record, layout).run(&["label", "node", node, "--overwrite", &label], None).map(drop)
}

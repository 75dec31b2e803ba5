//! The command lines of the control plane and of KWOK.

use super::{address, layout::Layout, record::Record, supervisor::Component};

/// The audit policy, from `e2e/cluster`.
pub const AUDIT_POLICY: &str = include_str!("../../cluster/audit-policy.yaml");
/// What KWOK plays, from `e2e/cluster`.
pub const STAGES: &str = include_str!("../../cluster/stages.yaml");
/// Nodes with this label have a heartbeat.
pub const HEARTBEAT_LABEL: &str = "kwok.twofold.dev/heartbeat";

/// The store.
#[must_use]
pub fn etcd(record: &Record, layout: &Layout) -> Component {
    let url = format!("http://127.0.0.1:{}", record.ports.etcd);
    Component::new(
        "etcd",
        [
            record.tool("etcd"),
            format!("--data-dir={}", layout.path("etcd")),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            "--listen-peer-urls=http://127.0.0.1:0".into(),
            // A cluster that is thrown away need not survive a power failure.
            "--unsafe-no-fsync".into(),
            "--log-level=warn".into(),
        ],
    )
}

/// The API server. On the loopback address it cannot announce itself as a service, which nobody there needs.
#[must_use]
pub fn apiserver(record: &Record, layout: &Layout) -> Component {
    let pki = |file: &str| layout.path(&format!("pki/{file}"));
    let mut argv = vec![
        record.tool("kube-apiserver"),
        format!("--etcd-servers=http://127.0.0.1:{}", record.ports.etcd),
        format!("--secure-port={}", record.ports.apiserver),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--kubelet-client-certificate={}", pki("apiserver-kubelet.crt")),
        format!("--kubelet-client-key={}", pki("apiserver-kubelet.key")),
        "--kubelet-preferred-address-types=InternalIP".into(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        format!("--service-account-key-file={}", pki("service-account.pub")),
        format!("--service-account-signing-key-file={}", pki("service-account.key")),
        format!("--service-cluster-ip-range={}", address::SERVICES),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--allow-privileged=true".into(),
        format!("--audit-policy-file={}", layout.path("config/audit-policy.yaml")),
        format!("--audit-log-path={}", layout.audit_log().display()),
    ];
    match record.subnet {
        Some(subnet) => {
            argv.extend(["--bind-address=0.0.0.0".into(), format!("--advertise-address={}", subnet.inside())])
        }
        None => argv.extend(["--bind-address=127.0.0.1".into(), "--endpoint-reconciler-type=none".into()]),
    }
    Component::new("kube-apiserver", argv)
}

/// The controllers, with the time after which a silent node counts as lost.
#[must_use]
pub fn controller_manager(record: &Record, layout: &Layout) -> Component {
    let pki = |file: &str| layout.path(&format!("pki/{file}"));
    let kubeconfig = layout.path("config/kube-controller-manager.kubeconfig");
    Component::new(
        "kube-controller-manager",
        [
            record.tool("kube-controller-manager"),
            format!("--kubeconfig={kubeconfig}"),
            format!("--service-account-private-key-file={}", pki("service-account.key")),
            format!("--root-ca-file={}", pki("ca.crt")),
            "--use-service-account-credentials".into(),
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
            "--node-monitor-period=2s".into(),
            format!("--node-monitor-grace-period={}s", record.spec.grace_seconds),
        ],
    )
}

/// Kubernetes' own scheduler, which binds.
#[must_use]
pub fn kube_scheduler(record: &Record, layout: &Layout) -> Component {
    Component::new(
        "kube-scheduler",
        [
            record.tool("kube-scheduler"),
            format!("--kubeconfig={}", layout.path("config/kube-scheduler.kubeconfig")),
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
        ],
    )
}

/// The player of fake nodes. It renews a Lease four times in its duration, which is kept shorter than the grace.
#[must_use]
pub fn kwok(record: &Record, layout: &Layout) -> Component {
    Component::new(
        "kwok",
        [
            record.tool("kwok"),
            format!("--kubeconfig={}", layout.path("config/kwok.kubeconfig")),
            format!("--config={}", layout.path("config/stages.yaml")),
            "--manage-all-nodes=false".into(),
            format!("--manage-nodes-with-label-selector={HEARTBEAT_LABEL}=on"),
            format!("--node-lease-duration-seconds={}", record.spec.grace_seconds * 4 / 5),
            format!("--cidr={}", address::FAKE_PODS),
            format!("--node-ip={}", record.address()),
            format!("--server-address=127.0.0.1:{}", record.ports.kwok),
        ],
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::local_cluster::spec::ClusterSpec;

    fn record(real: u32) -> Record {
        Record::example(ClusterSpec::example(1, real, 1, &[]))
    }

    fn has(component: &Component, word: &str) -> bool {
        component.argv.iter().any(|argument| argument == word)
    }

    #[test]
    fn without_real_nodes_nothing_listens_beyond_the_loopback_address() {
        let layout = Layout::at(PathBuf::from("/d"));
        let apiserver = apiserver(&record(0), &layout);
        assert!(
            has(&apiserver, "--bind-address=127.0.0.1") && has(&apiserver, "--endpoint-reconciler-type=none")
        );
        assert!(has(&kwok(&record(0), &layout), "--server-address=127.0.0.1:10247"));
    }

    #[test]
    fn with_real_nodes_the_api_server_announces_its_address_in_the_cluster() {
        let apiserver = apiserver(&record(1), &Layout::at(PathBuf::from("/d")));
        assert!(has(&apiserver, "--advertise-address=10.213.4.2"));
    }

    #[test]
    fn a_fake_node_renews_its_lease_well_within_the_grace() {
        let kwok = kwok(&record(0), &Layout::at(PathBuf::from("/d")));
        assert!(has(&kwok, "--node-lease-duration-seconds=16"));
    }
}

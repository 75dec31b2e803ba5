//! What the administrator chose when the operator was started.

/// Settings of the whole operator, fixed while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Namespaces whose services and jobs are served; all when empty. Pods everywhere count as use.
    pub namespaces: Vec<String>,
    /// How long a launch may stay unbound before it is withdrawn, in milliseconds.
    pub bind_timeout_millis: u64,
    /// The image that holds the service agent.
    pub agent_image: String,
    /// The cluster's DNS domain, appended to host names when not empty.
    pub cluster_domain: String,
    /// The processor architectures that the service agent's image is built for, by Kubernetes' names.
    pub agent_architectures: Vec<String>,
    /// Whether claims may be re-aimed by a patch.
    pub allow_claim_patch: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            bind_timeout_millis: 60_000,
            agent_image: "docker.io/twofold/operator:test".to_owned(),
            cluster_domain: String::new(),
            agent_architectures: vec!["amd64".to_owned()],
            allow_claim_patch: false,
        }
    }
}

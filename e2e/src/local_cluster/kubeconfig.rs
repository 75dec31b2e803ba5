//! Kubeconfig files, with certificates inside, so that they can be copied.

use std::path::Path;

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{layout, pki};

/// Writes a user's kubeconfig.
///
/// # Errors
/// A certificate cannot be read or the file cannot be written.
pub fn create(path: &Path, pki: &Path, user: &str, server: &str, cluster: &str) -> Result<()> {
    let content = render(
        cluster,
        user,
        server,
        &pki::read(pki, "ca.crt")?,
        &pki::read(pki, &format!("{user}.crt"))?,
        &pki::read(pki, &format!("{user}.key"))?,
    );
    layout::write(path, content)
}

fn render(cluster: &str, user: &str, server: &str, authority: &str, certificate: &str, key: &str) -> String {
    let context = format!("local-cluster-{cluster}");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        "clusters": [{"name": context, "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{"name": user, "user": {
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        }}],
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_inside_and_the_context_names_the_cluster() {
        let text = render("x", "admin", "https://127.0.0.1:1", "ca", "crt", "key");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["current-context"], "local-cluster-x");
        assert_eq!(value["clusters"][0]["cluster"]["certificate-authority-data"], "Y2E=");
        assert_eq!(value["users"][0]["user"]["client-key-data"], "a2V5");
    }
}

//! The certificates of one cluster: an authority of its own, and one certificate for each user.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::{address, layout};

/// A user that the API server knows by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name of the files.
    pub file: String,
    pub name: String,
    pub group: Option<&'static str>,
}

/// The administrator. KWOK and the API server's calls to kubelets have names of their own, so that the audit log
/// tells them apart.
#[must_use]
pub fn users(nodes: &[String]) -> Vec<User> {
    let user = |file: &str, name: &str, group| User { file: file.into(), name: name.into(), group };
    let masters = Some("system:masters");
    let mut users = vec![
        user("admin", "admin", masters),
        user("kwok", "kwok", masters),
        user("local-path", "local-path", masters),
        user("apiserver-kubelet", "apiserver-kubelet", masters),
        user("coredns", "coredns", masters),
        user("kube-controller-manager", "system:kube-controller-manager", None),
        user("kube-scheduler", "system:kube-scheduler", None),
        user("kube-proxy", "system:kube-proxy", None),
    ];
    users.extend(nodes.iter().map(|node| user(node, &format!("system:node:{node}"), Some("system:nodes"))));
    users
}

/// Writes `ca.crt`, `apiserver.{crt,key}`, `service-account.{key,pub}` and `<user>.{crt,key}` into a directory, unless
/// they are there.
///
/// # Errors
/// A file cannot be written.
pub fn create(directory: &Path, server_address: &str, users: &[User]) -> Result<()> {
    if directory.join("complete").exists() {
        return Ok(());
    }
    let (authority, certificate) = authority().context("failed to make the cluster's authority")?;
    layout::write(directory.join("ca.crt"), certificate)?;
    let key = KeyPair::generate().context("failed to make the key of service accounts")?;
    layout::write(directory.join("service-account.key"), key.serialize_pem())?;
    layout::write(directory.join("service-account.pub"), key.public_key_pem())?;
    let server = server(server_address).context("failed to describe the API server's certificate")?;
    sign(directory, "apiserver", &server, &authority)?;
    for user in users {
        sign(directory, &user.file, &client(user), &authority)?;
    }
    layout::write(directory.join("complete"), "")
}

/// Reads a file of the directory, as PEM.
///
/// # Errors
/// The file cannot be read.
pub fn read(directory: &Path, file: &str) -> Result<String> {
    let path = directory.join(file);
    fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "local-cluster");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), certificate))
}

fn server(address: &str) -> Result<CertificateParams, rcgen::Error> {
    let names = [
        address,
        "127.0.0.1",
        address::API_SERVICE,
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn client(user: &User) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, &user.name);
    if let Some(group) = user.group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn sign(
    directory: &Path,
    file: &str,
    params: &CertificateParams,
    authority: &Issuer<'_, KeyPair>,
) -> Result<()> {
    let key = KeyPair::generate().with_context(|| format!("failed to make the key of '{file}'"))?;
    let certificate =
        params.signed_by(&key, authority).with_context(|| format!("failed to sign '{file}'"))?;
    layout::write(directory.join(format!("{file}.crt")), certificate.pem())?;
    layout::write(directory.join(format!("{file}.key")), key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_gets_a_certificate_and_a_second_run_changes_none() {
        let directory = tempfile::tempdir().unwrap();
        let users = users(&["real-0".to_owned()]);
        create(directory.path(), "10.213.0.2", &users).unwrap();
        let before = read(directory.path(), "real-0.crt").unwrap();
        assert!(before.starts_with("-----BEGIN CERTIFICATE-----"));
        create(directory.path(), "10.213.0.2", &users).unwrap();
        assert_eq!(read(directory.path(), "real-0.crt").unwrap(), before);
    }

    #[test]
    fn a_kubelet_is_in_the_group_of_nodes() {
        let users = users(&["real-3".to_owned()]);
        let node = users.last().unwrap();
        assert_eq!((node.name.as_str(), node.group), ("system:node:real-3", Some("system:nodes")));
    }
}

//! The one image that real nodes need of their own, written as a `docker save` archive.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{layout, modules::hex};

/// The name of the image in a container runtime.
pub const NAME: &str = "docker.io/local/node:1";

/// Writes an archive of an image that holds one static program as its entry point.
///
/// # Errors
/// The program cannot be read or the archive cannot be written.
pub fn create(archive: &Path, program: &Path) -> Result<()> {
    let program = std::fs::read(program).with_context(|| format!("failed to read {}", program.display()))?;
    layout::write(archive, render(&program).context("failed to write an archive")?)
}

fn render(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let layer = tar(&[("node", program, 0o755)])?;
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {"Entrypoint": ["/node"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&Sha256::digest(&layer)))]},
    })
    .to_string();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]).to_string();
    tar(&[
        ("config.json", config.as_bytes(), 0o644),
        ("layer.tar", &layer, 0o644),
        ("manifest.json", manifest.as_bytes(), 0o644),
    ])
}

fn tar(files: &[(&str, &[u8], u32)]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        builder.append_data(&mut header, name, *content)?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_archive_names_its_layer_by_what_is_in_it() {
        let archive = render(b"program").unwrap();
        assert_eq!(archive, render(b"program").unwrap());
        let mut files = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        let config: serde_json::Value = serde_json::from_slice(&files["config.json"]).unwrap();
        let digest = format!("sha256:{}", hex(&Sha256::digest(&files["layer.tar"])));
        assert_eq!(config["rootfs"]["diff_ids"][0], digest);
        let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(manifest[0]["RepoTags"][0], NAME);
    }
}

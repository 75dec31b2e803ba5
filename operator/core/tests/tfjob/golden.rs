//! Pods and services as they reach the API server, kept as files. `REWRITE=1` writes them anew.

use crate::scene::Scene;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use twofold_core::action::Write;
use twofold_core::frameworks::Framework;
use twofold_core::object::Object;

const MANIFEST: &str = include_str!("manifest.yaml");

fn compare(name: &str, documents: &[impl Serialize]) {
    let texts: Vec<String> =
        documents.iter().map(|one| serde_saphyr::to_string(one).expect("YAML")).collect();
    let text = texts.join("---\n");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tfjob").join(name);
    if std::env::var_os("REWRITE").is_some() {
        fs::write(&path, &text).expect("a file that can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, kept,
        "{name} differs; REWRITE=1 cargo test -p twofold-core --test tfjob writes it anew"
    );
}

#[test]
fn the_pods_of_a_job() {
    let scene = Scene::new(MANIFEST);
    let spec = scene.translate().unwrap();
    compare("pods.yaml", &scene.job.samples(&spec, &scene.settings));
}

#[test]
fn the_services_of_a_job() {
    let scene = Scene::new(MANIFEST);
    let services: Vec<_> = scene
        .upkeep()
        .actions
        .into_iter()
        .filter_map(|action| match action.write {
            Write::Create(Object::Service(service)) => Some(service),
            _ => None,
        })
        .collect();
    compare("services.yaml", &services);
}

#[test]
fn the_first_status_of_a_job() {
    let scene = Scene::new(MANIFEST);
    let patches: Vec<_> = scene
        .status()
        .into_iter()
        .filter_map(|action| match action.write {
            Write::Status { patch, .. } => Some(patch),
            _ => None,
        })
        .collect();
    compare("status.yaml", &patches);
}

//! What Helm makes of the chart. These tests need Helm 4, on PATH or named by HELM, and run when asked
//! for: `cargo test -p twofold-crds --test chart_rendered -- --ignored`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Helm asks no cluster here, so it has to be told.
const KUBERNETES: [&str; 2] = ["--kube-version", "1.36.0"];

fn chart() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../charts/twofold")
}

fn helm(arguments: &[&str]) -> Output {
    let program = std::env::var_os("HELM").unwrap_or_else(|| "helm".into());
    let mut command = Command::new(&program);
    command.args(arguments).args(KUBERNETES).current_dir(chart());
    command.output().unwrap_or_else(|error| panic!("failed to start {}: {error}", program.display()))
}

/// The objects that the chart renders to with these arguments.
fn render(arguments: &[&str]) -> Vec<Value> {
    let output = helm(&[&["template", "release", ".", "--namespace", "twofold-system"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

fn full() -> Vec<Value> {
    render(&["--values", "ci/full-values.yaml"])
}

fn kinds<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

#[test]
#[ignore = "needs helm"]
fn the_chart_lints_clean_with_default_and_full_values() {
    for values in ["ci/default-values.yaml", "ci/full-values.yaml"] {
        let output = helm(&["lint", ".", "--strict", "--values", values]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !text.contains("[WARNING]"), "{values}: {text}");
    }
}

#[test]
#[ignore = "needs helm"]
fn a_misspelled_value_is_refused_by_name() {
    let output = helm(&["template", "release", ".", "--set", "volumes.allowPatches=true"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("'allowPatches' not allowed"), "{text}");
}

#[test]
#[ignore = "needs helm"]
fn pods_are_restricted() {
    for objects in [render(&[]), full()] {
        for deployment in kinds(&objects, "Deployment") {
            let pod = &deployment["spec"]["template"]["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false);
                assert_eq!(context["readOnlyRootFilesystem"], true);
                assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
                assert!(container["resources"]["limits"]["memory"].is_string());
            }
        }
    }
}

#[test]
#[ignore = "needs helm"]
fn every_object_says_what_it_is_part_of() {
    for object in render(&[]).into_iter().chain(full()) {
        let part_of = &object["metadata"]["labels"]["app.kubernetes.io/part-of"];
        assert_eq!(part_of, "twofold", "{} {}", object["kind"], object["metadata"]["name"]);
    }
}

#[test]
#[ignore = "needs helm"]
fn definitions_are_switched_by_group_and_kept() {
    let names = |arguments: &[&str]| {
        let objects = render(arguments);
        let definitions = kinds(&objects, "CustomResourceDefinition");
        let name = |object: &Value| {
            assert_eq!(object["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
            object["metadata"]["name"].as_str().unwrap().to_owned()
        };
        definitions.map(name).collect::<Vec<_>>()
    };
    let ours = ["allocationroles.twofold.dev", "cassandraservices.twofold.dev", "serviceledgers.twofold.dev"];
    assert_eq!(names(&["--set", "crds.tfjob.enabled=false"]), ours);
    assert_eq!(names(&["--set", "crds.twofold.enabled=false"]), ["tfjobs.kubeflow.org"]);
}

#[test]
#[ignore = "needs helm"]
fn rights_to_write_are_bound_only_in_the_namespaces_that_are_served() {
    let serves = |object: &&Value| object["roleRef"]["name"].as_str().unwrap_or_default().ends_with("-serve");
    let everywhere = render(&[]);
    assert_eq!(kinds(&everywhere, "ClusterRoleBinding").filter(serves).count(), 1);
    let some = full();
    assert_eq!(kinds(&some, "ClusterRoleBinding").filter(serves).count(), 0);
    let bindings = kinds(&some, "RoleBinding").filter(serves);
    let namespaces = bindings.map(|binding| binding["metadata"]["namespace"].clone()).collect::<Vec<_>>();
    assert_eq!(namespaces, ["research", "data"]);
}

#[test]
#[ignore = "needs helm"]
fn claims_are_deleted_and_patched_only_when_the_values_say_so() {
    let verbs = |arguments: &[&str]| {
        let objects = render(arguments);
        let rules = kinds(&objects, "ClusterRole").flat_map(|role| role["rules"].as_array().unwrap());
        let claims = rules.filter(|rule| rule["resources"] == json!(["persistentvolumeclaims"]));
        let verbs = claims.flat_map(|rule| rule["verbs"].as_array().unwrap());
        verbs.map(|verb| verb.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let default = verbs(&[]);
    assert_eq!(default, ["create", "get", "list", "watch"].map(str::to_owned).into());
    let added = |value: &str| verbs(&["--set", value]).difference(&default).cloned().collect::<Vec<_>>();
    assert_eq!(added("volumes.allowPatch=true"), ["patch"]);
}

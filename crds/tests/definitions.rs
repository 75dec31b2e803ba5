//! What holds for the generated definitions as a whole.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

use std::path::Path;

use serde_json::Value;
use twofold_crds::definitions;
use twofold_crds::definitions::files;

fn schemas() -> Vec<(String, Value)> {
    let schema = |definition: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition| {
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap()
    };
    definitions().iter().map(|definition| (definition.spec.names.kind.clone(), schema(definition))).collect()
}

/// Calls `visit` with the path and the schema of every field.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for (key, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&format!("{path}{suffix}"), &schema[key], visit);
        }
    }
}

#[test]
fn generated_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = Vec::new();
    for file in files().unwrap() {
        let path = root.join(&file.path);
        if std::fs::read_to_string(&path).unwrap_or_default() == file.content {
            continue;
        }
        if std::env::var_os("REWRITE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, file.content).unwrap();
        } else {
            stale.push(file.path);
        }
    }
    assert!(stale.is_empty(), "run again with REWRITE=1 to update {stale:?}");
}

#[test]
fn generated_files_read_back_as_what_was_written() {
    for (file, definition) in files().unwrap().chunks(2).zip(definitions()) {
        let read: Value = serde_saphyr::from_str(&file[0].content).unwrap();
        assert_eq!(read["spec"], serde_json::to_value(&definition.spec).unwrap(), "{}", file[0].path);
        let template = &file[1].content;
        assert_eq!(template.matches("{{").count(), 2, "{} has template actions of its own", file[1].path);
        assert!(template.contains("helm.sh/resource-policy: keep"), "{}", file[1].path);
    }
}

#[test]
fn schemas_have_the_shape_that_the_api_server_demands() {
    for (kind, schema) in schemas() {
        walk(&kind, &schema, &mut |path, field| {
            for forbidden in ["$ref", "anyOf", "allOf", "not", "nullable", "uniqueItems", "definitions"] {
                assert!(field.get(forbidden).is_none(), "{path} has {forbidden}");
            }
            let int_or_string = field["x-kubernetes-int-or-string"] == true;
            let preserved = field["x-kubernetes-preserve-unknown-fields"] == true;
            assert!(field["type"].is_string() || int_or_string || preserved, "{path} has no type");
            assert!(!field["items"].is_array(), "{path} is a tuple");
            let both = field.get("properties").is_some() && field.get("additionalProperties").is_some();
            assert!(!both, "{path} has properties and additionalProperties");
        });
    }
}

#[test]
fn every_list_map_and_string_of_a_spec_is_bounded() {
    for (kind, schema) in schemas() {
        walk(&format!("{kind}.spec"), &schema["properties"]["spec"], &mut |path, field| {
            let bound = match field["type"].as_str() {
                Some("array") => "maxItems",
                Some("object") if field.get("additionalProperties").is_some() => "maxProperties",
                Some("string") if field.get("enum").is_none() && field.get("format").is_none() => "maxLength",
                _ => return,
            };
            let owned = path.starts_with("CassandraService.spec.config.cassandraYaml.");
            assert!(owned || field.get(bound).is_some(), "{path} has no {bound}");
        });
    }
}

#[test]
fn every_field_of_a_spec_is_described() {
    for (kind, schema) in schemas() {
        walk(&format!("{kind}.spec"), &schema["properties"]["spec"], &mut |path, field| {
            let inner = path.ends_with("[]") || path.ends_with("{}");
            let kubernetes = path.contains(".tolerations") || path.contains(".nodeAffinity.");
            assert!(inner || kubernetes || field.get("description").is_some(), "{path} is not described");
        });
    }
}

#[test]
fn all_definitions_fit_into_a_helm_release_and_a_client_side_apply() {
    let sizes = definitions()
        .iter()
        .map(|definition| serde_json::to_string(definition).unwrap().len())
        .collect::<Vec<_>>();
    assert!(sizes.iter().all(|size| *size < 200_000), "{sizes:?}");
    assert!(sizes.iter().sum::<usize>() < 400_000, "{sizes:?}");
}

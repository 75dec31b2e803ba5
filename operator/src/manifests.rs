//! Manifests from files: YAML documents become objects, or errors that name the file, the document and the field.

use serde_json::Value;
use std::path::{Path, PathBuf};
use twofold_core::object::{Kind, Object};

/// Why manifests could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file could not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document is no YAML.
    #[error("{}: not valid YAML: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Why, with line and column.
        message: String,
    },
    /// A document is not what its kind says.
    #[error("{}: {kind} {name:?}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The kind that it claims to be.
        kind: String,
        /// Its name.
        name: String,
        /// Why, with the field.
        message: String,
    },
}

/// The objects of the kinds that the operator reads, and the kinds and names of those that it does not.
#[derive(Debug, Default)]
pub struct Manifests {
    /// What can be used.
    pub objects: Vec<Object>,
    /// What was passed over.
    pub ignored: Vec<String>,
}

/// Reads every document of the files; lists are taken apart.
///
/// # Errors
/// The first file or document that cannot be used.
pub fn read(paths: &[PathBuf]) -> Result<Manifests, ManifestError> {
    let mut found = Manifests::default();
    for path in paths {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ManifestError::Read { path: path.clone(), source })?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
            .map_err(|error| ManifestError::Syntax { path: path.clone(), message: error.to_string() })?;
        for document in documents {
            take(document, path, &mut found)?;
        }
    }
    Ok(found)
}

fn take(mut document: Value, path: &Path, found: &mut Manifests) -> Result<(), ManifestError> {
    if document.is_null() {
        return Ok(());
    }
    let text = |document: &Value, pointer: &str| {
        document.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (kind, name) = (text(&document, "/kind"), text(&document, "/metadata/name"));
    if kind == "List" {
        let items = document.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
        return items.into_iter().flatten().try_for_each(|item| take(item, path, found));
    }
    let group = text(&document, "/apiVersion");
    let Some(known) =
        Kind::ALL.into_iter().find(|known| known.name() == kind && known.api_version() == group)
    else {
        found.ignored.push(format!("{kind} {name}"));
        return Ok(());
    };
    if known.is_namespaced() && document.pointer("/metadata/namespace").is_none() {
        document["metadata"]["namespace"] = Value::from("default");
    }
    let object = Object::from_value(known, document).map_err(|error| ManifestError::Content {
        path: path.to_owned(),
        kind,
        name,
        message: error.to_string(),
    })?;
    found.objects.push(object);
    Ok(())
}

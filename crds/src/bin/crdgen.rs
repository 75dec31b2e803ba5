//! Writes the generated `CustomResourceDefinition`s: `crds/yaml/*.yaml`, and the chart's templates.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use twofold_crds::definitions::files;

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crdgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in files()? {
        let path = root.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if fs::read_to_string(&path).unwrap_or_default() != file.content {
            fs::write(&path, &file.content).map_err(|error| failed(&path, &error))?;
            println!("{}", file.path);
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to write {}: {error}", path.display()))
}

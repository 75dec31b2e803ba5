//! Text that is compared with a file, and written to it under `REWRITE=1`.

use std::path::PathBuf;

/// Fails unless the text is what the file says.
pub(crate) fn check(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cassandra").join(name);
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, text).expect("a file that can be written");
        return;
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == text,
        "{} differs; see the difference with REWRITE=1 and git diff:\n{text}",
        path.display()
    );
}

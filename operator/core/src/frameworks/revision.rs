//! Digests: whether what was rendered is still what would be rendered.

use serde::Serialize;

/// A digest of the content as JSON, 16 hexadecimal digits. It is the same in every process and version, since it is
/// written on objects that outlive the operator: 64-bit FNV-1a (Fowler, Noll, Vo), with no defence against somebody
/// who wants two contents to agree.
#[must_use]
pub fn digest(content: &impl Serialize) -> String {
    // A map with keys that are no text is the only thing that has no JSON, and no content of ours holds one.
    let text = serde_json::to_vec(content).unwrap_or_default();
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_same_in_every_version_and_differs_with_the_content() {
        assert_eq!(digest(&serde_json::json!({})), "08f44b07b5901a25");
        assert_ne!(digest(&serde_json::json!({"a": 1})), digest(&serde_json::json!({"a": 2})));
    }
}

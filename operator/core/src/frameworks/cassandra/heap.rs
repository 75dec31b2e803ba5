//! The heap of the Java virtual machine.

use twofold_allocator::quantity::{QuantityError, parse_bytes};
use twofold_crds::CassandraServiceSpec;
use twofold_crds::cassandra_service::HEAP_AUTO;

const MEBI: u64 = 1 << 20;
const GIBI: u64 = 1 << 30;

/// The memory limit of a member in bytes.
///
/// # Errors
/// The limit cannot be read.
pub fn memory_limit(spec: &CassandraServiceSpec) -> Result<u64, QuantityError> {
    let resolved = spec.resources.resolved();
    parse_bytes(resolved.limits.get("memory").map_or("0", |quantity| quantity.0.as_str()))
}

/// The heap in bytes, whole mebibytes. `auto` is the larger of half of the memory limit, at most 1 GiB, and a quarter
/// of it, at most 8 GiB: the rule of the stock start script, with the limit in place of the machine's memory.
///
/// # Errors
/// The heap or the memory limit cannot be read.
pub fn bytes(spec: &CassandraServiceSpec) -> Result<u64, QuantityError> {
    let bytes = if spec.heap == HEAP_AUTO {
        let limit = memory_limit(spec)?;
        (limit / 2).min(GIBI).max((limit / 4).min(8 * GIBI))
    } else {
        parse_bytes(&spec.heap)?
    };
    Ok(bytes / MEBI * MEBI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

    #[test]
    fn auto_follows_the_memory_limit() {
        for (limit, heap) in [
            ("256Mi", 128 * MEBI),
            ("1Gi", 512 * MEBI),
            ("4Gi", GIBI),
            ("16Gi", 4 * GIBI),
            ("64Gi", 8 * GIBI),
            ("333M", 158 * MEBI),
        ] {
            let mut spec = super::super::example().spec;
            spec.resources.limits.insert("memory".to_owned(), Quantity(limit.to_owned()));
            assert_eq!(bytes(&spec), Ok(heap), "{limit}");
        }
    }
}

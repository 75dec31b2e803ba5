//! Any text is a quantity or an error, and what is printed is read as the same quantity again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twofold_allocator::quantity::{Quantity, parse_bytes, parse_count, parse_cpu_milli};

fuzz_target!(|text: &str| {
    let Ok(quantity) = Quantity::parse(text) else {
        for error in [parse_bytes(text), parse_count(text), parse_cpu_milli(text)] {
            assert!(error.is_err_and(|error| error.to_string().contains(&format!("{text:?}"))));
        }
        return;
    };
    assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
    assert_eq!(Quantity::parse(&quantity.binary().to_string()), Ok(quantity));
    let whole = i64::try_from(quantity.nano()).is_ok_and(|nano| nano >= 0);
    for amount in [parse_bytes(text), parse_count(text), parse_cpu_milli(text)] {
        assert!(!whole || amount.is_ok(), "{text:?} is {quantity}: {amount:?}");
    }
});

//! Kubernetes quantities: text such as `500m`, `1.5Gi` or `12e6` to exact integers and back.
//!
//! A [`Quantity`] holds billionths in 128 bits, so nothing is rounded but what is finer than a billionth, and that is
//! rounded away from zero, as Kubernetes does. `1E` is exa, `1E3` is a thousand.

use alloc::string::String;
use core::fmt;

const NANO: i128 = 1_000_000_000;

/// A number with up to nine decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    nano: i128,
}

/// Why a text is no quantity, or not one that fits here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// There are no digits where the number should be.
    NoNumber(String),
    /// What follows the number is no suffix.
    Suffix {
        /// The whole text.
        text: String,
        /// What follows the number.
        suffix: String,
    },
    /// The number is out of range.
    TooLarge(String),
    /// A negative number where an amount is wanted.
    Negative(String),
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber(text) => {
                write!(f, "{text:?} is no quantity: write a number such as 500m, 1.5 or 2Gi")
            }
            Self::Suffix { text, suffix } => write!(
                f,
                "{text:?} is no quantity: {suffix:?} is no suffix; use n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or \
                 an exponent such as e3"
            ),
            Self::TooLarge(text) => write!(f, "{text:?} is out of range: write an amount below 2^63"),
            Self::Negative(text) => write!(f, "{text:?} is negative: write an amount of zero or more"),
        }
    }
}

impl core::error::Error for QuantityError {}

impl Quantity {
    /// A whole number.
    #[must_use]
    pub fn whole(number: u64) -> Self {
        Self { nano: i128::from(number) * NANO }
    }

    /// So many thousandths.
    #[must_use]
    pub fn milli(thousandths: u64) -> Self {
        Self { nano: i128::from(thousandths) * (NANO / 1000) }
    }

    /// The number in billionths.
    #[must_use]
    pub fn nano(self) -> i128 {
        self.nano
    }

    /// Reads a quantity as Kubernetes writes it.
    ///
    /// # Errors
    /// [`QuantityError`], which quotes the text and says what may stand there.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            Some(_) | None => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && decimals.is_empty()) || decimals.contains('.') {
            return Err(QuantityError::NoNumber(text.into()));
        }
        let scale = Scale::parse(suffix)
            .ok_or_else(|| QuantityError::Suffix { text: text.into(), suffix: suffix.into() })?;
        let nano = scale.nano(whole, decimals).ok_or_else(|| QuantityError::TooLarge(text.into()))?;
        Ok(Self { nano: if negative { -nano } else { nano } })
    }

    /// The number times `per_unit`, as an amount, rounded up.
    fn amount(self, per_unit: i128, text: &str) -> Result<u64, QuantityError> {
        if self.nano < 0 {
            return Err(QuantityError::Negative(text.into()));
        }
        let step = NANO / per_unit;
        let amount = self.nano / step + i128::from(self.nano % step != 0);
        let within = i64::try_from(amount).map_err(|_| QuantityError::TooLarge(text.into()))?;
        u64::try_from(within).map_err(|_| QuantityError::Negative(text.into()))
    }

    /// Writes the number with binary suffixes where it is a multiple of them, such as `2Gi`; else as `Display` does.
    #[must_use]
    pub fn binary(self) -> Binary {
        Binary(self)
    }
}

/// Thousandths of a core, rounded up: `1` is 1000, `500m` is 500.
///
/// # Errors
/// [`QuantityError`] for a text that is no quantity, is negative, or is too large.
pub fn parse_cpu_milli(text: &str) -> Result<u64, QuantityError> {
    Quantity::parse(text)?.amount(1000, text)
}

/// Bytes, rounded up: `1.5Gi` is 1,610,612,736.
///
/// # Errors
/// [`QuantityError`] for a text that is no quantity, is negative, or is too large.
pub fn parse_bytes(text: &str) -> Result<u64, QuantityError> {
    Quantity::parse(text)?.amount(1, text)
}

/// A count, rounded up.
///
/// # Errors
/// [`QuantityError`] for a text that is no quantity, is negative, or is too large.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    Quantity::parse(text)?.amount(1, text)
}

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Scale {
    Ten(i32),
    Two(u32),
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "" => Self::Ten(0),
            "n" => Self::Ten(-9),
            "u" => Self::Ten(-6),
            "m" => Self::Ten(-3),
            "k" => Self::Ten(3),
            "M" => Self::Ten(6),
            "G" => Self::Ten(9),
            "T" => Self::Ten(12),
            "P" => Self::Ten(15),
            "E" => Self::Ten(18),
            "Ki" => Self::Two(10),
            "Mi" => Self::Two(20),
            "Gi" => Self::Two(30),
            "Ti" => Self::Two(40),
            "Pi" => Self::Two(50),
            "Ei" => Self::Two(60),
            exponent => {
                let digits = exponent.strip_prefix(['e', 'E'])?;
                let power: i32 = digits.parse().ok()?;
                Self::Ten(power)
            }
        })
    }

    /// Billionths of `whole.decimals` times this scale, rounded up; none when out of range.
    fn nano(self, whole: &str, decimals: &str) -> Option<i128> {
        let places = i64::try_from(decimals.len()).ok()?;
        let (step, power) = match self {
            Self::Ten(power) => (1, 9 + i64::from(power) - places),
            Self::Two(bits) => (1i128.checked_shl(bits)?, 9 - places),
        };
        let mut digits = whole.bytes().chain(decimals.bytes()).map(|digit| i128::from(digit - b'0'));
        // The digits below a billionth, from the right: what they come to whole, and whether anything is left over.
        let (mut low, mut rest) = (0, false);
        for _ in power..0 {
            let digit = digits.next_back();
            if digit.is_none() && low == 0 {
                break;
            }
            let sum = low + digit.unwrap_or_default() * step;
            (low, rest) = (sum / 10, rest || sum % 10 != 0);
        }
        let high = digits.try_fold(0i128, |high, digit| high.checked_mul(10)?.checked_add(digit))?;
        let high = if high == 0 {
            0
        } else {
            high.checked_mul(10i128.checked_pow(u32::try_from(power.max(0)).ok()?)?)?
        };
        high.checked_mul(step)?.checked_add(low)?.checked_add(i128::from(rest))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        let mut number = self.nano;
        let mut chosen = "n";
        for suffix in SUFFIXES {
            chosen = suffix;
            if number % 1000 != 0 || number == 0 {
                break;
            }
            if suffix != "E" {
                number /= 1000;
            }
        }
        if self.nano == 0 {
            chosen = "";
        }
        write!(f, "{number}{chosen}")
    }
}

/// A [`Quantity`] to be written with binary suffixes.
#[derive(Clone, Copy, Debug)]
pub struct Binary(Quantity);

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let Quantity { nano } = self.0;
        let number = nano / NANO;
        if nano % NANO != 0 || number % 1024 != 0 || number == 0 {
            return fmt::Display::fmt(&self.0, f);
        }
        let steps = (number.trailing_zeros() / 10).min(6);
        let suffix = SUFFIXES.get(usize::try_from(steps).unwrap_or_default()).copied().unwrap_or_default();
        write!(f, "{}{suffix}", number >> (10 * steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn suffixes_and_exponents_mean_what_kubernetes_says() {
        for (text, nano) in [
            ("0", 0),
            ("1", NANO),
            ("+1", NANO),
            ("-1", -NANO),
            ("1.", NANO),
            (".5", NANO / 2),
            ("0.5", NANO / 2),
            ("500m", NANO / 2),
            ("1n", 1),
            ("1u", 1000),
            ("1k", 1000 * NANO),
            ("12e6", 12_000_000 * NANO),
            ("12E6", 12_000_000 * NANO),
            ("1E", 1_000_000_000_000_000_000 * NANO),
            ("1Ei", (1i128 << 60) * NANO),
            ("1e-3", NANO / 1000),
            ("1E+3", 1000 * NANO),
            ("1.5Gi", 1_610_612_736 * NANO),
            ("0.1n", 1),
            ("1e-40", 1),
            ("0.3333333333333333333333333333333333333333", NANO / 3 + 1),
            ("0.00000000000000000000000000000000000000000001Ei", 1),
            ("1000000000000000000000000000000000000000000e-42", NANO),
            ("1e-2147483648", 1),
            ("0e2147483647", 0),
            ("-0.1n", -1),
            ("1.00000000000000000000000000000000000000000000", NANO),
        ] {
            assert_eq!(Quantity::parse(text).map(Quantity::nano), Ok(nano), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_quoted_and_explained() {
        for text in ["", ".", "m", "1.2.3", "1e", "1e+", "1 Gi", "1gi", "1KiB", "--1", "0x1", "1e1.5", "١"] {
            let error = Quantity::parse(text).unwrap_err().to_string();
            assert!(error.contains(&alloc::format!("{text:?}")), "{error}");
        }
        assert_eq!(Quantity::parse("1e400"), Err(QuantityError::TooLarge("1e400".into())));
        assert_eq!(parse_bytes("-1"), Err(QuantityError::Negative("-1".into())));
        assert_eq!(parse_bytes("9Ei"), Err(QuantityError::TooLarge("9Ei".into())));
    }

    #[test]
    fn amounts_are_rounded_up() {
        assert_eq!(parse_cpu_milli("1"), Ok(1000));
        assert_eq!(parse_cpu_milli("0.0001"), Ok(1));
        assert_eq!(parse_cpu_milli("2.5"), Ok(2500));
        assert_eq!(parse_bytes("1.5Gi"), Ok(1_610_612_736));
        assert_eq!(parse_bytes("100m"), Ok(1));
        assert_eq!(parse_bytes("9223372036854775807"), Ok(9_223_372_036_854_775_807));
        assert_eq!(parse_count("3"), Ok(3));
    }

    #[test]
    fn printing_uses_the_largest_suffix_that_leaves_a_whole_number() {
        for (text, printed) in [
            ("0", "0"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1e21", "1000E"),
            ("1.5Gi", "1610612736"),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), printed);
        }
        for (text, printed) in [
            ("1.5Gi", "1536Mi"),
            ("2Gi", "2Gi"),
            ("1000", "1k"),
            ("1023", "1023"),
            ("0", "0"),
            ("2048Ei", "2048Ei"),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().binary().to_string(), printed);
        }
    }
}

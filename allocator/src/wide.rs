//! Exact comparison of fractions. Shares are compared by cross products, in 256 bits where 128 do not hold them, so
//! that no two different shares are ever taken for equal and no order depends on rounding.

use core::cmp::Ordering;

/// A number of at least zero: `num / den`, with `den` above zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fraction {
    num: u128,
    den: u128,
}

impl Fraction {
    pub(crate) const ZERO: Self = Self { num: 0, den: 1 };

    /// `num / den`; a denominator of zero is read as one.
    pub(crate) fn new(num: u128, den: u128) -> Self {
        Self { num, den: den.max(1) }
    }

    pub(crate) fn parts(self) -> (u128, u128) {
        (self.num, self.den)
    }

    /// This plus `num / den`. Exact while the products stay within 128 bits, which amounts of 64 bits, weights of 20
    /// and grains of 32 over 20 bits do.
    pub(crate) fn plus(self, num: u128, den: u128) -> Self {
        if num == 0 {
            return self;
        }
        let sum = self.num.saturating_mul(den).saturating_add(num.saturating_mul(self.den));
        Self::new(sum, self.den.saturating_mul(den))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.den == other.den {
            return self.num.cmp(&other.num);
        }
        if (self.num | self.den | other.num | other.den) >> 64 == 0 {
            return (self.num * other.den).cmp(&(other.num * self.den));
        }
        match (self.num.checked_mul(other.den), other.num.checked_mul(self.den)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(_) | None, Some(_) | None) => {
                product(self.num, other.den).cmp(&product(other.num, self.den))
            }
        }
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Fraction {}

/// The 256-bit product as its high and low halves, by the school method on 64-bit digits.
fn product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let low = a_low * b_low;
    let (cross_one, cross_two) = (a_high * b_low, a_low * b_high);
    let middle = (low >> 64) + (cross_one & LOW) + (cross_two & LOW);
    let high = a_high * b_high + (cross_one >> 64) + (cross_two >> 64) + (middle >> 64);
    (high, (middle << 64) | (low & LOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_that_differ_in_the_last_bit_differ() {
        let most = u128::MAX;
        assert!(Fraction::new(most - 1, most) < Fraction::new(most, most));
        assert_eq!(Fraction::new(most, most), Fraction::new(1, 1));
        assert!(Fraction::new(most / 3, most) < Fraction::new(1, 3).plus(1, u128::from(u64::MAX)));
        assert_eq!(Fraction::new(1, 2).plus(1, 3), Fraction::new(5, 6));
        assert_eq!(Fraction::new(7, 0), Fraction::new(7, 1));
    }

    #[test]
    fn products_are_whole() {
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(product(1 << 100, 1 << 100), (1 << 72, 0));
        assert_eq!(product(12, 13), (0, 156));
    }
}

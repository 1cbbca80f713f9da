//! Two networks on the same samples.

use serde::{Deserialize, Serialize};

/// Whether two networks, a and b, answer the same samples equally well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Samples.
    pub n: usize,
    /// Samples that both answer rightly.
    pub both: usize,
    /// Samples that only a answers rightly.
    pub only_a: usize,
    /// Samples that only b answers rightly.
    pub only_b: usize,
    /// Samples that neither answers rightly.
    pub neither: usize,
    /// Top-1 of a minus top-1 of b, in percent of the samples.
    pub difference: f64,
    /// Standard error of that difference over samples, in percent.
    pub standard_error: f64,
    /// Two-sided probability of [McNemar's exact test](mcnemar).
    pub p_value: f64,
}

impl Paired {
    /// Compares the answers sample by sample: `(a is right, b is right)`.
    ///
    /// # Equation
    /// With d_i in {-1, 0, 1} what sample i adds to the difference, and its mean d:
    /// ```text
    /// difference     = 100 (only_a - only_b) / n
    /// standard_error = 100 sqrt( sum_i (d_i - d)^2 / (n (n - 1)) )
    ///                = 100 sqrt( (only_a + only_b - (only_a - only_b)^2 / n) / (n (n - 1)) )
    /// ```
    /// It is 0 for fewer than two samples. It says what other test samples would change, not other seeds.
    pub fn of(answers: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut paired = Self::default();
        for pair in answers {
            paired.n += 1;
            let count = match pair {
                (true, true) => &mut paired.both,
                (true, false) => &mut paired.only_a,
                (false, true) => &mut paired.only_b,
                (false, false) => &mut paired.neither,
            };
            *count += 1;
        }
        let (n, a, b) = (paired.n as f64, paired.only_a as f64, paired.only_b as f64);
        if paired.n > 0 {
            paired.difference = 100.0 * (a - b) / n;
        }
        if paired.n > 1 {
            let squares = a + b - (a - b).powi(2) / n;
            paired.standard_error = 100.0 * (squares / (n * (n - 1.0))).sqrt();
        }
        paired.p_value = mcnemar(paired.only_a, paired.only_b);
        paired
    }
}

/// The probability that chance alone divides the samples on which two networks differ at least as unevenly.
///
/// # Equation
/// ```text
/// p = min(1, 2 sum_{i=0..min(a, b)} C(a + b, i) / 2^(a + b))
/// ```
///
/// # Source
/// McNemar, "Note on the sampling error of the difference between correlated proportions", in its exact form: the
/// two-sided binomial test of a against b with probability 1/2. No difference. Without samples it is 1.
pub fn mcnemar(only_a: usize, only_b: usize) -> f64 {
    let (n, least) = (only_a + only_b, only_a.min(only_b));
    // Logarithms, because 2^-n is 0 from n = 1075 on; the terms grow up to the last one.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut terms = vec![term];
    for i in 1..=least {
        term += ((n - i + 1) as f64 / i as f64).ln();
        terms.push(term);
    }
    let scaled: f64 = terms.iter().map(|t| (t - term).exp()).sum();
    (2.0 * (term + scaled.ln()).exp()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 2 (C(10,0) + C(10,1) + C(10,2)) / 1024 = 2 (1 + 10 + 45) / 1024.
    #[test]
    fn mcnemars_test_has_the_hand_computed_values() {
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got} {want}");
        close(mcnemar(8, 2), 112.0 / 1024.0);
        close(mcnemar(2, 8), 112.0 / 1024.0);
        // 2 / 2^5
        close(mcnemar(0, 5), 0.0625);
        // 2 (1 + 12 + 66) / 4096
        close(mcnemar(2, 10), 158.0 / 4096.0);
        close(mcnemar(4, 4), 1.0);
        close(mcnemar(0, 0), 1.0);
        close(mcnemar(0, 1), 1.0);
    }

    #[test]
    fn thousands_of_differences_neither_vanish_nor_overflow() {
        // Near the normal distribution: z = (2100 - 1900 - 1) / sqrt(4000) = 3.1465, two-sided 0.00165.
        let p = mcnemar(2100, 1900);
        assert!((p - 0.00165).abs() < 2e-5, "{p}");
        assert!(mcnemar(0, 5000) == 0.0 && mcnemar(50_000, 50_000) == 1.0);
    }

    /// Ten samples: a alone is right on 4, b alone on 1. d = 0.3; sum of squares 5 - 0.9 = 4.1; se = sqrt(4.1 / 90).
    #[test]
    fn difference_and_its_error_have_the_hand_computed_values() {
        let pairs = [(true, true), (true, true), (false, false), (true, false), (false, true)];
        let pairs = pairs.into_iter().chain([(true, false); 3]).chain([(true, true); 2]);
        let paired = Paired::of(pairs);
        assert_eq!((paired.n, paired.both, paired.neither), (10, 4, 1));
        assert_eq!((paired.only_a, paired.only_b), (4, 1));
        assert!((paired.difference - 30.0).abs() < 1e-12, "{paired:?}");
        assert!((paired.standard_error - 21.343_747_458).abs() < 1e-6, "{paired:?}");
        // 2 (1 + 5) / 32
        assert!((paired.p_value - 0.375).abs() < 1e-12, "{paired:?}");
        assert_eq!(Paired::of([]).p_value, 1.0);
        assert_eq!(Paired::of([(true, false)]).standard_error, 0.0);
    }
}

//! Seeded random streams: randomness is an argument, never a generator that someone holds.
//!
//! A stream is a function of (seed, purpose, epoch, index), so a resumed run draws what an
//! uninterrupted one draws. snn-ops holds its own copy of [`stream`], [`unit()`], [`below`] and
//! [`permutation`]; a test in each crate pins the same first values.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// The generator of `purpose` for one (seed, epoch, index).
///
/// The 32-byte ChaCha8 key is the SHA-256 of
/// `"snn-stream-v1\0" ++ seed ++ len(purpose) ++ purpose ++ epoch ++ index`, integers as 64-bit
/// little-endian.
pub fn stream(seed: u64, purpose: &str, epoch: u64, index: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(b"snn-stream-v1\0");
    hash.update(seed.to_le_bytes());
    hash.update((purpose.len() as u64).to_le_bytes());
    hash.update(purpose.as_bytes());
    hash.update(epoch.to_le_bytes());
    hash.update(index.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// One draw from [0, 1): a multiple of 2^-24.
pub fn unit(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

/// One draw from [low, high).
pub fn between(rng: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * unit(rng)
}

/// One draw from the standard normal distribution, by Box and Muller.
pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - f64::from(unit(rng))).ln()).sqrt();
    radius * (std::f64::consts::TAU * f64::from(unit(rng))).cos()
}

/// One draw from Beta(alpha, alpha), `alpha` positive, by two gamma draws (Marsaglia and Tsang).
pub fn beta(rng: &mut ChaCha8Rng, alpha: f64) -> f64 {
    let (a, b) = (gamma(rng, alpha), gamma(rng, alpha));
    match a + b {
        sum if sum > 0.0 => a / sum,
        // Both too small for a float: one of the two is all.
        _ => f64::from(u8::from(unit(rng) < 0.5)),
    }
}

fn gamma(rng: &mut ChaCha8Rng, shape: f64) -> f64 {
    let d = shape + 1.0 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - f64::from(unit(rng))).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            // Drawn for shape + 1, which covers shapes below 1, too.
            return d * v * (1.0 - f64::from(unit(rng))).powf(1.0 / shape);
        }
    }
}

/// A draw from `0..n` without bias, by rejection; 0 when `n` is 0.
pub fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    let n = n.max(1);
    let limit = u64::MAX - u64::MAX % n;
    loop {
        let draw = rng.next_u64();
        if draw < limit {
            return draw % n;
        }
    }
}

/// The numbers `0..n` in random order (Fisher and Yates).
pub fn permutation(rng: &mut ChaCha8Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(rng, i as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_starts_with_the_pinned_values() {
        let mut rng = stream(42, "test", 1, 2);
        let first: [u32; 4] = std::array::from_fn(|_| rng.next_u32());
        assert_eq!(first, [4_090_795_269, 986_317_714, 3_413_152_985, 2_453_301_655]);
    }

    #[test]
    fn permutation_holds_every_number_once() {
        let mut order = permutation(&mut stream(1, "order", 0, 0), 1000);
        assert_ne!(order[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(i, &v)| i == v));
    }

    #[test]
    fn beta_and_normal_draws_have_their_moments() {
        let mut rng = stream(1, "moments", 0, 0);
        let n = 200_000;
        let mut moments = |draw: &mut dyn FnMut(&mut ChaCha8Rng) -> f64| {
            let x: Vec<f64> = (0..n).map(|_| draw(&mut rng)).collect();
            let mean = x.iter().sum::<f64>() / f64::from(n);
            (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n))
        };
        let (mean, var) = moments(&mut normal);
        assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.01, "{mean} {var}");
        for alpha in [1e-4, 0.2, 0.8, 1.0, 4.0] {
            let (mean, var) = moments(&mut |rng| beta(rng, alpha));
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((mean - 0.5).abs() < 0.005 && (var - expected).abs() < 0.002, "{alpha} {var}");
        }
    }

    #[test]
    fn draws_stay_in_their_range_and_fill_it() {
        let mut rng = stream(1, "range", 0, 0);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[below(&mut rng, 7) as usize] += 1;
            let x = between(&mut rng, -2.0, 3.0);
            assert!((-2.0..3.0).contains(&x));
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        assert_eq!(below(&mut rng, 0), 0);
    }
}

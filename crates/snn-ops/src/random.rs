//! Seeded random streams: randomness is an argument, never a generator that someone holds.
//!
//! A stream is a function of (seed, purpose, epoch, index), so a resumed run draws what an
//! uninterrupted one draws and no generator state is saved. snn-data holds its own copy of
//! [`stream`]; a test in each crate pins the same first values.

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

/// `n` draws from [low, high).
pub fn uniform(rng: &mut ChaCha8Rng, n: usize, low: f32, high: f32) -> Vec<f32> {
    (0..n).map(|_| low + (high - low) * unit(rng)).collect()
}

/// `n` draws from the normal distribution, by Box and Muller's transform in f64.
pub fn normal(rng: &mut ChaCha8Rng, n: usize, mean: f32, std: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(n + 1);
    while out.len() < n {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * (1.0 - f64::from(unit(rng))).ln()).sqrt();
        let angle = std::f64::consts::TAU * f64::from(unit(rng));
        for z in [radius * angle.cos(), radius * angle.sin()] {
            out.push(mean + std * z as f32);
        }
    }
    out.truncate(n);
    out
}

/// A draw from 0..n without bias.
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

/// The numbers 0..n in random order (Fisher and Yates).
pub fn permutation(rng: &mut ChaCha8Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(rng, i as u64 + 1) as usize);
    }
    order
}

/// PyTorch's default for convolution and linear weights and their biases: uniform on
/// +-1/sqrt(fan_in), which is `kaiming_uniform_(a = sqrt(5))`.
pub fn kaiming_uniform(rng: &mut ChaCha8Rng, n: usize, fan_in: usize) -> Vec<f32> {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    uniform(rng, n, -bound, bound)
}

/// `kaiming_normal_(mode = "fan_out", nonlinearity = "relu")`: standard deviation sqrt(2/fan_out).
pub fn kaiming_normal(rng: &mut ChaCha8Rng, n: usize, fan_out: usize) -> Vec<f32> {
    normal(rng, n, 0.0, (2.0 / fan_out.max(1) as f32).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_argument_and_repeat() {
        let first = |s, p, e, i| stream(s, p, e, i).next_u64();
        let base = first(42, "test", 1, 2);
        assert_eq!(base, first(42, "test", 1, 2));
        for other in [first(43, "test", 1, 2), first(42, "tesu", 1, 2), first(42, "test", 2, 2)] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn normal_has_the_asked_moments() {
        let x = normal(&mut stream(1, "normal", 0, 0), 100_000, 3.0, 2.0);
        let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
        let var = x.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 3.0).abs() < 0.03 && (var - 4.0).abs() < 0.08, "{mean} {var}");
    }

    #[test]
    fn permutation_holds_every_number_once() {
        let mut p = permutation(&mut stream(1, "order", 0, 0), 1000);
        assert_ne!(p[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        p.sort_unstable();
        assert!(p.iter().enumerate().all(|(i, &v)| i == v));
    }
}

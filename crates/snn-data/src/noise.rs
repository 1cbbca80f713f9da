//! Noise on a recorded signal, for tests of robustness.

use crate::random;

/// Adds normal noise of `snr` decibels to `signal`: its power is the signal's mean square times `10^(-snr / 10)`.
///
/// The draws are a function of `purpose` and `recording` alone.
///
/// # Source
/// The protocol of MRA-CNN (IEEE TIM 2022), which adds it to the raw signal, before windows are normalized.
pub(crate) fn add(signal: &mut [f32], snr: f32, purpose: &str, recording: usize) {
    let n = signal.len().max(1) as f64;
    let power = signal.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
    let deviation = (power * 10f64.powf(-f64::from(snr) / 10.0)).sqrt();
    let mut rng = random::stream(0, purpose, 0, recording as u64);
    for x in signal {
        *x = (f64::from(*x) + deviation * random::normal(&mut rng)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_power_that_was_asked_for_and_repeats() {
        let signal: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.1).sin() * 3.0).collect();
        let power = |values: &[f32]| {
            values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / values.len() as f64
        };
        for snr in [-6.0f32, 0.0, 10.0] {
            let mut noisy = signal.clone();
            add(&mut noisy, snr, "noise/test", 1);
            let noise: Vec<f32> = noisy.iter().zip(&signal).map(|(a, b)| a - b).collect();
            let got = 10.0 * (power(&signal) / power(&noise)).log10();
            assert!((got - f64::from(snr)).abs() < 0.1, "{got} for {snr}");
            let (mut again, mut other) = (signal.clone(), signal.clone());
            add(&mut again, snr, "noise/test", 1);
            add(&mut other, snr, "noise/test", 2);
            assert!(again == noisy && other != noisy);
        }
    }
}

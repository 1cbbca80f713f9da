//! A rectangle of noise.

use rand_chacha::ChaCha8Rng;

use super::Region;
use crate::random::{below, between, normal, unit};

/// One image's rectangle and what is written to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Erasure {
    region: Region,
    /// Normal values `[C, height, width]`.
    noise: Vec<f32>,
}

/// Draws RandomErasing's rectangle with the given probability: 2 to 33 % of the area, aspect ratio 0.3 to 1/0.3 with a
/// uniform logarithm, up to ten tries, filled with normal values after normalization.
///
/// # Source
/// Zhong et al., "Random Erasing", in timm's form with mode `pixel`, which the TKS paper's trainer uses on CIFAR with
/// probability 0.25.
pub(crate) fn random_erasing(
    rng: &mut ChaCha8Rng,
    probability: f32,
    channels: usize,
    (height, width): (usize, usize),
) -> Option<Erasure> {
    if unit(rng) >= probability {
        return None;
    }
    for _ in 0..10 {
        let area = (height * width) as f64 * f64::from(between(rng, 0.02, 1.0 / 3.0));
        let ratio = f64::from(between(rng, 0.3f32.ln(), (1.0 / 0.3f32).ln())).exp();
        let side = |square: f64| square.sqrt().round_ties_even() as usize;
        let (rows, columns) = (side(area * ratio), side(area / ratio));
        if rows < height && columns < width {
            let mut place = |n: usize| below(rng, n as u64 + 1) as usize;
            let (top, left) = (place(height - rows), place(width - columns));
            let region = Region { top, left, height: rows, width: columns };
            let noise = (0..channels * rows * columns).map(|_| normal(rng) as f32).collect();
            return Some(Erasure { region, noise });
        }
    }
    None
}

impl Erasure {
    /// Writes the rectangle to planes `[C, height, width]`.
    pub(crate) fn apply(&self, planes: &mut [f32], height: usize, width: usize) {
        let Region { top, left, height: rows, width: columns } = self.region;
        let noise = self.noise.chunks_exact((rows * columns).max(1));
        for (plane, noise) in planes.chunks_exact_mut((height * width).max(1)).zip(noise) {
            let lines = plane.chunks_exact_mut(width).skip(top).take(rows);
            for (line, noise) in lines.zip(noise.chunks_exact(columns)) {
                if let Some(line) = line.get_mut(left..left + columns) {
                    line.copy_from_slice(noise);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn rectangles_have_their_probability_area_and_values() {
        let (mut erased, mut values) = (0, Vec::new());
        for index in 0..4000 {
            let Some(erasure) =
                random_erasing(&mut stream(3, "erase", 0, index), 0.25, 3, (32, 32))
            else {
                continue;
            };
            erased += 1;
            let mut x = vec![9.0; 3 * 32 * 32];
            erasure.apply(&mut x, 32, 32);
            let n = x.iter().filter(|&&x| x != 9.0).count();
            let Region { top, left, height, width } = erasure.region;
            assert_eq!(n, 3 * height * width);
            let share = (height * width) as f64 / 1024.0;
            assert!((0.012..0.36).contains(&share), "{height}x{width}");
            assert_eq!(x[(32 + top) * 32 + left], erasure.noise[height * width]);
            values.extend(erasure.noise);
        }
        assert!((900..1100).contains(&erased), "{erased}");
        let n = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let var = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.01, "{mean} {var}");
    }
}

//! RandAugment in the variant whose changes all grow with the magnitude.

use rand_chacha::ChaCha8Rng;

use super::Op;
use crate::random::{below, normal, unit};

/// A few random changes of about one strength.
///
/// # Source
/// Cubuk et al., "RandAugment", in timm's form `rand-m9-mstd0.5-inc1`, which the TKS paper's trainer uses on CIFAR:
/// the changes are drawn with replacement, each is made with a probability, its magnitude is normal about
/// `magnitude` and clipped to 0..=10, and signs are drawn. Geometric changes are bicubic on a ground of (124, 116, 104).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RandAugment {
    /// Mean strength.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 10.0)))]
    pub magnitude: f32,
    /// Standard deviation of the strength.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 10.0)))]
    pub std: f32,
    /// Changes drawn for an image.
    #[cfg_attr(feature = "schemars", schemars(range(max = 15)))]
    pub layers: usize,
    /// Probability that a drawn change is made.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0)))]
    pub probability: f32,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self { magnitude: 9.0, std: 0.5, layers: 2, probability: 0.5 }
    }
}

/// ImageNet's mean color.
pub(crate) const GROUND: [u8; 3] = [124, 116, 104];

/// The greatest magnitude.
const MOST: f64 = 10.0;

impl RandAugment {
    /// The number of different changes.
    pub const CHANGES: usize = 15;

    /// Change number `change`, below 15, at `magnitude` in 0..=10, with its sign turned or not; `size` is
    /// (rows, columns).
    pub fn change(change: usize, magnitude: f64, negative: bool, size: (usize, usize)) -> Op {
        let level = magnitude / MOST;
        let sign = if negative { -1.0 } else { 1.0 };
        let factor = (1.0 + sign * (level * 0.9)).max(0.1) as f32;
        let pixels = |side: usize| sign * (level * 0.45) * side as f64;
        match change {
            0 => Op::AutoContrast,
            1 => Op::Equalize,
            2 => Op::Invert,
            3 => Op::Rotate(sign * (level * 30.0)),
            4 => Op::Posterize(4 - ((level * 4.0) as u8).min(4)),
            5 => Op::Solarize(256 - ((level * 256.0) as u16).min(256)),
            6 => Op::SolarizeAdd(((level * 110.0) as u8).min(128)),
            7 => Op::Color(factor),
            8 => Op::Contrast(factor),
            9 => Op::Brightness(factor),
            10 => Op::Sharpness(factor),
            11 => Op::ShearX(sign * (level * 0.3)),
            12 => Op::ShearY(sign * (level * 0.3)),
            13 => Op::TranslateX(pixels(size.1)),
            _ => Op::TranslateY(pixels(size.0)),
        }
    }

    /// Draws the changes of one image of `size`: first which, then for each whether, how strong and its sign.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, size: (usize, usize)) -> Vec<Op> {
        let chosen: Vec<usize> =
            (0..self.layers).map(|_| below(rng, Self::CHANGES as u64) as usize).collect();
        let mut ops = Vec::with_capacity(self.layers);
        for change in chosen {
            if unit(rng) < self.probability {
                let magnitude = f64::from(self.magnitude) + f64::from(self.std) * normal(rng);
                let negative = unit(rng) < 0.5;
                ops.push(Self::change(change, magnitude.clamp(0.0, MOST), negative, size));
            }
        }
        ops
    }
}

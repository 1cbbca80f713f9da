//! Neuromorphic data augmentation: one geometric change for a whole recording.

use rand_chacha::ChaCha8Rng;

use super::planes::{Turn, sheared_by, turned_by};
use crate::random::{below, between};

/// One of three changes of event frames, each with odds of a third.
///
/// # Source
/// Li et al., "Neuromorphic Data Augmentation for Training Spiking Neural Networks", with the ranges of its released
/// loader for CIFAR10-DVS; that for N-Caltech101 has 3 pixels and 15 degrees. Mirroring and cutout are fields of
/// [`Augment`](crate::Augment) of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Nda {
    /// Most pixels of a roll, each way in both axes.
    pub roll: usize,
    /// Most degrees of a rotation, either way.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 180.0)))]
    pub rotate_degrees: f32,
    /// Most degrees of a shear of the columns, either way.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 80.0)))]
    pub shear_degrees: f32,
}

impl Default for Nda {
    fn default() -> Self {
        Self { roll: 5, rotate_degrees: 30.0, shear_degrees: 30.0 }
    }
}

/// One recording's change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moved {
    Roll((isize, isize)),
    Turn(Turn),
}

impl Nda {
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> Moved {
        let degrees = |rng: &mut _, most: f32| f64::from(between(rng, -most, most));
        match below(rng, 3) {
            0 => Moved::Roll(rolled(rng, self.roll)),
            1 => Moved::Turn(turned_by(degrees(rng, self.rotate_degrees))),
            _ => Moved::Turn(sheared_by(degrees(rng, self.shear_degrees))),
        }
    }
}

/// Rows and columns of a roll by at most so many pixels each way.
pub(crate) fn rolled(rng: &mut ChaCha8Rng, most: usize) -> (isize, isize) {
    let mut draw = || below(rng, 2 * most as u64 + 1) as isize - most as isize;
    (draw(), draw())
}

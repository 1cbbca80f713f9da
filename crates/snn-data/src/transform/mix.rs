//! Two samples in one: Mixup and CutMix.

use rand_chacha::ChaCha8Rng;

use super::Region;
use crate::Augment;
use crate::random::{below, beta, unit};

/// How the samples of a batch are mixed: sample i with sample N - 1 - i.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mix {
    /// Weighted sums; the weight is the sample's own.
    Up(f32),
    /// A rectangle of every plane comes from the other sample.
    Cut(Region),
}

/// `x = weight x + (1 - weight) other`
///
/// # Source
/// Zhang et al., "mixup".
pub fn mixup(x: &mut [f32], other: &[f32], weight: f32) {
    x.iter_mut().zip(other).for_each(|(x, &other)| *x = *x * weight + other * (1.0 - weight));
}

/// The rectangle about `center` (row, column) that leaves the share `weight` of planes of `size`, clipped to them.
///
/// # Source
/// Yun et al., "CutMix", as timm's `rand_bbox` rounds it.
pub fn cut_region(weight: f64, center: (usize, usize), size: (usize, usize)) -> Region {
    let ratio = (1.0 - weight).max(0.0).sqrt();
    let span = |center: usize, n: usize| {
        let cut = (n as f64 * ratio) as usize;
        (center.saturating_sub(cut / 2), (center + cut.div_ceil(2)).min(n))
    };
    let ((top, bottom), (left, right)) = (span(center.0, size.0), span(center.1, size.1));
    Region { top, left, height: bottom.saturating_sub(top), width: right.saturating_sub(left) }
}

/// Copies `region` of every plane of `size` from `other` to `x`, alike for all channels and time steps.
pub fn cutmix(x: &mut [f32], other: &[f32], size: (usize, usize), region: Region) {
    let plane = (size.0 * size.1).max(1);
    for (x, other) in x.chunks_exact_mut(plane).zip(other.chunks_exact(plane)) {
        let lines = x.chunks_exact_mut(size.1).zip(other.chunks_exact(size.1));
        for (x, other) in lines.skip(region.top).take(region.height) {
            let columns = region.left..region.left + region.width;
            if let (Some(x), Some(other)) = (x.get_mut(columns.clone()), other.get(columns)) {
                x.copy_from_slice(other);
            }
        }
    }
}

impl Augment {
    /// Draws how a batch of planes of `size` is mixed, when it is: which of the two where both are on, the weight, and a
    /// rectangle's center.
    ///
    /// # Source
    /// timm's `Mixup` with mode `batch`: the weight is drawn from Beta(alpha, alpha).
    pub(crate) fn mix(&self, rng: &mut ChaCha8Rng, size: (usize, usize)) -> Option<Mix> {
        let cut = match (self.mixup > 0.0, self.cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => unit(rng) < 0.5,
            (_, cut) => cut,
        };
        let alpha = if cut { self.cutmix } else { self.mixup };
        let weight = beta(rng, alpha.into());
        if !cut {
            return Some(Mix::Up(weight as f32));
        }
        let mut place = |n: usize| below(rng, n as u64) as usize;
        let center = (place(size.0), place(size.1));
        Some(Mix::Cut(cut_region(weight, center, size)))
    }
}

impl Mix {
    /// Mixes a batch of samples of `n` values in planes of `size`.
    pub(crate) fn apply(self, batch: &mut [f32], n: usize, size: (usize, usize)) {
        let old = batch.to_vec();
        let others = old.chunks_exact(n.max(1)).rev();
        for (x, other) in batch.chunks_exact_mut(n.max(1)).zip(others) {
            match self {
                Self::Up(weight) => mixup(x, other, weight),
                Self::Cut(region) => cutmix(x, other, size, region),
            }
        }
    }

    /// The weight of a sample's own label: CutMix's is the share of the plane that is left.
    pub fn weight(self, size: (usize, usize)) -> f32 {
        match self {
            Self::Up(weight) => weight,
            Self::Cut(Region { height, width, .. }) => {
                1.0 - (height * width) as f32 / (size.0 * size.1).max(1) as f32
            }
        }
    }
}

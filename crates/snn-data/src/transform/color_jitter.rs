//! Brightness, contrast and color changed a little, in random order.

use rand_chacha::ChaCha8Rng;

use super::Op;
use crate::random::{between, permutation};

/// Draws the three changes of `ColorJitter(strength, strength, strength)`: each factor uniform on 1 +- `strength`, at least
/// 0, in random order.
///
/// # Source
/// torchvision's `transforms.ColorJitter`. DIFFERS: there is no hue; no paper here uses it.
pub(crate) fn color_jitter(rng: &mut ChaCha8Rng, strength: f32) -> Vec<Op> {
    let changes: [fn(f32) -> Op; 3] = [Op::Brightness, Op::Contrast, Op::Color];
    let order = permutation(rng, changes.len());
    let mut factor = || between(rng, (1.0 - strength).max(0.0), 1.0 + strength);
    let ops = changes.map(|change| change(factor()));
    order.into_iter().filter_map(|i| ops.get(i).copied()).collect()
}

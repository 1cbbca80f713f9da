//! SEW-ResNet-18, for 224 x 224 images.

use super::{Source, sew};
use crate::Result;
use crate::layers::Layers;

pub(super) const SOURCE: Source = sew::IMAGENET;

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    sew::build(layers, x, [2, 2, 2, 2], false)
}

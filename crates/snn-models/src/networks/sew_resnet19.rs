//! SEW-ResNet-19, for 32 x 32 images.

use super::{Source, sew};
use crate::Result;
use crate::layers::Layers;

pub(super) const SOURCE: Source = Source { t_steps: 4, input: [3, 32, 32], classes: 10, stem: "lif1" };

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    sew::build_19(layers, x)
}

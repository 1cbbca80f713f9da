//! VGG-9, which the second list's papers train: eight convolutions and a linear layer.
//!
//! The papers do not print the layers. Ours are the trunk of [`vgg_snn`], independent of the authors' code.

use super::{Source, vgg_snn};
use crate::Result;
use crate::layers::Layers;

pub(super) const SOURCE: Source = Source { t_steps: 5, input: [2, 48, 48], classes: 10, stem: "lif.0" };

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    vgg_snn::build(layers, x)
}

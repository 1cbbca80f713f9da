//! VGG-SNN for event frames, as BrainCog's `vgg_snn.py` builds it (the trunk of TET's VGGSNN).
//!
//! ```text
//! [conv3x3 - BN - LIF] 64, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool; fc K
//! pool: average of 2 x 2, without a neuron after it
//! ```

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers, Pool};

pub(super) const SOURCE: Source = Source { t_steps: 10, input: [2, 48, 48], classes: 10, stem: "lif.0" };

/// Channels of each stage between poolings.
const STAGES: [[usize; 2]; 4] = [[64, 128], [256, 256], [512, 512], [512, 512]];

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let mut x = x;
    for (stage, channels) in STAGES.into_iter().enumerate() {
        for (i, channels) in channels.into_iter().enumerate() {
            let k = 2 * stage + i;
            let conv = Conv::square(layers.width(channels), 3, 1, ConvInit::KaimingUniform);
            x = layers.stage(&x, move |layers, x| {
                let y = layers.conv(&format!("conv.{k}"), x, conv)?;
                let norm = Current::Norm { name: format!("bn.{k}"), x: &y, weight: 1.0 };
                layers.neuron(&format!("lif.{k}"), &[norm])
            })?;
        }
        x = layers.avg_pool(&x, Pool::tiled([2; 2]))?;
        x = layers.boundary(&format!("stage{}", stage + 1), x)?;
    }
    let x = layers.flatten(&x)?;
    layers.classify("fc", &x)
}

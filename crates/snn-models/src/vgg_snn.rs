//! VGG-SNN for event frames, as BrainCog's `vgg_snn.py` builds it (the trunk of TET's VGGSNN).
//!
//! ```text
//! [conv3x3 - BN - LIF] 64, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool; fc K
//! pool: average of 2 x 2, without a neuron after it
//! ```

use crate::layers::{Conv, ConvInit, Input, Layers};
use crate::{ModelConfig, Result};

/// Channels of each stage between poolings.
const STAGES: [[usize; 2]; 4] = [[64, 128], [256, 256], [512, 512], [512, 512]];

pub(crate) fn build<L: Layers>(layers: &mut L, config: &ModelConfig, x: L::X) -> Result<L::X> {
    let mut x = x;
    for (stage, channels) in STAGES.into_iter().enumerate() {
        for (i, channels) in channels.into_iter().enumerate() {
            let k = 2 * stage + i;
            let conv = Conv {
                out: config.channels(channels),
                kernel: 3,
                stride: 1,
                padding: 1,
                init: ConvInit::KaimingUniform,
            };
            x = layers.stage(&x, move |layers, x| {
                let y = layers.conv(&format!("conv.{k}"), x, conv)?;
                layers.fire(&[Input::Norm { name: format!("bn.{k}"), x: &y, weight: 1.0 }])
            })?;
        }
        x = layers.avg_pool(&x)?;
    }
    let x = layers.flatten(&x)?;
    layers.linear("fc", &x, config.num_classes)
}

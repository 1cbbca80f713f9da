//! VGG-SNN for event frames, as BrainCog's `vgg_snn.py` builds it (the trunk of TET's VGGSNN).
//!
//! ```text
//! [conv3x3 - BN - LIF] 64, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool; fc K
//! pool: average of 2 x 2, without a neuron after it
//! ```
//!
//! The part `interlaminar`, which a configuration can add, is the connection of "Multi-bit spikes" (arXiv:2407.05739), an
//! independent re-implementation from the abstract; constants ours: what enters a convolution that keeps its shape is added
//! to the normalised current, after efficient channel attention, `eca.K`. The part `tcja` is temporal-channel joint attention
//! (Zhu et al., arXiv:2206.10177) where its authors' `cifar10dvs.py` has it in this network: on the spikes of the sixth and
//! the last convolution, before their poolings.

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Gate, Layers, Pool};

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
                let lif = format!("lif.{k}");
                // The network's input is no layer's spikes.
                if layers.part("interlaminar", false) && k > 0 && layers.channels(x) == conv.out {
                    let gated = layers.gate(&format!("eca.{k}"), x, Gate::Attention)?;
                    return layers.neuron(&lif, &[norm, Current::Plain(&gated)]);
                }
                layers.neuron(&lif, &[norm])
            })?;
        }
        if layers.part("tcja", false) && stage >= 2 {
            x = layers.joint_attention(&format!("tcja.{}", 2 * stage + 1), &x)?;
        }
        x = layers.avg_pool(&x, Pool::tiled([2; 2]))?;
        x = layers.boundary(&format!("stage{}", stage + 1), x)?;
    }
    let x = layers.flatten(&x)?;
    layers.classify("fc", &x)
}

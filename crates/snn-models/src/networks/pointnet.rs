//! A plain spiking PointNet for clouds `[3, 1, P]`: Spiking PointNet (Ren et al., 2023) without its two T-Nets and its
//! dropout.
//!
//! ```text
//! points  shared MLP 64, 128, 1024: [conv1x1 - BN - LIF], maximum over the points
//! head    [fc - BN - LIF] 512, 256; fc K
//! ```

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers};

pub(super) const SOURCE: Source = Source { t_steps: 4, input: [3, 1, 1024], classes: 40, stem: "lif1" };

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let mut x = x;
    for (i, channels) in [64, 128, 1024].into_iter().enumerate() {
        let conv = Conv::square(layers.width(channels), 1, 1, ConvInit::KaimingUniform);
        x = layers.stage(&x, move |layers, x| {
            let y = layers.conv(&format!("conv{}", i + 1), x, conv)?;
            neuron(layers, i + 1, &y)
        })?;
    }
    x = layers.global_max_pool(&x)?;
    for (i, channels) in [512, 256].into_iter().enumerate() {
        let y = layers.linear(&format!("fc{}", i + 1), &x, layers.width(channels))?;
        x = neuron(layers, i + 4, &y)?;
    }
    layers.classify("fc3", &x)
}

/// Norm and neurons number `k`.
fn neuron<L: Layers>(layers: &mut L, k: usize, y: &L::X) -> Result<L::X> {
    let norm = Current::Norm { name: format!("bn{k}"), x: y, weight: 1.0 };
    layers.neuron(&format!("lif{k}"), &[norm])
}

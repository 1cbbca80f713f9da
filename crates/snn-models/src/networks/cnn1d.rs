//! A plain spiking network for windows of a signal, `[C, 1, L]`.
//!
//! ```text
//! stem   conv1x128 64, stride 8 - BN - LIF
//! then   conv1x3 128 - BN - LIF
//! head   global average, fc K
//! ```
//! The wide first kernel is that of WDCNN (Zhang et al., 2017), twice as long: a bank of filters that tells frequencies
//! apart. The rest is ours, as small as it can be.

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers};

pub(super) const SOURCE: Source = Source { t_steps: 4, input: [1, 1, 1024], classes: 10, stem: "lif1" };

fn conv(out: usize, kernel: usize, stride: usize) -> Conv {
    Conv {
        out,
        kernel: [1, kernel],
        stride: [1, stride],
        padding: [0, (kernel - 1) / 2],
        init: ConvInit::KaimingUniform,
    }
}

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let x = spikes(layers, 1, &x, conv(layers.width(64), 128, 8))?;
    let second = conv(layers.width(128), 3, 1);
    let x = layers.stage(&x, move |layers, x| spikes(layers, 2, x, second))?;
    let x = layers.boundary("stage1", x)?;
    let x = layers.global_avg_pool(&x)?;
    layers.classify("fc", &x)
}

/// Convolution, norm and neurons number `k`.
fn spikes<L: Layers>(layers: &mut L, k: usize, x: &L::X, conv: Conv) -> Result<L::X> {
    let y = layers.conv(&format!("conv{k}"), x, conv)?;
    let norm = Current::Norm { name: format!("bn{k}"), x: &y, weight: 1.0 };
    layers.neuron(&format!("lif{k}"), &[norm])
}

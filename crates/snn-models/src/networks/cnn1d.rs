//! A plain spiking network for windows of a signal, `[C, 1, L]`.
//!
//! ```text
//! stem   conv1x64 16, stride 8 - BN - LIF
//! then   [conv1x3 - BN - LIF - average of 1 x 2] 32, 64, 64, 64
//! head   global average, fc K
//! ```
//! The wide first kernel is that of WDCNN (Zhang et al., 2017); the rest is ours, as small as it can be.

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers, Pool};

pub(super) const SOURCE: Source = Source { t_steps: 4, input: [1, 1, 1024], classes: 10 };

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
    let mut x = spikes(layers, 1, &x, conv(layers.width(16), 64, 8))?;
    for (i, channels) in [32, 64, 64, 64].into_iter().enumerate() {
        let conv = conv(layers.width(channels), 3, 1);
        x = layers.stage(&x, move |layers, x| spikes(layers, i + 2, x, conv))?;
        x = layers.avg_pool(&x, Pool::tiled([1, 2]))?;
        x = layers.boundary(&format!("stage{}", i + 1), x)?;
    }
    let x = layers.global_avg_pool(&x)?;
    layers.classify("fc", &x)
}

/// Convolution, norm and neurons number `k`.
fn spikes<L: Layers>(layers: &mut L, k: usize, x: &L::X, conv: Conv) -> Result<L::X> {
    let y = layers.conv(&format!("conv{k}"), x, conv)?;
    let norm = Current::Norm { name: format!("bn{k}"), x: &y, weight: 1.0 };
    layers.neuron(&format!("lif{k}"), &[norm])
}

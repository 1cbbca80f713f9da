//! MRA-SNN, the multi-scale residual attention network for vibration of bearings (arXiv:2408.11067), for windows of a
//! signal, `[C, 1, L]`: an independent re-implementation from the abstract; constants ours.
//!
//! ```text
//! encoder   conv1x{7, 15, 31, 63} 16 each, stride 4, side by side - BN - attention - DLIF
//! stage1    64 - 64, stride 1
//! stage2    64 - 128, stride 2       a block: conv1x3 - BN - DLIF - conv1x3 - BN - attention, + shortcut - DLIF
//! stage3    128 - 256, stride 2
//! head      global average, fc K
//! ```
//! DLIF is LIF behind a dendritic gate on its current; the shortcut is the block's input, or conv1x1 - BN of it where the shape
//! changes. On a still window the encoder's convolutions and norm are computed once for all steps.
//!
//! Parts that a configuration can leave out, each an ablation: `multi_scale` (else one width, 15), `encoder_attention`,
//! `block_attention`, `dendrites` (else LIF), `residual`.

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Gate, Layers};

pub(super) const SOURCE: Source =
    Source { t_steps: 4, input: [1, 1, 1024], classes: 15, stem: "encoder.lif" };

fn conv(out: usize, kernel: usize, stride: usize) -> Conv {
    Conv {
        out,
        kernel: [1, kernel],
        stride: [1, stride],
        padding: [0, kernel / 2],
        init: ConvInit::KaimingUniform,
    }
}

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let mut x = encoder(layers, &x)?;
    for (stage, (channels, stride)) in (1..).zip([(64, 1), (128, 2), (256, 2)]) {
        let out = layers.width(channels);
        let name = format!("stage{stage}");
        let block = name.clone();
        x = layers.stage(&x, move |layers, x| residual(layers, &block, x, out, stride))?;
        x = layers.boundary(&name, x)?;
    }
    let x = layers.global_avg_pool(&x)?;
    layers.classify("fc", &x)
}

/// Spikes of filters of several widths.
fn encoder<L: Layers>(layers: &mut L, x: &L::X) -> Result<L::X> {
    let widths: &[usize] = if layers.part("multi_scale", true) { &[7, 15, 31, 63] } else { &[15] };
    let channels = layers.width(64 / widths.len());
    let mut scales = Vec::new();
    for &width in widths {
        let name = format!("encoder.conv{width}");
        scales.push(layers.conv(&name, x, conv(channels, width, 4))?);
    }
    let x = layers.concat(&scales)?;
    // A norm for each width and one for all are the same: a norm knows single channels only.
    let norm = Current::Norm { name: "encoder.bn".into(), x: &x, weight: 1.0 };
    if layers.part("encoder_attention", true) {
        let x = layers.drive(&[norm])?;
        let x = layers.gate("encoder.attention", &x, Gate::Attention)?;
        return dendritic(layers, "encoder", &[Current::Plain(&x)]);
    }
    dendritic(layers, "encoder", &[norm])
}

/// A spike residual attention block.
fn residual<L: Layers>(
    layers: &mut L,
    block: &str,
    x: &L::X,
    out: usize,
    stride: usize,
) -> Result<L::X> {
    let norm = |name: &str, x| Current::Norm { name: format!("{block}.{name}"), x, weight: 1.0 };
    let y = layers.conv(&format!("{block}.conv1"), x, conv(out, 3, stride))?;
    let y = dendritic(layers, &format!("{block}.inner"), &[norm("bn1", &y)])?;
    let y = layers.conv(&format!("{block}.conv2"), &y, conv(out, 3, 1))?;
    let mut attended = None;
    if layers.part("block_attention", true) {
        let drive = layers.drive(&[norm("bn2", &y)])?;
        let name = format!("{block}.attention");
        attended = Some(layers.gate(&name, &drive, Gate::Attention)?);
    }
    let own = match &attended {
        Some(y) => Current::Plain(y),
        None => norm("bn2", &y),
    };
    if !layers.part("residual", true) {
        return dendritic(layers, block, &[own]);
    }
    if stride == 1 && layers.channels(x) == out {
        return dendritic(layers, block, &[own, Current::Plain(x)]);
    }
    let shortcut = layers.conv(&format!("{block}.downsample.0"), x, conv(out, 1, stride))?;
    dendritic(layers, block, &[own, norm("downsample.1", &shortcut)])
}

/// The neurons `place.lif` behind their dendritic gate.
fn dendritic<L: Layers>(
    layers: &mut L,
    place: &str,
    currents: &[Current<'_, L::X>],
) -> Result<L::X> {
    let name = format!("{place}.lif");
    if !layers.part("dendrites", true) {
        return layers.neuron(&name, currents);
    }
    let drive = layers.drive(currents)?;
    let drive = layers.gate(&format!("{place}.dendrite"), &drive, Gate::Dendrite)?;
    layers.neuron(&name, &[Current::Plain(&drive)])
}

//! Spiking PointNet (Ren et al., 2023), clouds `[3, 1, P]`, with its two T-Nets.
//!
//! ```text
//! T-Net k  shared MLP 64, 128, 1024: [conv1x1 - BN - LIF], maximum over the points; [fc - BN - LIF] 512, 256; fc k^2;
//!          its k x k matrix plus the identity multiplies every point
//! points   T-Net 3; [conv1x1 - BN - LIF] 64; T-Net 64; [conv1x1 - BN - LIF] 128, 1024; maximum over the points
//! head     [fc - BN - LIF] 512, 256; fc K
//! penalty  0.001 || I - A A^T || of the second T-Net's matrices, named `transform`
//! ```
//! It differs from the authors' code by our neurons, whose potentials start at zero, and by having no dropout.

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers};

pub(super) const SOURCE: Source =
    Source { t_steps: 2, input: [3, 1, 1024], classes: 40, stem: "lif1" };

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let change = t_net(layers, "stn.", &x)?;
    let x = layers.transform("stn.transform", &x, &change)?;
    let x = shared(layers, "", 1, &x, 64)?;
    let change = t_net(layers, "fstn.", &x)?;
    layers.orthogonal("transform", &change, 0.001)?;
    let x = layers.transform("fstn.transform", &x, &change)?;
    let x = shared(layers, "", 2, &x, 128)?;
    let x = shared(layers, "", 3, &x, 1024)?;
    let x = layers.global_max_pool(&x)?;
    let x = fully(layers, "", 1, &x, 512)?;
    let x = fully(layers, "", 2, &x, 256)?;
    layers.classify("fc3", &x)
}

/// The change of the identity that a cloud's points ask for.
fn t_net<L: Layers>(layers: &mut L, of: &str, x: &L::X) -> Result<L::X> {
    let k = layers.channels(x);
    let mut y = x.clone();
    for (i, channels) in [64, 128, 1024].into_iter().enumerate() {
        y = shared(layers, of, i + 1, &y, channels)?;
    }
    y = layers.global_max_pool(&y)?;
    for (i, channels) in [512, 256].into_iter().enumerate() {
        y = fully(layers, of, i + 1, &y, channels)?;
    }
    layers.linear(&format!("{of}fc3"), &y, k * k)
}

/// Layer `i` of a shared MLP.
fn shared<L: Layers>(layers: &mut L, of: &str, i: usize, x: &L::X, channels: usize) -> Result<L::X> {
    let conv = Conv::square(layers.width(channels), 1, 1, ConvInit::KaimingUniform);
    let of = of.to_string();
    layers.stage(x, move |layers, x| {
        let y = layers.conv(&format!("{of}conv{i}"), x, conv)?;
        neuron(layers, &of, i, &y)
    })
}

/// Fully connected layer `i`, whose norm and neurons are counted on.
fn fully<L: Layers>(layers: &mut L, of: &str, i: usize, x: &L::X, channels: usize) -> Result<L::X> {
    let y = layers.linear(&format!("{of}fc{i}"), x, layers.width(channels))?;
    neuron(layers, of, i + 3, &y)
}

fn neuron<L: Layers>(layers: &mut L, of: &str, i: usize, y: &L::X) -> Result<L::X> {
    let norm = Current::Norm { name: format!("{of}bn{i}"), x: y, weight: 1.0 };
    layers.neuron(&format!("{of}lif{i}"), &[norm])
}

//! What the SEW-ResNets (Fang et al., 2021, ADD shortcuts) share, as BrainCog's `sew_resnet.py` builds them.
//!
//! ```text
//! 19        conv3x3 64 - BN - LIF; layers 3 x 128, 3 x 256 (stride 2), 2 x 512 (stride 2);
//!           global average, fc 256, LIF, fc K
//! 18/34/50  conv7x7 64 stride 2 - BN - LIF - max-pool; layers 64, 128, 256, 512; global average, fc K
//! block     a = LIF(BN(conv3x3(x))); b = LIF(BN(conv3x3(a))); b + shortcut(x)
//! shortcut  LIF(BN(conv1x1(x))) where the shape changes, else x
//! ```
//! Sums of spikes are not spikes: values grow by one each block.

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers, Pool};

/// The networks for ImageNet.
pub(super) const IMAGENET: Source =
    Source { t_steps: 4, input: [3, 224, 224], classes: 1000, stem: "lif1" };

fn conv(out: usize, kernel: usize, stride: usize) -> Conv {
    Conv::square(out, kernel, stride, ConvInit::KaimingNormal)
}

/// The names of a convolution, its norm and its neurons, part `i` of `of`.
fn names(of: &str, i: usize) -> [String; 3] {
    ["conv", "bn", "lif"].map(|kind| format!("{of}{kind}{i}"))
}

/// `LIF(BN(conv(x)))`.
fn spike_conv<L: Layers>(
    layers: &mut L,
    [conv_name, norm_name, neuron_name]: [String; 3],
    x: &L::X,
    conv: Conv,
) -> Result<L::X> {
    let y = layers.conv(&conv_name, x, conv)?;
    layers.neuron(&neuron_name, &[Current::Norm { name: norm_name, x: &y, weight: 1.0 }])
}

/// SEW-ResNet-19 for 32 x 32 images.
pub(super) fn build_19<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let mut x = spike_conv(layers, names("", 1), &x, conv(layers.width(64), 3, 1))?;
    for (layer, (channels, blocks, stride)) in
        [(128, 3, 1), (256, 3, 2), (512, 2, 2)].into_iter().enumerate()
    {
        for b in 0..blocks {
            let stride = if b == 0 { stride } else { 1 };
            let name = format!("layer{}.{b}.", layer + 1);
            let channels = layers.width(channels);
            x = layers.stage(&x, move |layers, x| basic(layers, &name, x, channels, stride))?;
        }
        x = layers.boundary(&format!("layer{}", layer + 1), x)?;
    }
    let x = layers.global_avg_pool(&x)?;
    let x = layers.linear("fc1", &x, layers.width(256))?;
    let x = layers.neuron("head.lif", &[Current::Plain(&x)])?;
    layers.classify("fc2", &x)
}

/// The networks for ImageNet: so many blocks in each layer.
pub(super) fn build<L: Layers>(
    layers: &mut L,
    x: L::X,
    blocks: [usize; 4],
    bottlenecks: bool,
) -> Result<L::X> {
    let x = spike_conv(layers, names("", 1), &x, conv(layers.width(64), 7, 2))?;
    let pool = Pool { kernel: [3; 2], stride: [2; 2], padding: [1; 2] };
    let mut x = layers.max_pool(&x, pool)?;
    for (layer, (channels, n)) in [64, 128, 256, 512].into_iter().zip(blocks).enumerate() {
        for b in 0..n {
            let stride = if b == 0 && layer > 0 { 2 } else { 1 };
            let name = format!("layer{}.{b}.", layer + 1);
            let channels = layers.width(channels);
            x = layers.stage(&x, move |layers, x| match bottlenecks {
                true => bottleneck(layers, &name, x, channels, stride),
                false => basic(layers, &name, x, channels, stride),
            })?;
        }
        x = layers.boundary(&format!("layer{}", layer + 1), x)?;
    }
    let x = layers.global_avg_pool(&x)?;
    layers.classify("fc", &x)
}

fn basic<L: Layers>(
    layers: &mut L,
    name: &str,
    x: &L::X,
    out: usize,
    stride: usize,
) -> Result<L::X> {
    let y = spike_conv(layers, names(name, 1), x, conv(out, 3, stride))?;
    let y = spike_conv(layers, names(name, 2), &y, conv(out, 3, 1))?;
    join(layers, name, x, y, stride)
}

fn bottleneck<L: Layers>(
    layers: &mut L,
    name: &str,
    x: &L::X,
    width: usize,
    stride: usize,
) -> Result<L::X> {
    let y = spike_conv(layers, names(name, 1), x, conv(width, 1, 1))?;
    let y = spike_conv(layers, names(name, 2), &y, conv(width, 3, stride))?;
    let y = spike_conv(layers, names(name, 3), &y, conv(4 * width, 1, 1))?;
    join(layers, name, x, y, stride)
}

/// Adds the shortcut of `x` to the block's output.
fn join<L: Layers>(layers: &mut L, name: &str, x: &L::X, y: L::X, stride: usize) -> Result<L::X> {
    let out = layers.channels(&y);
    if stride == 1 && layers.channels(x) == out {
        return layers.add(&y, x);
    }
    let names = ["downsample.0", "downsample.1", "downsample.lif"].map(|s| format!("{name}{s}"));
    let shortcut = spike_conv(layers, names, x, conv(out, 1, stride))?;
    layers.add(&y, &shortcut)
}

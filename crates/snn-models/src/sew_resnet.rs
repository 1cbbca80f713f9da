//! SEW-ResNet (Fang et al., 2021) with ADD shortcuts, as BrainCog's `sew_resnet.py` builds it.
//!
//! ```text
//! 19        conv3x3 64 - BN - LIF; layers 3 x 128, 3 x 256 (stride 2), 2 x 512 (stride 2);
//!           global average, fc 256, LIF, fc K
//! 18/34/50  conv7x7 64 stride 2 - BN - LIF - max-pool; layers 64, 128, 256, 512; global average, fc K
//! block     a = LIF(BN(conv3x3(x))); b = LIF(BN(conv3x3(a))); b + shortcut(x)
//! shortcut  LIF(BN(conv1x1(x))) where the shape changes, else x
//! ```
//! Sums of spikes are not spikes: values grow by one each block.

use crate::config::Architecture;
use crate::layers::{Conv, ConvInit, Input, Layers};
use crate::{ModelConfig, Result};

fn conv(out: usize, kernel: usize, stride: usize) -> Conv {
    Conv { out, kernel, stride, padding: kernel / 2, init: ConvInit::KaimingNormal }
}

/// `LIF(BN(conv(x)))` under `conv_name` and `norm_name`.
fn spike_conv<L: Layers>(
    layers: &mut L,
    (conv_name, norm_name): (String, String),
    x: &L::X,
    conv: Conv,
) -> Result<L::X> {
    let y = layers.conv(&conv_name, x, conv)?;
    layers.fire(&[Input::Norm { name: norm_name, x: &y, weight: 1.0 }])
}

/// SEW-ResNet-19 for 32 x 32 images.
pub(crate) fn build_19<L: Layers>(layers: &mut L, config: &ModelConfig, x: L::X) -> Result<L::X> {
    let stem = ("conv1".into(), "bn1".into());
    let mut x = spike_conv(layers, stem, &x, conv(config.channels(64), 3, 1))?;
    for (layer, (channels, blocks, stride)) in
        [(128, 3, 1), (256, 3, 2), (512, 2, 2)].into_iter().enumerate()
    {
        for b in 0..blocks {
            let stride = if b == 0 { stride } else { 1 };
            let name = format!("layer{}.{b}", layer + 1);
            let channels = config.channels(channels);
            x = layers.stage(&x, move |layers, x| basic(layers, &name, x, channels, stride))?;
        }
    }
    let x = layers.global_avg_pool(&x)?;
    let x = layers.linear("fc1", &x, config.channels(256))?;
    let x = layers.fire(&[Input::Plain(&x)])?;
    layers.linear("fc2", &x, config.num_classes)
}

/// SEW-ResNet-18, 34 and 50 for ImageNet.
pub(crate) fn build<L: Layers>(layers: &mut L, config: &ModelConfig, x: L::X) -> Result<L::X> {
    let (blocks, bottlenecks) = match config.architecture {
        Architecture::SewResnet18 => ([2, 2, 2, 2], false),
        Architecture::SewResnet50 => ([3, 4, 6, 3], true),
        _ => ([3, 4, 6, 3], false),
    };
    let stem = ("conv1".into(), "bn1".into());
    let x = spike_conv(layers, stem, &x, conv(config.channels(64), 7, 2))?;
    let mut x = layers.max_pool(&x)?;
    for (layer, (channels, n)) in [64, 128, 256, 512].into_iter().zip(blocks).enumerate() {
        for b in 0..n {
            let stride = if b == 0 && layer > 0 { 2 } else { 1 };
            let name = format!("layer{}.{b}", layer + 1);
            let channels = config.channels(channels);
            x = layers.stage(&x, move |layers, x| match bottlenecks {
                true => bottleneck(layers, &name, x, channels, stride),
                false => basic(layers, &name, x, channels, stride),
            })?;
        }
    }
    let x = layers.global_avg_pool(&x)?;
    layers.linear("fc", &x, config.num_classes)
}

fn basic<L: Layers>(
    layers: &mut L,
    name: &str,
    x: &L::X,
    out: usize,
    stride: usize,
) -> Result<L::X> {
    let part = |i: usize| (format!("{name}.conv{i}"), format!("{name}.bn{i}"));
    let y = spike_conv(layers, part(1), x, conv(out, 3, stride))?;
    let y = spike_conv(layers, part(2), &y, conv(out, 3, 1))?;
    join(layers, name, x, y, stride)
}

fn bottleneck<L: Layers>(
    layers: &mut L,
    name: &str,
    x: &L::X,
    width: usize,
    stride: usize,
) -> Result<L::X> {
    let part = |i: usize| (format!("{name}.conv{i}"), format!("{name}.bn{i}"));
    let y = spike_conv(layers, part(1), x, conv(width, 1, 1))?;
    let y = spike_conv(layers, part(2), &y, conv(width, 3, stride))?;
    let y = spike_conv(layers, part(3), &y, conv(4 * width, 1, 1))?;
    join(layers, name, x, y, stride)
}

/// Adds the shortcut of `x` to the block's output.
fn join<L: Layers>(layers: &mut L, name: &str, x: &L::X, y: L::X, stride: usize) -> Result<L::X> {
    let out = layers.channels(&y);
    if stride == 1 && layers.channels(x) == out {
        return layers.add(&y, x);
    }
    let names = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
    let shortcut = spike_conv(layers, names, x, conv(out, 1, stride))?;
    layers.add(&y, &shortcut)
}

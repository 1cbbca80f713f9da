//! ResNet-19 of STBP-tdBN (Zheng et al., 2021) as BrainCog's `resnet19_snn.py` builds it.
//!
//! ```text
//! stem   conv3x3 128, tdBN(a = sqrt 1/2), LIF
//! layer1 3 blocks of 128    layer2 3 of 256, stride 2    layer3 2 of 512, stride 2
//! head   global average, fc 256, LIF, fc K
//! block  conv3x3 - tdBN(1) - LIF - conv3x3 - tdBN(sqrt 1/2) - add shortcut - LIF
//! shortcut of a layer's first block: [conv1x1 where the shape changes] - tdBN(sqrt 1/2); else identity
//! ```
//! tdBN is batch norm whose scale starts at `a * v_threshold`.

use std::f64::consts::FRAC_1_SQRT_2;

use super::Source;
use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers};

pub(super) const SOURCE: Source = Source { t_steps: 4, input: [3, 32, 32], classes: 10, stem: "lif1" };

fn conv(out: usize, kernel: usize, stride: usize) -> Conv {
    Conv::square(out, kernel, stride, ConvInit::KaimingUniform)
}

pub(super) fn build<L: Layers>(layers: &mut L, x: L::X) -> Result<L::X> {
    let y = layers.conv("conv1", &x, conv(layers.width(128), 3, 1))?;
    let weight = FRAC_1_SQRT_2 * layers.v_threshold();
    let norm = Current::Norm { name: "bn1".into(), x: &y, weight };
    let mut x = layers.neuron("lif1", &[norm])?;
    for (layer, (channels, blocks, stride)) in
        [(128, 3, 1), (256, 3, 2), (512, 2, 2)].into_iter().enumerate()
    {
        for b in 0..blocks {
            let name = format!("layer{}.{b}", layer + 1);
            let (out, stride) = (layers.width(channels), if b == 0 { stride } else { 1 });
            x = layers.stage(&x, move |layers, x| block(layers, &name, x, out, stride, b == 0))?;
        }
        x = layers.boundary(&format!("layer{}", layer + 1), x)?;
    }
    let x = layers.global_avg_pool(&x)?;
    let x = layers.linear("fc1", &x, layers.width(256))?;
    let x = layers.neuron("head.lif", &[Current::Plain(&x)])?;
    layers.classify("fc2", &x)
}

fn block<L: Layers>(
    layers: &mut L,
    name: &str,
    x: &L::X,
    out: usize,
    stride: usize,
    first: bool,
) -> Result<L::X> {
    let part = |part: &str| format!("{name}.{part}");
    let y = layers.conv(&part("conv1"), x, conv(out, 3, stride))?;
    let norm = Current::Norm { name: part("bn1"), x: &y, weight: layers.v_threshold() };
    let y = layers.neuron(&part("lif1"), &[norm])?;
    let y = layers.conv(&part("conv2"), &y, conv(out, 3, 1))?;
    let weight = FRAC_1_SQRT_2 * layers.v_threshold();
    let body = Current::Norm { name: part("bn2"), x: &y, weight };
    if !first {
        return layers.neuron(&part("lif2"), &[body, Current::Plain(x)]);
    }
    let shortcut = if stride != 1 || layers.channels(x) != out {
        layers.conv(&part("downsample.0"), x, conv(out, 1, stride))?
    } else {
        x.clone()
    };
    let shortcut = Current::Norm { name: part("downsample.1"), x: &shortcut, weight };
    layers.neuron(&part("lif2"), &[body, shortcut])
}

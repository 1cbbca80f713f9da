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

use crate::layers::{Conv, ConvInit, Input, Layers};
use crate::{ModelConfig, Result};

fn conv(out: usize, kernel: usize, stride: usize) -> Conv {
    Conv { out, kernel, stride, padding: kernel / 2, init: ConvInit::KaimingUniform }
}

pub(crate) fn build<L: Layers>(layers: &mut L, config: &ModelConfig, x: L::X) -> Result<L::X> {
    let v_threshold = config.neuron.v_threshold;
    let y = layers.conv("conv1", &x, conv(config.channels(128), 3, 1))?;
    let weight = FRAC_1_SQRT_2 * v_threshold;
    let mut x = layers.fire(&[Input::Norm { name: "bn1".into(), x: &y, weight }])?;
    for (layer, (channels, blocks, stride)) in
        [(128, 3, 1), (256, 3, 2), (512, 2, 2)].into_iter().enumerate()
    {
        for b in 0..blocks {
            let name = format!("layer{}.{b}", layer + 1);
            let (out, stride) = (config.channels(channels), if b == 0 { stride } else { 1 });
            x = layers.stage(&x, move |layers, x| {
                block(layers, &name, x, out, stride, b == 0, v_threshold)
            })?;
        }
    }
    let x = layers.global_avg_pool(&x)?;
    let x = layers.linear("fc1", &x, config.channels(256))?;
    let x = layers.fire(&[Input::Plain(&x)])?;
    layers.linear("fc2", &x, config.num_classes)
}

fn block<L: Layers>(
    layers: &mut L,
    name: &str,
    x: &L::X,
    out: usize,
    stride: usize,
    first: bool,
    v_threshold: f64,
) -> Result<L::X> {
    let norm = |part: &str| format!("{name}.{part}");
    let y = layers.conv(&format!("{name}.conv1"), x, conv(out, 3, stride))?;
    let y = layers.fire(&[Input::Norm { name: norm("bn1"), x: &y, weight: v_threshold }])?;
    let y = layers.conv(&format!("{name}.conv2"), &y, conv(out, 3, 1))?;
    let weight = FRAC_1_SQRT_2 * v_threshold;
    let body = Input::Norm { name: norm("bn2"), x: &y, weight };
    if !first {
        return layers.fire(&[body, Input::Plain(x)]);
    }
    let shortcut = if stride != 1 || layers.channels(x) != out {
        layers.conv(&format!("{name}.downsample.0"), x, conv(out, 1, stride))?
    } else {
        x.clone()
    };
    let name = norm("downsample.1");
    layers.fire(&[body, Input::Norm { name, x: &shortcut, weight }])
}

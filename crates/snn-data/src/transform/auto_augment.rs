//! AutoAugment's learned policies.

use rand_chacha::ChaCha8Rng;

use super::Op;
use crate::random::{below, unit};

/// A learned policy: one of 25 pairs of changes is drawn, each of the two is made with its own probability.
///
/// # Source
/// Cubuk et al., "AutoAugment", tables 7 and 9, with torchvision's ranges (`transforms.AutoAugment`): nearest pixel on a
/// black ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum AutoAugment {
    /// Learned on CIFAR-10.
    Cifar10,
    /// Learned on ImageNet.
    ImageNet,
}

/// A change, its probability in tenths and its level, 0 to 9.
type Step = (Kind, u8, u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    Solarize,
    Color,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
}

use Kind::{
    AutoContrast, Brightness, Color, Contrast, Equalize, Invert, Posterize, Rotate, Sharpness,
    ShearX, ShearY, Solarize, TranslateX, TranslateY,
};

#[rustfmt::skip]
const CIFAR10: [[Step; 2]; 25] = [
    [(Invert, 1, 0), (Contrast, 2, 6)], [(Rotate, 7, 2), (TranslateX, 3, 9)],
    [(Sharpness, 8, 1), (Sharpness, 9, 3)], [(ShearY, 5, 8), (TranslateY, 7, 9)],
    [(AutoContrast, 5, 0), (Equalize, 9, 0)], [(ShearY, 2, 7), (Posterize, 3, 7)],
    [(Color, 4, 3), (Brightness, 6, 7)], [(Sharpness, 3, 9), (Brightness, 7, 9)],
    [(Equalize, 6, 0), (Equalize, 5, 0)], [(Contrast, 6, 7), (Sharpness, 6, 5)],
    [(Color, 7, 7), (TranslateX, 5, 8)], [(Equalize, 3, 0), (AutoContrast, 4, 0)],
    [(TranslateY, 4, 3), (Sharpness, 2, 6)], [(Brightness, 9, 6), (Color, 2, 8)],
    [(Solarize, 5, 2), (Invert, 0, 0)], [(Equalize, 2, 0), (AutoContrast, 6, 0)],
    [(Equalize, 2, 0), (Equalize, 6, 0)], [(Color, 9, 9), (Equalize, 6, 0)],
    [(AutoContrast, 8, 0), (Solarize, 2, 8)], [(Brightness, 1, 3), (Color, 7, 0)],
    [(Solarize, 4, 5), (AutoContrast, 9, 0)], [(TranslateY, 9, 9), (TranslateY, 7, 9)],
    [(AutoContrast, 9, 0), (Solarize, 8, 3)], [(Equalize, 8, 0), (Invert, 1, 0)],
    [(TranslateY, 7, 9), (AutoContrast, 9, 0)],
];

#[rustfmt::skip]
const IMAGENET: [[Step; 2]; 25] = [
    [(Posterize, 4, 8), (Rotate, 6, 9)], [(Solarize, 6, 5), (AutoContrast, 6, 0)],
    [(Equalize, 8, 0), (Equalize, 6, 0)], [(Posterize, 6, 7), (Posterize, 6, 6)],
    [(Equalize, 4, 0), (Solarize, 2, 4)], [(Equalize, 4, 0), (Rotate, 8, 8)],
    [(Solarize, 6, 3), (Equalize, 6, 0)], [(Posterize, 8, 5), (Equalize, 10, 0)],
    [(Rotate, 2, 3), (Solarize, 6, 8)], [(Equalize, 6, 0), (Posterize, 4, 6)],
    [(Rotate, 8, 8), (Color, 4, 0)], [(Rotate, 4, 9), (Equalize, 6, 0)],
    [(Equalize, 0, 0), (Equalize, 8, 0)], [(Invert, 6, 0), (Equalize, 10, 0)],
    [(Color, 6, 4), (Contrast, 10, 8)], [(Rotate, 8, 8), (Color, 10, 2)],
    [(Color, 8, 8), (Solarize, 8, 7)], [(Sharpness, 4, 7), (Invert, 6, 0)],
    [(ShearX, 6, 5), (Equalize, 10, 0)], [(Color, 4, 0), (Equalize, 6, 0)],
    [(Equalize, 4, 0), (Solarize, 2, 4)], [(Solarize, 6, 5), (AutoContrast, 6, 0)],
    [(Invert, 6, 0), (Equalize, 10, 0)], [(Color, 6, 4), (Contrast, 10, 8)],
    [(Equalize, 8, 0), (Equalize, 6, 0)],
];

impl AutoAugment {
    /// The number of pairs.
    pub const PAIRS: usize = 25;

    fn pair(self, pair: usize) -> [Step; 2] {
        let pairs = match self {
            Self::Cifar10 => &CIFAR10,
            Self::ImageNet => &IMAGENET,
        };
        pairs.get(pair % Self::PAIRS).copied().unwrap_or([(Equalize, 0, 0); 2])
    }

    /// The two changes of pair number `pair` on an image of `size` (rows, columns), with their signs turned or not.
    pub fn changes(self, pair: usize, negative: [bool; 2], size: (usize, usize)) -> [Op; 2] {
        let [first, second] = self.pair(pair);
        [change(first, negative[0], size), change(second, negative[1], size)]
    }

    /// Draws one image's changes: the pair, then for each of the two whether and its sign.
    pub(crate) fn draw(self, rng: &mut ChaCha8Rng, size: (usize, usize)) -> Vec<Op> {
        let pair = below(rng, Self::PAIRS as u64) as usize;
        let mut ops = Vec::with_capacity(2);
        for step @ (_, tenths, _) in self.pair(pair) {
            let (made, negative) = (unit(rng) < f32::from(tenths) / 10.0, unit(rng) < 0.5);
            if made {
                ops.push(change(step, negative, size));
            }
        }
        ops
    }
}

fn change((kind, _, level): Step, negative: bool, (height, width): (usize, usize)) -> Op {
    let signed = |most: f32| {
        let strength = f64::from(spaced(0.0, most, level));
        if negative { -strength } else { strength }
    };
    let factor = (1.0 + signed(0.9)) as f32;
    // torchvision moves the image where Pillow moves the window.
    let pixels = |side: usize| -signed((150.0 / 331.0 * side as f64) as f32).trunc();
    match kind {
        AutoContrast => Op::AutoContrast,
        Equalize => Op::Equalize,
        Invert => Op::Invert,
        Rotate => Op::Rotate(signed(30.0)),
        Posterize => Op::Posterize(8 - (f32::from(level) / 2.25).round_ties_even() as u8),
        Solarize => Op::Solarize(spaced(255.0, 0.0, level).ceil() as u16),
        Color => Op::Color(factor),
        Contrast => Op::Contrast(factor),
        Brightness => Op::Brightness(factor),
        Sharpness => Op::Sharpness(factor),
        ShearX => Op::ShearX(signed(0.3)),
        ShearY => Op::ShearY(signed(0.3)),
        TranslateX => Op::TranslateX(pixels(width)),
        TranslateY => Op::TranslateY(pixels(height)),
    }
}

/// Number `level`, 0 to 9, of ten evenly spaced values, rounded as torch's `linspace` rounds.
fn spaced(first: f32, last: f32, level: u8) -> f32 {
    let step = (last - first) / 9.0;
    if level < 5 { first + step * f32::from(level) } else { last - step * f32::from(9 - level) }
}

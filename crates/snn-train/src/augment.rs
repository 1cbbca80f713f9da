//! `[data] augment`: what is done to training samples.

use serde::{Deserialize, Serialize};
use snn_data::{Augment, transform};

/// `[data] augment`. What is left out is off; `{}` turns a change on with the values that its papers use.
///
/// The changes are made in the order of the fields. Changes for images are refused on event data, and those for events on
/// images. A field at its default is not written out, so that recipes keep their hash when changes are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentRecipe {
    /// Pixels of padding before a random crop to the old size; default 0.
    pub crop_padding: usize,
    /// Images: a random part at the sample's size, such as `{ scale = [0.08, 1.0] }`; not with `crop_padding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_resized_crop: Option<ResizedCropRecipe>,
    /// Mirror half of the samples; default false.
    pub flip: bool,
    /// Images: RandAugment with growing changes, such as `{ magnitude = 9 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rand_augment: Option<RandAugmentRecipe>,
    /// Images: AutoAugment's policy `cifar10` or `imagenet`; not with `rand_augment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_augment: Option<AutoAugmentRecipe>,
    /// Images: brightness, contrast and color each by a factor of 1 +- this, 0 to 1; default 0; not with a policy.
    #[serde(skip_serializing_if = "is_zero")]
    pub color_jitter: f32,
    /// Rotate by up to that many degrees either way, 0 to 180; default 0.
    pub rotate_degrees: f32,
    /// Events: move by up to that many pixels each way, around the border; default 0.
    #[serde(skip_serializing_if = "is_none")]
    pub roll: usize,
    /// Events: a roll, a rotation or a shear, such as `{ roll = 5 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nda: Option<NdaRecipe>,
    /// Events: probability of frames in reverse order with swapped polarities, 0 to 1; default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub time_reversal: f32,
    /// Events: probability of swapped polarities, 0 to 1; default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub polarity_flip: f32,
    /// Side of a square that is blanked; default 0.
    pub cutout: usize,
    /// Images: probability of a rectangle of normal noise after normalization, 0 to 1; default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub random_erasing: f32,
    /// Mix samples with others by a weight of Beta(this, this), 0 to 100; default 0. Losses weigh both labels.
    #[serde(skip_serializing_if = "is_zero")]
    pub mixup: f32,
    /// Put a rectangle of another sample into each, its share from Beta(this, this), 0 to 100; default 0. With `mixup`,
    /// each batch draws one of the two.
    #[serde(skip_serializing_if = "is_zero")]
    pub cutmix: f32,
}

/// `[data.augment] random_resized_crop`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResizedCropRecipe {
    /// Least and greatest share of the area; default 0.08 and 1.
    pub scale: [f32; 2],
    /// Least and greatest width over height; default 3/4 and 4/3.
    pub ratio: [f32; 2],
    /// `bilinear`, `bicubic`, or `random`, the default, which draws one of the two.
    pub interpolation: CropInterpolation,
}

/// How a part of an image is resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CropInterpolation {
    /// Bilinear or bicubic, drawn for each image.
    #[default]
    Random,
    /// Bilinear.
    Bilinear,
    /// Bicubic.
    Bicubic,
}

/// `[data.augment] rand_augment`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugmentRecipe {
    /// Mean strength, 0 to 10; default 9.
    pub magnitude: f32,
    /// Standard deviation of the strength, 0 to 10; default 0.5.
    pub std: f32,
    /// Changes drawn for an image, 0 to 15; default 2.
    pub layers: usize,
    /// Probability that a drawn change is made, 0 to 1; default 0.5.
    pub probability: f32,
}

/// The learned policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AutoAugmentRecipe {
    /// Learned on CIFAR-10.
    Cifar10,
    /// Learned on ImageNet.
    ImageNet,
}

/// `[data.augment] nda`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NdaRecipe {
    /// Most pixels of a roll; default 5.
    pub roll: usize,
    /// Most degrees of a rotation, 0 to 180; default 30.
    pub rotate_degrees: f32,
    /// Most degrees of a shear, 0 to 80; default 30.
    pub shear_degrees: f32,
}

impl Default for ResizedCropRecipe {
    fn default() -> Self {
        let transform::RandomResizedCrop { scale, ratio, .. } = Default::default();
        Self { scale, ratio, interpolation: CropInterpolation::Random }
    }
}

impl Default for RandAugmentRecipe {
    fn default() -> Self {
        let transform::RandAugment { magnitude, std, layers, probability } = Default::default();
        Self { magnitude, std, layers, probability }
    }
}

impl Default for NdaRecipe {
    fn default() -> Self {
        let transform::Nda { roll, rotate_degrees, shear_degrees } = Default::default();
        Self { roll, rotate_degrees, shear_degrees }
    }
}

impl AugmentRecipe {
    /// What the loader needs.
    pub fn augment(&self) -> Augment {
        let crop = |crop: ResizedCropRecipe| transform::RandomResizedCrop {
            scale: crop.scale,
            ratio: crop.ratio,
            interpolation: match crop.interpolation {
                CropInterpolation::Random => None,
                CropInterpolation::Bilinear => Some(transform::Interpolation::Bilinear),
                CropInterpolation::Bicubic => Some(transform::Interpolation::Bicubic),
            },
        };
        let rand = |RandAugmentRecipe { magnitude, std, layers, probability }| {
            transform::RandAugment { magnitude, std, layers, probability }
        };
        let nda = |NdaRecipe { roll, rotate_degrees, shear_degrees }| transform::Nda {
            roll,
            rotate_degrees,
            shear_degrees,
        };
        Augment {
            crop_padding: self.crop_padding,
            random_resized_crop: self.random_resized_crop.map(crop),
            flip: self.flip,
            rand_augment: self.rand_augment.map(rand),
            auto_augment: self.auto_augment.map(|policy| match policy {
                AutoAugmentRecipe::Cifar10 => transform::AutoAugment::Cifar10,
                AutoAugmentRecipe::ImageNet => transform::AutoAugment::ImageNet,
            }),
            color_jitter: self.color_jitter,
            rotate_degrees: self.rotate_degrees,
            roll: self.roll,
            nda: self.nda.map(nda),
            time_reversal: self.time_reversal,
            polarity_flip: self.polarity_flip,
            cutout: self.cutout,
            random_erasing: self.random_erasing,
            mixup: self.mixup,
            cutmix: self.cutmix,
        }
    }
}

fn is_zero(x: &f32) -> bool {
    *x == 0.0
}

fn is_none(n: &usize) -> bool {
    *n == 0
}

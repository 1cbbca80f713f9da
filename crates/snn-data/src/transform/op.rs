//! One change of an image with its strength, as the learned and random policies choose them.

use super::{Affine, Image, Interpolation, rotation};

/// A change of an image. Strengths are those of Pillow's functions, not a policy's levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// [`Image::auto_contrast`]
    AutoContrast,
    /// [`Image::equalize`]
    Equalize,
    /// [`Image::invert`]
    Invert,
    /// Counter-clockwise by so many degrees about the center.
    Rotate(f64),
    /// [`Image::posterize`]
    Posterize(u8),
    /// [`Image::solarize`]
    Solarize(u16),
    /// [`Image::solarize_add`]
    SolarizeAdd(u8),
    /// [`Image::color`]
    Color(f32),
    /// [`Image::contrast`]
    Contrast(f32),
    /// [`Image::brightness`]
    Brightness(f32),
    /// [`Image::sharpness`]
    Sharpness(f32),
    /// Input column = output column + factor x output row.
    ShearX(f64),
    /// Input row = output row + factor x output column.
    ShearY(f64),
    /// Input column = output column + so many pixels.
    TranslateX(f64),
    /// Input row = output row + so many pixels.
    TranslateY(f64),
}

impl Op {
    /// Changes `image`; geometric changes interpolate with `by` and get `fill`, a value a channel, from outside.
    pub fn apply(self, image: &mut Image, by: Interpolation, fill: &[u8]) {
        let map: Affine = match self {
            Self::Rotate(degrees) => rotation(degrees, image.size()),
            Self::ShearX(factor) => [1.0, factor, 0.0, 0.0, 1.0, 0.0],
            Self::ShearY(factor) => [1.0, 0.0, 0.0, factor, 1.0, 0.0],
            Self::TranslateX(pixels) => [1.0, 0.0, pixels, 0.0, 1.0, 0.0],
            Self::TranslateY(pixels) => [1.0, 0.0, 0.0, 0.0, 1.0, pixels],
            Self::AutoContrast => return image.auto_contrast(),
            Self::Equalize => return image.equalize(),
            Self::Invert => return image.invert(),
            Self::Posterize(bits) => return image.posterize(bits),
            Self::Solarize(threshold) => return image.solarize(threshold),
            Self::SolarizeAdd(add) => return image.solarize_add(add),
            Self::Color(factor) => return image.color(factor),
            Self::Contrast(factor) => return image.contrast(factor),
            Self::Brightness(factor) => return image.brightness(factor),
            Self::Sharpness(factor) => return image.sharpness(factor),
        };
        *image = image.affine(&map, by, fill);
    }
}

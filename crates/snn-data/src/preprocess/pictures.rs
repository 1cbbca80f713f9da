//! From a picture's file to its normalized pixels.

use std::path::Path;

use super::ranges::{moments, sides};
use crate::transform::{Image, Interpolation};
use crate::{Error, Limits, Result, fit};

/// What is done with a picture.
///
/// A picture that has the wanted size is taken as it is. Of another one the shorter side is resized to `side / crop` and
/// the central square is kept; where `height` and `width` differ all of it is resized.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Pictures {
    /// 3 for red, green and blue; 1 for gray, into which a colored picture is turned by Pillow's weights.
    pub channels: usize,
    /// Rows of a sample.
    pub height: usize,
    /// Columns of a sample.
    pub width: usize,
    /// Rows and columns of the pictures in a set's packed files, such as 32 and 32 of CIFAR. A picture of another size is
    /// first brought to these by the rule above, and from there to `height` and `width` by [`fit`](crate::fit()). Absent
    /// for sets of a file for each picture.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stored: Option<[usize; 2]>,
    /// Share of the shorter side that the central square keeps, above 0, at most 1; the sets have 0.875.
    pub crop: f64,
    /// How a pixel is made from its neighbors; the sets have `bilinear`.
    pub interpolation: Interpolation,
    /// Each channel's mean, of pixels in [0, 1].
    pub mean: Vec<f32>,
    /// Each channel's standard deviation, of pixels in [0, 1].
    pub std: Vec<f32>,
}

impl Pictures {
    /// Pictures of `[C, H, W]` with the crop and the interpolation of the sets known by name.
    pub fn new([channels, height, width]: [usize; 3], (mean, std): (&[f32], &[f32])) -> Self {
        Self {
            channels,
            height,
            width,
            stored: None,
            crop: 0.875,
            interpolation: Interpolation::Bilinear,
            mean: mean.to_vec(),
            std: std.to_vec(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        sides(&[("height", self.height), ("width", self.width)])?;
        let [rows, columns] = self.stored.unwrap_or([1, 1]);
        sides(&[("stored", rows), ("stored", columns)])?;
        if self.channels != 1 && self.channels != 3 {
            let why = format!("{} is out of range; give 1 or 3", self.channels);
            return Err(Error::config("channels", why));
        }
        if !(0.01..=1.0).contains(&self.crop) {
            let why = format!("{} is out of range; give 0.01 to 1", self.crop);
            return Err(Error::config("crop", why));
        }
        moments(self.channels, &self.mean, &self.std)
    }

    /// The part of a picture that is seen, at the sample's size.
    pub(crate) fn seen(&self, image: Image) -> Image {
        image.fitted((self.height, self.width), self.crop, self.interpolation)
    }

    /// Pixels of a packed file at the sample's size; `size` is rows and columns in the file.
    pub(crate) fn unpacked(&self, pixels: &[u8], size: (usize, usize)) -> Vec<u8> {
        let to = (self.height, self.width);
        if to == size {
            return pixels.to_vec();
        }
        let planes: Vec<f32> = pixels.iter().map(|&pixel| pixel.into()).collect();
        fit(&planes, size, to).iter().map(|&x| x.round() as u8).collect()
    }

    /// Writes the normalized pixels to `out`.
    pub(crate) fn normalize(&self, image: &Image, out: &mut [f32]) {
        image.standardize(&self.mean, &self.std, out);
    }

    pub(super) fn read(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<f32>> {
        let mut image = decode(bytes, limits, path)?;
        if self.channels == 1 {
            image = gray(&image);
        }
        if let Some([rows, columns]) = self.stored {
            let size = (rows, columns);
            image = image.fitted(size, self.crop, self.interpolation);
            let pixels = self.unpacked(image.pixels(), size);
            image = Image::new([self.channels, self.height, self.width], pixels)?;
        }
        let image = self.seen(image);
        let mut x = vec![0.0; image.pixels().len()];
        self.normalize(&image, &mut x);
        Ok(x)
    }
}

/// The picture at its own size, in red, green and blue.
#[cfg(feature = "image")]
pub(crate) fn decode(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Image> {
    crate::format::picture(bytes, limits, path)
}

#[cfg(not(feature = "image"))]
pub(crate) fn decode(_: &[u8], _: &Limits, path: &Path) -> Result<Image> {
    let what = format!("{}: a JPEG or PNG picture", path.display());
    Err(Error::Unreadable { what, remedy: "build snn-data with its feature `image`".into() })
}

/// Refuses a picture that is cut off, as an interrupted copy leaves it, without decoding it.
#[cfg(feature = "image")]
pub(crate) fn whole(bytes: &[u8], path: &Path) -> Result<()> {
    crate::format::whole_picture(bytes, path)
}

#[cfg(not(feature = "image"))]
pub(crate) fn whole(_: &[u8], _: &Path) -> Result<()> {
    Ok(())
}

/// One channel of three: ITU-R 601-2 luma in Pillow's whole numbers, which keep a gray picture's values.
fn gray(image: &Image) -> Image {
    let [_, height, width] = image.shape();
    let (red, rest) = image.pixels().split_at(height * width);
    let (green, blue) = rest.split_at(rest.len() / 2);
    let luma = |((&r, &g), &b): ((&u8, &u8), &u8)| {
        ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000) >> 16)
            as u8
    };
    let pixels = red.iter().zip(green).zip(blue).map(luma).collect();
    // One pixel for each place of an image that has as many.
    Image::new([1, height, width], pixels).unwrap_or_else(|_| image.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_keeps_gray_and_weighs_colors_as_pillow() {
        let grays: Vec<u8> = (0..=255).collect();
        let image = Image::new([3, 16, 16], grays.repeat(3)).unwrap();
        assert_eq!(gray(&image).pixels(), grays);
        let image = Image::new([3, 1, 3], vec![255, 0, 0, 0, 255, 0, 0, 0, 255]).unwrap();
        assert_eq!(gray(&image).pixels(), [76, 150, 29]);
    }

    #[test]
    fn fields_out_of_range_are_named() {
        let good = Pictures::new([3, 8, 8], (&[0.5; 3], &[0.5; 3]));
        assert!(good.check().is_ok());
        for (wrong, field) in [
            (Pictures { channels: 2, ..good.clone() }, "channels"),
            (Pictures { height: 0, ..good.clone() }, "height"),
            (Pictures { stored: Some([8, 0]), ..good.clone() }, "stored"),
            (Pictures { crop: 0.0, ..good.clone() }, "crop"),
            (Pictures { std: vec![0.5, 0.5, 0.0], ..good.clone() }, "mean, std"),
            (Pictures { mean: vec![f32::NAN; 3], ..good }, "mean, std"),
        ] {
            assert!(
                matches!(wrong.check(), Err(Error::Config { field: named, .. }) if named == field)
            );
        }
    }
}

//! An image of 8-bit pixels, and moving them about.

use crate::{Error, Result};

/// Pixels `[C, H, W]`, 0 to 255: one channel is grey, three are red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    shape: [usize; 3],
    pixels: Vec<u8>,
}

impl Image {
    /// An image of `shape` = `[C, H, W]`.
    ///
    /// # Errors
    /// [`Error::Config`] when a side is 0 or the shape does not make as many pixels.
    pub fn new(shape: [usize; 3], pixels: Vec<u8>) -> Result<Self> {
        let n = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side));
        if n != Some(pixels.len()) || pixels.is_empty() {
            let why = format!("{shape:?} is not the shape of {} pixels", pixels.len());
            return Err(Error::config("image", why));
        }
        Ok(Self { shape, pixels })
    }

    /// An image without a check: `pixels` was made to have this shape.
    pub(super) fn made(shape: [usize; 3], pixels: Vec<u8>) -> Self {
        Self { shape, pixels }
    }

    /// `[C, H, W]`
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Rows and columns.
    pub fn size(&self) -> (usize, usize) {
        let [_, height, width] = self.shape;
        (height, width)
    }

    /// All pixels, channel by channel.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels alone.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    pub(super) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    pub(super) fn planes(&self) -> impl Iterator<Item = &[u8]> {
        let [_, height, width] = self.shape;
        self.pixels.chunks_exact(height * width)
    }

    pub(super) fn planes_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let [_, height, width] = self.shape;
        self.pixels.chunks_exact_mut(height * width)
    }

    /// The `height x width` pixels that begin at (`top`, `left`); zeros from outside.
    ///
    /// # Source
    /// torchvision's `crop`, which a padded `RandomCrop` comes to.
    pub fn crop(&self, (top, left): (isize, isize), (height, width): (usize, usize)) -> Self {
        let [channels, old_height, old_width] = self.shape;
        let mut pixels = vec![0; channels * height * width];
        // Along one axis: where the copied part begins in the old and the new image, and its length.
        let span = |from: isize, old: usize, new: usize| {
            let (skip, start) = (from.max(0) as usize, from.min(0).unsigned_abs());
            (skip, start, old.saturating_sub(skip).min(new.saturating_sub(start)))
        };
        let (old_row, new_row, rows) = span(top, old_height, height);
        let (old_column, new_column, columns) = span(left, old_width, width);
        for (new, old) in pixels.chunks_exact_mut((height * width).max(1)).zip(self.planes()) {
            let new = new.chunks_exact_mut(width.max(1)).skip(new_row).take(rows);
            for (new, old) in new.zip(old.chunks_exact(old_width).skip(old_row)) {
                let new = new.get_mut(new_column..new_column + columns);
                if let (Some(new), Some(old)) = (new, old.get(old_column..old_column + columns)) {
                    new.copy_from_slice(old);
                }
            }
        }
        Self::made([channels, height, width], pixels)
    }

    /// Writes `(x / 255 - mean) / std` of every value to `out`, channel by channel.
    pub fn standardize(&self, mean: &[f32], std: &[f32], out: &mut [f32]) {
        let [_, height, width] = self.shape;
        let planes = out.chunks_exact_mut(height * width).zip(self.planes());
        for ((out, plane), (mean, std)) in planes.zip(mean.iter().zip(std)) {
            let (scale, offset) = (1.0 / (255.0 * std), mean / std);
            out.iter_mut().zip(plane).for_each(|(out, &x)| *out = f32::from(x) * scale - offset);
        }
    }

    /// Left and right change places.
    pub fn flip(&mut self) {
        let [_, _, width] = self.shape;
        self.pixels.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn crop_brings_zeros_in() {
        let image = Image::new([1, 3, 3], (1..=9).collect()).unwrap();
        assert_eq!(image.crop((1, -1), (3, 3)).pixels(), [0, 4, 5, 0, 7, 8, 0, 0, 0]);
        assert_eq!(image.crop((-9, 0), (1, 2)).pixels(), [0, 0]);
        assert_eq!(image.crop((0, 9), (1, 2)).pixels(), [0, 0]);
        assert_eq!(image.crop((1, 1), (1, 1)).pixels(), [5]);
    }

    #[test]
    fn shape_must_fit() {
        assert!(Image::new([1, 2, 2], vec![0; 3]).is_err());
        assert!(Image::new([0, 2, 2], vec![]).is_err());
        assert!(Image::new([usize::MAX, 2, 2], vec![0]).is_err());
    }
}

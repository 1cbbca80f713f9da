//! A random part of an image brought to one size, and the part that evaluation looks at.

use rand_chacha::ChaCha8Rng;

use super::{Image, Interpolation, Region};
use crate::random::{below, between, unit};

/// A random part of random area and aspect ratio, resized to the sample's size.
///
/// # Source
/// torchvision's `RandomResizedCrop`: up to ten tries, then the largest central part whose aspect ratio is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RandomResizedCrop {
    /// Least and greatest share of the area.
    pub scale: [f32; 2],
    /// Least and greatest width over height.
    pub ratio: [f32; 2],
    /// How the part is resized: `bilinear`, `bicubic` or `random`.
    pub interpolation: CropInterpolation,
}

/// How a part of an image is resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum CropInterpolation {
    /// Bilinear or bicubic, drawn for each image with equal odds, as timm does.
    #[default]
    Random,
    /// Bilinear.
    Bilinear,
    /// Bicubic.
    Bicubic,
}

impl Default for RandomResizedCrop {
    fn default() -> Self {
        Self {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            interpolation: CropInterpolation::Random,
        }
    }
}

/// One image's part and how it is resized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) region: Region,
    pub(crate) by: Interpolation,
}

impl RandomResizedCrop {
    /// A random part of `image` at `to` (rows, columns).
    pub fn apply(&self, rng: &mut ChaCha8Rng, image: &Image, to: (usize, usize)) -> Image {
        let Part { region, by } = self.draw(rng, image.size());
        image.resized_crop(region, to, by)
    }

    /// Draws a part of an image of `size` (rows, columns): area, logarithm of the aspect ratio and, when it fits, place.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, size: (usize, usize)) -> Part {
        let [low, high] = self.ratio.map(f32::ln);
        let mut region = None;
        for _ in 0..10 {
            let scale = between(rng, self.scale[0], self.scale[1]);
            let ratio = between(rng, low, high).exp();
            if let Some((height, width)) = part(size, scale, ratio) {
                let mut place = |n: usize| below(rng, n as u64 + 1) as usize;
                let (top, left) = (place(size.0 - height), place(size.1 - width));
                region = Some(Region { top, left, height, width });
                break;
            }
        }
        let by = match self.interpolation {
            CropInterpolation::Random if unit(rng) < 0.5 => Interpolation::Bilinear,
            CropInterpolation::Random => Interpolation::Bicubic,
            CropInterpolation::Bilinear => Interpolation::Bilinear,
            CropInterpolation::Bicubic => Interpolation::Bicubic,
        };
        Part { region: region.unwrap_or_else(|| middle(size, self.ratio)), by }
    }
}

/// Rows and columns of a part with the share `scale` of the area and the aspect ratio `ratio`, if it fits.
fn part((height, width): (usize, usize), scale: f32, ratio: f32) -> Option<(usize, usize)> {
    let area = (height * width) as f64 * f64::from(scale);
    let side = |square: f64| square.sqrt().round_ties_even() as usize;
    let (columns, rows) = (side(area * f64::from(ratio)), side(area / f64::from(ratio)));
    ((1..=width).contains(&columns) && (1..=height).contains(&rows)).then_some((rows, columns))
}

fn middle((height, width): (usize, usize), [low, high]: [f32; 2]) -> Region {
    let (low, high) = (f64::from(low), f64::from(high));
    let ratio = width as f64 / height as f64;
    let (mut rows, mut columns) = (height, width);
    if ratio < low {
        rows = (width as f64 / low).round_ties_even() as usize;
    } else if ratio > high {
        columns = (height as f64 * high).round_ties_even() as usize;
    }
    Region { top: (height - rows) / 2, left: (width - columns) / 2, height: rows, width: columns }
}

impl Image {
    /// The image at `size` (rows, columns) without chance: as it is when it has that size, else the
    /// [`central`](Image::central) square with that share, or for another shape all of it, resized.
    pub(crate) fn fitted(self, size: (usize, usize), share: f64, by: Interpolation) -> Self {
        match size {
            size if size == self.size() => self,
            (height, width) if height == width => self.central(height, share, by),
            size => self.resize(size, by),
        }
    }

    /// The central square of `side` pixels after the shorter side was resized to `side / share`.
    ///
    /// # Source
    /// torchvision's `Resize(int(side / share))` and `CenterCrop(side)`; a share of 0.875 takes 224 pixels out of 256.
    pub fn central(&self, side: usize, share: f64, by: Interpolation) -> Self {
        let (height, width) = self.size();
        let short = ((side as f64 / share) as usize).max(1);
        let long = |long: usize, least: usize| (short as f64 * long as f64 / least as f64) as usize;
        let to = if width <= height {
            (long(height, width), short)
        } else {
            (short, long(width, height))
        };
        let start = |n: usize| ((n as f64 - side as f64) / 2.0).round_ties_even() as isize;
        let (top, left) = (start(to.0), start(to.1));
        // A share above 1 keeps more than there is, and zeros around it.
        let kept = |start: isize, n: usize| (start.max(0) as usize, side.min(n));
        let ((row, rows), (column, columns)) = (kept(top, to.0), kept(left, to.1));
        let window = Region { top: row, left: column, height: rows, width: columns };
        let all = Region { top: 0, left: 0, height, width };
        let seen = self.resized_window(all, to, window, by);
        if (rows, columns) == (side, side) {
            return seen;
        }
        seen.crop((top.min(0), left.min(0)), (side, side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn parts_lie_inside_and_keep_to_their_ranges() {
        let crop = RandomResizedCrop::default();
        let (mut least, mut most) = (1.0f64, 0.0f64);
        for index in 0..2000 {
            let size = (60, 80);
            let Region { top, left, height, width } =
                crop.draw(&mut stream(1, "crop", 0, index), size).region;
            assert!(top + height <= size.0 && left + width <= size.1);
            let share = (height * width) as f64 / 4800.0;
            (least, most) = (least.min(share), most.max(share));
            let ratio = width as f64 / height as f64;
            assert!((0.7..1.43).contains(&ratio), "{width}x{height}");
        }
        assert!(least < 0.1 && most > 0.9, "{least} {most}");
    }

    #[test]
    fn central_part_is_that_of_the_whole() {
        let mut rng = stream(5, "central", 0, 0);
        for (height, width) in [(9, 14), (30, 7), (16, 16), (5, 40)] {
            let pixels = (0..3 * height * width).map(|_| below(&mut rng, 256) as u8).collect();
            let image = Image::new([3, height, width], pixels).unwrap();
            for by in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic] {
                for (side, share) in [(7, 0.875), (8, 1.0), (4, 0.5), (6, 1.5)] {
                    let short = (f64::from(side) / share) as usize;
                    let (tall, wide) = match width <= height {
                        true => (short * height / width, short),
                        false => (short, short * width / height),
                    };
                    let whole = image.resize((tall, wide), by);
                    let middle =
                        |n: usize| ((n as f64 - f64::from(side)) / 2.0).round_ties_even() as isize;
                    let side = side as usize;
                    let expected = whole.crop((middle(tall), middle(wide)), (side, side));
                    assert_eq!(image.central(side, share, by), expected, "{height} {side} {by:?}");
                }
            }
        }
    }

    #[test]
    fn line_of_pixels_stays_small() {
        // Resized whole it would have 256 x 8,388,352 pixels.
        let image = Image::new([3, 1, 32_767], vec![9; 3 * 32_767]).unwrap();
        let seen = image.fitted((224, 224), 0.875, Interpolation::Bilinear);
        assert_eq!(seen.size(), (224, 224));
        assert!(seen.pixels().iter().all(|&x| x == 9));
    }

    #[test]
    fn what_never_fits_takes_the_middle() {
        // A line of pixels: torchvision keeps as much as the aspect ratio allows.
        let region = middle((10, 100), [0.75, 4.0 / 3.0]);
        assert_eq!(region, Region { top: 0, left: 43, height: 10, width: 13 });
        let region = middle((100, 10), [0.75, 4.0 / 3.0]);
        assert_eq!(region, Region { top: 43, left: 0, height: 13, width: 10 });
        assert_eq!(part((10, 100), 1.0, 1.0), None);
        assert_eq!(part((100, 100), 0.25, 1.0), Some((50, 50)));
    }
}

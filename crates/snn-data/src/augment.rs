//! Random changes of a training sample: crop, mirror image, rotation, blanked square.

use rand_chacha::ChaCha8Rng;

use crate::random::{below, between, unit};

/// Which random changes a training sample undergoes; `Default` is none.
///
/// The parameters are drawn once a sample and applied alike to all time steps and channels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augment {
    /// Pixels of zeros on each side before a random crop to the old size; 0 is off.
    pub crop_padding: usize,
    /// Mirror left and right with probability 1/2.
    pub flip: bool,
    /// Rotate about the center by an angle uniform on +- this many degrees, nearest pixel, zeros
    /// from outside; 0 is off, 180 is the most.
    pub rotate_degrees: f32,
    /// Side in pixels of a square with a uniform center that is set to the mean (events: to 0); 0
    /// is off.
    pub cutout: usize,
}

/// One sample's drawn parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drawn {
    /// Rows and columns by which the picture moves up and left.
    shift: (isize, isize),
    flip: bool,
    /// Cosine and sine of the angle, when the sample is rotated.
    rotate: Option<(f64, f64)>,
    /// Center row and column, and side.
    cutout: Option<(isize, isize, isize)>,
}

impl Augment {
    /// Whether samples stay as they are.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Draws one sample's parameters.
    ///
    /// # Determinism
    /// A change that is off draws nothing, so it never moves the draws of another run's seed; the
    /// order is crop rows, crop columns, flip, angle, cutout row, cutout column.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, height: usize, width: usize) -> Drawn {
        let mut shift = (0, 0);
        if self.crop_padding > 0 {
            let padding = self.crop_padding as isize;
            let mut draw = || below(rng, 2 * self.crop_padding as u64 + 1) as isize - padding;
            shift = (draw(), draw());
        }
        let flip = self.flip && unit(rng) < 0.5;
        let rotate = (self.rotate_degrees > 0.0).then(|| {
            let degrees = between(rng, -self.rotate_degrees, self.rotate_degrees);
            let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
            (cos, sin)
        });
        let cutout = (self.cutout > 0).then(|| {
            let row = below(rng, height as u64) as isize;
            let column = below(rng, width as u64) as isize;
            (row, column, self.cutout as isize)
        });
        Drawn { shift, flip, rotate, cutout }
    }
}

impl Drawn {
    /// Crop, flip and rotation of `planes`, each `height * width`; zeros come in from outside.
    ///
    /// # Source
    /// torchvision's `RandomCrop(padding)`, `RandomHorizontalFlip` and `RandomRotation` (nearest,
    /// fill 0, positive angles counter-clockwise), in this order.
    pub(crate) fn warp(&self, planes: &mut [f32], height: usize, width: usize) {
        if height == 0 || width == 0 {
            return;
        }
        if self.shift != (0, 0) || self.flip {
            let source = |row: usize, column: usize| {
                let column = if self.flip { width - 1 - column } else { column };
                inside(row as isize + self.shift.0, column as isize + self.shift.1, height, width)
            };
            gather(planes, height, width, source);
        }
        if let Some((cos, sin)) = self.rotate {
            let (mid_row, mid_column) = ((height - 1) as f64 / 2.0, (width - 1) as f64 / 2.0);
            let source = |row: usize, column: usize| {
                let (y, x) = (row as f64 - mid_row, column as f64 - mid_column);
                let row = (sin * x + cos * y + mid_row).round_ties_even() as isize;
                let column = (cos * x - sin * y + mid_column).round_ties_even() as isize;
                inside(row, column, height, width)
            };
            gather(planes, height, width, source);
        }
    }

    /// Sets the blanked square to zero; images are normalized by now, so that zero is the mean.
    pub(crate) fn blank(&self, planes: &mut [f32], height: usize, width: usize) {
        let Some((row, column, side)) = self.cutout else { return };
        let span = |center: isize, n: usize| {
            let clip = |at: isize| at.clamp(0, n as isize) as usize;
            clip(center - side / 2)..clip(center - side / 2 + side)
        };
        let (rows, columns) = (span(row, height), span(column, width));
        for plane in planes.chunks_exact_mut((height * width).max(1)) {
            for line in plane.chunks_exact_mut(width).skip(rows.start).take(rows.len()) {
                if let Some(hole) = line.get_mut(columns.clone()) {
                    hole.fill(0.0);
                }
            }
        }
    }
}

/// The pixel's offset in its plane, when it lies inside.
fn inside(row: isize, column: isize, height: usize, width: usize) -> Option<usize> {
    let (row, column) = (usize::try_from(row).ok()?, usize::try_from(column).ok()?);
    (row < height && column < width).then_some(row * width + column)
}

/// Replaces every pixel by the one that `source` names; the map is made once for all planes.
fn gather(
    planes: &mut [f32],
    height: usize,
    width: usize,
    source: impl Fn(usize, usize) -> Option<usize>,
) {
    let map: Vec<usize> = (0..height)
        .flat_map(|row| (0..width).map(move |column| (row, column)))
        .map(|(row, column)| source(row, column).unwrap_or(usize::MAX))
        .collect();
    let mut old = vec![0.0; height * width];
    for plane in planes.chunks_exact_mut(height * width) {
        old.copy_from_slice(plane);
        for (pixel, &from) in plane.iter_mut().zip(&map) {
            *pixel = old.get(from).copied().unwrap_or(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    const NONE: Drawn = Drawn { shift: (0, 0), flip: false, rotate: None, cutout: None };

    fn warped(drawn: Drawn) -> Vec<f32> {
        let mut x: Vec<f32> = (1..=9u8).map(f32::from).collect();
        drawn.warp(&mut x, 3, 3);
        drawn.blank(&mut x, 3, 3);
        x
    }

    #[test]
    fn shift_brings_zeros_in() {
        let x = warped(Drawn { shift: (1, -1), ..NONE });
        assert_eq!(x, [0.0, 4.0, 5.0, 0.0, 7.0, 8.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn flip_follows_the_crop() {
        let x = warped(Drawn { shift: (0, 1), flip: true, ..NONE });
        assert_eq!(x, [0.0, 3.0, 2.0, 0.0, 6.0, 5.0, 0.0, 9.0, 8.0]);
    }

    #[test]
    fn quarter_turn_is_counter_clockwise() {
        let x = warped(Drawn { rotate: Some((0.0, 1.0)), ..NONE });
        assert_eq!(x, [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]);
    }

    #[test]
    fn cutout_is_clipped_at_the_border() {
        let x = warped(Drawn { cutout: Some((0, 2, 2)), ..NONE });
        assert_eq!(x, [1.0, 0.0, 0.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    }

    #[test]
    fn draws_cover_their_range() {
        let augment = Augment { crop_padding: 2, flip: true, rotate_degrees: 15.0, cutout: 3 };
        let mut shifts = std::collections::BTreeSet::new();
        for index in 0..500 {
            let drawn = augment.draw(&mut stream(1, "augment", 0, index), 8, 8);
            shifts.insert(drawn.shift);
            let (cos, _) = drawn.rotate.unwrap();
            assert!(cos >= 15f64.to_radians().cos());
        }
        assert_eq!(shifts.len(), 25);
    }
}

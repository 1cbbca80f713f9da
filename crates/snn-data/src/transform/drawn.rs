//! One training sample's drawn parameters, and applying them.

use rand_chacha::ChaCha8Rng;

use super::nda::{Moved, rolled};
use super::planes::{self, Turn, turned_by};
use super::{Erasure, GROUND, Image, Interpolation, Op, Part, color_jitter, random_erasing};
use crate::Augment;
use crate::random::{below, between, unit};

/// Parameters of every change that is on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawn {
    part: Option<Part>,
    /// Rows and columns by which the picture moves up and left.
    shift: (isize, isize),
    flip: bool,
    ops: Vec<Op>,
    is_learned: bool,
    turn: Option<Turn>,
    roll: Option<(isize, isize)>,
    moved: Option<Moved>,
    is_reversed: bool,
    is_swapped: bool,
    /// Rows and columns that are blanked.
    cutout: Option<([usize; 2], [usize; 2])>,
    erasure: Option<Erasure>,
    /// Which points of a cloud are left out.
    dropped: Vec<bool>,
}

impl Augment {
    /// Draws one sample's parameters; `stored` is the sample's size before and `size` after it is cropped.
    ///
    /// # Determinism
    /// A change that is off draws nothing, so it never moves the draws of another run's seed; the
    /// order is that of [`Augment`]'s fields.
    pub(crate) fn draw(
        &self,
        rng: &mut ChaCha8Rng,
        stored: (usize, usize),
        [channels, height, width]: [usize; 3],
    ) -> Drawn {
        let mut drawn = Drawn::default();
        if self.crop_padding > 0 {
            let padding = self.crop_padding as isize;
            let mut draw = || below(rng, 2 * self.crop_padding as u64 + 1) as isize - padding;
            drawn.shift = (draw(), draw());
        }
        drawn.part = self.random_resized_crop.map(|crop| crop.draw(rng, stored));
        drawn.flip = self.flip && unit(rng) < 0.5;
        if let Some(policy) = self.rand_augment {
            drawn.ops = policy.draw(rng, (height, width));
        }
        if let Some(policy) = self.auto_augment {
            (drawn.ops, drawn.is_learned) = (policy.draw(rng, (height, width)), true);
        }
        if self.color_jitter > 0.0 {
            drawn.ops = color_jitter(rng, self.color_jitter);
        }
        let most = self.rotate_degrees;
        drawn.turn = (most > 0.0).then(|| turned_by(between(rng, -most, most).into()));
        drawn.roll = (self.roll > 0).then(|| rolled(rng, self.roll));
        drawn.moved = self.nda.map(|nda| nda.draw(rng));
        drawn.is_reversed = self.time_reversal > 0.0 && unit(rng) < self.time_reversal;
        drawn.is_swapped = self.polarity_flip > 0.0 && unit(rng) < self.polarity_flip;
        drawn.cutout = (self.cutout > 0).then(|| {
            let mut span = |n: usize| {
                let start = below(rng, n as u64) as isize - self.cutout as isize / 2;
                [start, start + self.cutout as isize].map(|at| at.clamp(0, n as isize) as usize)
            };
            (span(height), span(width))
        });
        if self.random_erasing > 0.0 {
            drawn.erasure = random_erasing(rng, self.random_erasing, channels, (height, width));
        }
        if self.point_drop > 0.0 {
            let share = self.point_drop * unit(rng);
            drawn.dropped = (0..width).map(|_| unit(rng) < share).collect();
        }
        drawn
    }
}

impl Drawn {
    /// The changes of an image before it is normalized: a part at `size` (rows, columns), crop, flip, the policy,
    /// rotation.
    pub(crate) fn image(&self, mut image: Image, size: (usize, usize)) -> Image {
        if let Some(Part { region, by }) = self.part {
            image = image.resized_crop(region, size, by);
        }
        if self.shift != (0, 0) {
            image = image.crop(self.shift, size);
        }
        if self.flip {
            image.flip();
        }
        let (by, fill) = match self.is_learned {
            true => (Interpolation::Nearest, [0; 3]),
            false => (Interpolation::Bicubic, GROUND),
        };
        self.ops.iter().for_each(|op| op.apply(&mut image, by, &fill));
        if let Some(turn) = self.turn {
            planes::turn(image.pixels_mut(), size, turn);
        }
        image
    }

    /// The changes of event frames `[T, 2, H, W]`, alike for all frames.
    pub(crate) fn frames(&self, frames: &mut [f32], size: (usize, usize)) {
        let plane = size.0 * size.1;
        if self.shift != (0, 0) || self.flip {
            planes::crop(frames, size, self.shift, self.flip);
        }
        if let Some(turn) = self.turn {
            planes::turn(frames, size, turn);
        }
        if let Some(roll) = self.roll {
            planes::roll(frames, size, roll);
        }
        match self.moved {
            Some(Moved::Roll(roll)) => planes::roll(frames, size, roll),
            Some(Moved::Turn(turn)) => planes::turn(frames, size, turn),
            None => {}
        }
        if self.is_reversed {
            planes::reverse_time(frames, plane);
        }
        if self.is_swapped {
            planes::flip_polarity(frames, plane);
        }
    }

    /// The changes of a signal's window `[C, 1, L]`, alike for all channels.
    pub(crate) fn signal(&self, window: &mut [f32], length: usize) {
        if let Some(roll) = self.roll {
            planes::roll(window, (1, length), roll);
        }
        if self.is_swapped {
            window.iter_mut().for_each(|x| *x = -*x);
        }
    }

    /// The changes of a cloud: all x, then all y, then all z.
    pub(crate) fn cloud(&self, points: &mut [f32]) {
        let (xs, rest) = points.split_at_mut(points.len() / 3);
        if self.flip {
            xs.iter_mut().for_each(|x| *x = -*x);
        }
        if let Some([a, b, c, d]) = self.turn {
            for (x, y) in xs.iter_mut().zip(rest) {
                let (old_x, old_y) = (f64::from(*x), f64::from(*y));
                (*x, *y) = ((a * old_x + b * old_y) as f32, (c * old_x + d * old_y) as f32);
            }
        }
        for axis in points.chunks_exact_mut((points.len() / 3).max(1)) {
            let first = axis.first().copied().unwrap_or(0.0);
            let dropped = axis.iter_mut().zip(&self.dropped).filter(|(_, dropped)| **dropped);
            dropped.for_each(|(x, _)| *x = first);
        }
    }

    /// Blanks and erases; images are normalized by now, so that zero is the mean.
    pub(crate) fn blank(&self, values: &mut [f32], size: (usize, usize)) {
        if let Some((rows, columns)) = &self.cutout {
            planes::blank(values, size, rows, columns);
        }
        if let Some(erasure) = &self.erasure {
            erasure.apply(values, size.0, size.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;
    use crate::transform::{Nda, RandAugment};

    fn draws(augment: Augment) -> Vec<Drawn> {
        let draw = |i| augment.draw(&mut stream(1, "augment", 0, i), (8, 8), [3, 8, 8]);
        (0..1000).map(draw).collect()
    }

    #[test]
    fn draws_cover_their_range() {
        let augment = Augment {
            crop_padding: 2,
            flip: true,
            rotate_degrees: 15.0,
            roll: 1,
            cutout: 3,
            ..Augment::default()
        };
        let all = draws(augment);
        let distinct = |f: &dyn Fn(&Drawn) -> String| {
            all.iter().map(f).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(distinct(&|d| format!("{:?}", d.shift)), 25);
        assert_eq!(distinct(&|d| format!("{:?}", d.roll)), 9);
        assert_eq!(distinct(&|d| format!("{:?}", d.cutout)), 64);
        assert!(all.iter().all(|d| d.turn.unwrap()[0] >= 15f64.to_radians().cos()));
        let flipped = all.iter().filter(|d| d.flip).count();
        assert!((450..550).contains(&flipped), "{flipped}");
        let edge =
            all.iter().find_map(|d| d.cutout.filter(|(rows, _)| rows[0] == 0 && rows[1] < 3));
        assert!(edge.is_some(), "a square at the border is clipped");
    }

    #[test]
    fn change_that_is_off_moves_no_other_draw() {
        let few = Augment { crop_padding: 2, flip: true, ..Augment::default() };
        let more = Augment {
            rand_augment: Some(RandAugment::default()),
            nda: Some(Nda::default()),
            time_reversal: 0.5,
            random_erasing: 0.5,
            ..few
        };
        for (few, more) in draws(few).iter().zip(draws(more)) {
            assert_eq!((few.shift, few.flip), (more.shift, more.flip));
        }
        // Pinned: another order of draws would change what a seed means.
        let first = &draws(Augment { rotate_degrees: 15.0, cutout: 3, ..few })[0];
        assert_eq!(
            (first.shift, first.flip, first.cutout),
            ((2, -2), true, Some(([6, 8], [0, 2])))
        );
        assert!((first.turn.unwrap()[0] - 0.970_827_666).abs() < 1e-9);
    }
}

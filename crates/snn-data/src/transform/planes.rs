//! Moving the values of planes about: images in bytes, event frames in floats.

/// Where an input lies: input column = `a x + b y`, input row = `c x + d y`, with x to the right and y down of the center.
pub type Turn = [f64; 4];

/// Counter-clockwise by so many degrees.
pub fn turned_by(degrees: f64) -> Turn {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [cos, -sin, sin, cos]
}

/// Columns sheared by the tangent of so many degrees.
pub fn sheared_by(degrees: f64) -> Turn {
    [1.0, degrees.to_radians().tan(), 0.0, 1.0]
}

/// `planes`, each of `size` (rows, columns), turned about the center: nearest pixel, zeros from outside.
///
/// # Source
/// torchvision's `rotate` and `affine` of tensors with nearest interpolation.
pub fn turn<T: Copy + Default>(planes: &mut [T], size: (usize, usize), [a, b, c, d]: Turn) {
    let (mid_row, mid_column) = ((size.0 as f64 - 1.0) / 2.0, (size.1 as f64 - 1.0) / 2.0);
    gather(planes, size, |row, column| {
        let (y, x) = (row as f64 - mid_row, column as f64 - mid_column);
        let row = (c * x + d * y + mid_row).round_ties_even() as isize;
        let column = (a * x + b * y + mid_column).round_ties_even() as isize;
        inside(row, column, size)
    });
}

/// `planes` moved up by `shift.0` rows and left by `shift.1` columns, then mirrored; zeros from outside.
///
/// # Source
/// torchvision's `RandomCrop(padding)` and `RandomHorizontalFlip`.
pub fn crop<T: Copy + Default>(
    planes: &mut [T],
    size: (usize, usize),
    shift: (isize, isize),
    flip: bool,
) {
    gather(planes, size, |row, column| {
        let column = if flip { size.1 - 1 - column } else { column };
        inside(row as isize + shift.0, column as isize + shift.1, size)
    });
}

/// `planes` moved down and right, what leaves on one side entering on the other (`torch.roll`).
pub fn roll<T: Copy + Default>(
    planes: &mut [T],
    size: (usize, usize),
    (down, right): (isize, isize),
) {
    let back = |at: usize, by: isize, n: usize| (at as isize - by).rem_euclid(n as isize);
    gather(planes, size, |row, column| {
        inside(back(row, down, size.0), back(column, right, size.1), size)
    });
}

/// Sets `region` of every plane to zero.
pub(crate) fn blank(
    planes: &mut [f32],
    (height, width): (usize, usize),
    rows: &[usize; 2],
    columns: &[usize; 2],
) {
    for plane in planes.chunks_exact_mut((height * width).max(1)) {
        for line in plane.chunks_exact_mut(width).take(rows[1]).skip(rows[0]) {
            if let Some(hole) = line.get_mut(columns[0]..columns[1]) {
                hole.fill(0.0);
            }
        }
    }
}

/// Frames `[T, 2, H, W]` in reverse order, ON and OFF in each other's place.
///
/// # Source
/// tonic's `RandomTimeReversal` of frames. DIFFERS: it swaps the polarities because a change that is undone has the
/// opposite sign.
pub fn reverse_time(frames: &mut [f32], plane: usize) {
    // Both orders turned around: frame by frame and channel by channel.
    let n = frames.len() / plane.max(1);
    let mut old = frames.to_vec();
    let planes = old.chunks_exact_mut(plane.max(1)).rev().take(n);
    for (new, old) in frames.chunks_exact_mut(plane.max(1)).zip(planes) {
        new.copy_from_slice(old);
    }
}

/// ON and OFF of frames `[T, 2, H, W]` in each other's place.
pub fn flip_polarity(frames: &mut [f32], plane: usize) {
    for frame in frames.chunks_exact_mut((2 * plane).max(1)) {
        let (off, on) = frame.split_at_mut(plane);
        off.swap_with_slice(on);
    }
}

/// The pixel's offset in its plane, when it lies inside.
fn inside(row: isize, column: isize, (height, width): (usize, usize)) -> Option<usize> {
    let (row, column) = (usize::try_from(row).ok()?, usize::try_from(column).ok()?);
    (row < height && column < width).then_some(row * width + column)
}

/// Replaces every pixel by the one that `source` names; the map is made once for all planes.
fn gather<T: Copy + Default>(
    planes: &mut [T],
    (height, width): (usize, usize),
    source: impl Fn(usize, usize) -> Option<usize>,
) {
    if height == 0 || width == 0 {
        return;
    }
    let map: Vec<usize> = (0..height)
        .flat_map(|row| (0..width).map(move |column| (row, column)))
        .map(|(row, column)| source(row, column).unwrap_or(usize::MAX))
        .collect();
    let mut old = vec![T::default(); height * width];
    for plane in planes.chunks_exact_mut(height * width) {
        old.copy_from_slice(plane);
        for (pixel, &from) in plane.iter_mut().zip(&map) {
            *pixel = old.get(from).copied().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nine() -> Vec<f32> {
        (1..=9u8).map(f32::from).collect()
    }

    #[test]
    fn crop_brings_zeros_in_and_flip_follows() {
        let mut x = nine();
        crop(&mut x, (3, 3), (1, -1), false);
        assert_eq!(x, [0.0, 4.0, 5.0, 0.0, 7.0, 8.0, 0.0, 0.0, 0.0]);
        let mut x = nine();
        crop(&mut x, (3, 3), (0, 1), true);
        assert_eq!(x, [0.0, 3.0, 2.0, 0.0, 6.0, 5.0, 0.0, 9.0, 8.0]);
        crop::<f32>(&mut [], (0, 3), (0, 1), true);
    }

    #[test]
    fn quarter_turn_is_counter_clockwise() {
        let mut x = nine();
        turn(&mut x, (3, 3), [0.0, -1.0, 1.0, 0.0]);
        assert_eq!(x, [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]);
    }

    #[test]
    fn frames_and_channels_are_reversed() {
        // Two frames of two channels of one pixel.
        let mut x = vec![1.0, 2.0, 3.0, 4.0];
        flip_polarity(&mut x, 1);
        assert_eq!(x, [2.0, 1.0, 4.0, 3.0]);
        reverse_time(&mut x, 1);
        assert_eq!(x, [3.0, 4.0, 1.0, 2.0]);
    }
}

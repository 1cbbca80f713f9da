//! Planes brought to another size.

/// Pixels by which [`fit`] crops or pads instead of interpolating.
const CROP_OR_PAD: usize = 4;

/// Planes `[*, h, w]` at `to` (rows, columns).
///
/// Where neither side changes by more than 4 pixels the picture is cropped or padded with zeros about
/// its center, so that event counts stay whole numbers and 28 pixels become 32 unblurred; otherwise it is
/// [`resize_bilinear`] with `align_corners`, as in the TKS authors' pipeline.
pub fn fit(planes: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    if from == to {
        return planes.to_vec();
    }
    if from.0.abs_diff(to.0) <= CROP_OR_PAD && from.1.abs_diff(to.1) <= CROP_OR_PAD {
        return crop_or_pad(planes, from, to);
    }
    resize_bilinear(planes, from, to, true)
}

fn crop_or_pad(planes: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    // Along one axis: where the copied part begins in the old and the new picture, and its length.
    let span = |from: usize, to: usize| {
        (from.saturating_sub(to) / 2, to.saturating_sub(from) / 2, from.min(to))
    };
    let ((old_row, new_row, rows), (old_column, new_column, columns)) =
        (span(from.0, to.0), span(from.1, to.1));
    let n_planes = planes.len().checked_div(from.0 * from.1).unwrap_or(0);
    let mut out = vec![0.0; n_planes * to.0 * to.1];
    let old = planes.chunks_exact((from.0 * from.1).max(1));
    for (new, old) in out.chunks_exact_mut((to.0 * to.1).max(1)).zip(old) {
        let new_lines = new.chunks_exact_mut(to.1).skip(new_row).take(rows);
        for (new, old) in new_lines.zip(old.chunks_exact(from.1).skip(old_row)) {
            let new = new.iter_mut().skip(new_column).take(columns);
            for (new, &old) in new.zip(old.iter().skip(old_column)) {
                *new = old;
            }
        }
    }
    out
}

/// Planes `[*, h, w]` interpolated at `to` (rows, columns).
///
/// # Equation
/// with `align_corners`: output i reads input i * (in - 1) / (out - 1);
/// without: output i reads input (i + 1/2) * in / out - 1/2, at least 0
///
/// # Source
/// PyTorch's `interpolate(mode = "bilinear")` of `f32` without antialiasing, bit for bit where PyTorch runs without fused
/// multiplication (`ATEN_CPU_CAPABILITY=default`), else to the last bit or two.
pub fn resize_bilinear(
    planes: &[f32],
    from: (usize, usize),
    to: (usize, usize),
    align_corners: bool,
) -> Vec<f32> {
    let n_planes = planes.len().checked_div(from.0 * from.1).unwrap_or(0);
    let (rows, columns) = (taps(from.0, to.0, align_corners), taps(from.1, to.1, align_corners));
    let mut out = Vec::with_capacity(n_planes * to.0 * to.1);
    for plane in planes.chunks_exact((from.0 * from.1).max(1)) {
        for &(top, bottom, down) in &rows {
            let line = |row: usize| plane.get(row * from.1..(row + 1) * from.1).unwrap_or(&[]);
            let (top, bottom) = (line(top), line(bottom));
            let at = |line: &[f32], column: usize| line.get(column).copied().unwrap_or(0.0);
            out.extend(columns.iter().map(|&(left, right, across)| {
                let (up, aside) = (1.0 - down, 1.0 - across);
                up * aside * at(top, left)
                    + up * across * at(top, right)
                    + down * aside * at(bottom, left)
                    + down * across * at(bottom, right)
            }));
        }
    }
    out
}

/// For every output position the two inputs it lies between and the second one's weight, in PyTorch's single precision.
fn taps(from: usize, to: usize, align_corners: bool) -> Vec<(usize, usize, f32)> {
    let last = from.saturating_sub(1);
    let scale = match (align_corners, to) {
        (true, 1) => 0.0,
        (true, _) => last as f32 / to.saturating_sub(1) as f32,
        (false, _) => from as f32 / to as f32,
    };
    (0..to)
        .map(|i| {
            let at = match align_corners {
                _ if from == to => i as f32,
                true => scale * i as f32,
                false => (scale * (i as f32 + 0.5) - 0.5).max(0.0),
            };
            let low = (at as usize).min(last);
            (low, (low + 1).min(last), (at - low as f32).min(1.0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_kept_when_aligned() {
        let x = [0.0, 1.0, 2.0, 3.0];
        let y = resize_bilinear(&x, (2, 2), (3, 3), true);
        assert_eq!(y, [0.0, 0.5, 1.0, 1.0, 1.5, 2.0, 2.0, 2.5, 3.0]);
    }

    #[test]
    fn half_pixel_rule_equals_pytorch() {
        let y = resize_bilinear(&[0.0, 1.0, 2.0, 3.0], (1, 4), (1, 2), false);
        assert_eq!(y, [0.5, 2.5]);
        let y = resize_bilinear(&[0.0, 1.0], (1, 2), (1, 4), false);
        assert_eq!(y, [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn small_differences_crop_or_pad() {
        let x: Vec<f32> = (1..=4u8).map(f32::from).collect();
        assert_eq!(fit(&x, (2, 2), (2, 4)), [0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0]);
        let x: Vec<f32> = (0..16u8).map(f32::from).collect();
        assert_eq!(fit(&x, (4, 4), (2, 2)), [5.0, 6.0, 9.0, 10.0]);
        assert_eq!(fit(&[], (0, 0), (2, 2)), [0f32; 0]);
    }
}

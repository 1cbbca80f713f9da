//! Pooling: its equation, and which pixel of a window gets which gradient.

use snn_ops::{Pool2d, avg_pool2d, global_avg_pool, global_max_pool, max_pool2d};

use crate::check::{agrees, gradients, ones, tensor};

/// Every window of a `[2, 5, 7, 3]` tensor with its pixels, in the order of the outputs.
fn windows(x: &[f64], pool: Pool2d, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let [h, w, c] = [5, 7, 3];
    let ([kh, kw], [sh, sw], [ph, pw]) = (pool.kernel, pool.stride, pool.padding);
    let (rows, cols) = ((h + 2 * ph - kh) / sh + 1, (w + 2 * pw - kw) / sw + 1);
    let mut y = Vec::new();
    for at in 0..2 * rows * cols * c {
        let (n, i, j, c_at) = (at / c / cols / rows, at / c / cols % rows, at / c % cols, at % c);
        let mut pixels = Vec::new();
        for (a, b) in (0..kh).flat_map(|a| (0..kw).map(move |b| (a, b))) {
            let (row, col) = ((i * sh + a).wrapping_sub(ph), (j * sw + b).wrapping_sub(pw));
            if row < h && col < w {
                pixels.push(x[((n * h + row) * w + col) * c + c_at]);
            }
        }
        y.push(f(&pixels));
    }
    y
}

#[test]
fn windows_of_every_shape_agree_with_their_equation() {
    let shape: &[&[usize]] = &[&[2, 5, 7, 3]];
    let pools = [
        Pool2d::square(3, 2, 1),
        Pool2d { kernel: [1, 4], stride: [1, 4], padding: [0, 2] },
        Pool2d { kernel: [4, 2], stride: [1, 3], padding: [1, 0] },
    ];
    for pool in pools {
        let area = (pool.kernel[0] * pool.kernel[1]) as f64;
        let mean = |pixels: &[f64]| pixels.iter().sum::<f64>() / area;
        let most = |pixels: &[f64]| pixels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        agrees(shape, |t, v| avg_pool2d(t, &v[0], pool), |x| windows(&x[0], pool, mean));
        agrees(shape, |t, v| max_pool2d(t, &v[0], pool), |x| windows(&x[0], pool, most));
    }
    let all = Pool2d { kernel: [5, 7], stride: [1, 1], padding: [0, 0] };
    let mean = |pixels: &[f64]| pixels.iter().sum::<f64>() / 35.0;
    let most = |pixels: &[f64]| pixels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    agrees(shape, |t, v| global_avg_pool(t, &v[0]), |x| windows(&x[0], all, mean));
    agrees(shape, |t, v| global_max_pool(t, &v[0]), |x| windows(&x[0], all, most));
}

#[test]
fn the_first_of_equal_maxima_takes_the_gradient_and_overlaps_add_up() {
    // 3 x 3 spikes, all ones: every window is a tie.
    let x = ones(&[1, 3, 3, 1]);
    let pool = Pool2d::square(2, 1, 0);
    let got = gradients(&[("x", x)], |t, v| max_pool2d(t, &v[0], pool), ones);
    assert_eq!(got[0].1, [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    // Padding is never the maximum, not even of negative entries.
    let padded = Pool2d::square(3, 2, 1);
    let x = tensor(&[-4.0, -3.0, -2.0, -1.0], &[1, 2, 2, 1]);
    let got = gradients(&[("x", x)], |t, v| max_pool2d(t, &v[0], padded), ones);
    assert_eq!(got[0].1, [0.0, 0.0, 0.0, 1.0]);
    let x = tensor(&[0.0, 1.0, 1.0, 1.0], &[1, 2, 2, 1]);
    let got = gradients(&[("x", x)], |t, v| global_max_pool(t, &v[0]), ones);
    assert_eq!(got[0].1, [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn rows_that_no_average_window_reaches_get_no_gradient() {
    let got = gradients(
        &[("x", ones(&[1, 5, 3, 1]))],
        |t, v| avg_pool2d(t, &v[0], Pool2d::tiled(2)),
        ones,
    );
    let expected: Vec<f32> =
        (0..15).map(|i| if i / 3 < 4 && i % 3 < 2 { 0.25 } else { 0.0 }).collect();
    assert_eq!(got[0].1, expected);
}

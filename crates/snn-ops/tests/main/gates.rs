//! Gates, channel convolution, products of matrices and dropout against their equations.

use snn_ops::{
    Result, Tape, Value, buffer, conv_channels, dropout, matmul, multiply, random, scale,
    scale_steps, sigmoid,
};

use crate::check::{agrees, flat, gradients, ones, tensor};

#[test]
fn sigmoids_and_products_agree_with_their_equations() {
    agrees(
        &[&[3, 7]],
        |tape, v| sigmoid(tape, &v[0]),
        |x| x[0].iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
    );
    let product = |tape: &mut Tape, v: &[Value]| multiply(tape, &v[0], &v[1]);
    agrees(&[&[2, 5], &[2, 5]], product, |x| x[0].iter().zip(&x[1]).map(|(x, y)| x * y).collect());
    // Four samples of 2 x 3 pixels with 3 channels.
    let gained = |x: &[Vec<f64>]| {
        x[0].iter().enumerate().map(|(i, v)| v * x[1][i / 18 * 3 + i % 3]).collect()
    };
    agrees(&[&[2, 2, 2, 3, 3], &[2, 2, 3]], product, gained);
    agrees(&[&[2, 2, 2, 3, 3], &[2, 2, 1, 1, 3]], product, gained);
    // A map by itself.
    let square = |tape: &mut Tape, v: &[Value]| multiply(tape, &v[0], &v[0]);
    agrees(&[&[4]], square, |x| x[0].iter().map(|v| v * v).collect());
}

#[test]
fn maps_and_steps_times_numbers_agree_with_their_equations() {
    let whole = |x: &[Vec<f64>]| x[0].iter().map(|v| v * x[1][0]).collect();
    agrees(&[&[3, 2, 5], &[1]], |tape, v| scale(tape, &v[0], &v[1]), whole);
    let steps = |tape: &mut Tape, v: &[Value]| scale_steps(tape, &v[0], &v[1]);
    agrees(&[&[3, 2, 5], &[3]], steps, |x| {
        x[0].iter().enumerate().map(|(i, v)| v * x[1][i / 10]).collect()
    });
    // A map that every step sees.
    agrees(&[&[1, 2, 5], &[3]], steps, |x| (0..30).map(|i| x[0][i % 10] * x[1][i / 10]).collect());
    // Longer than a task.
    let x = Value::constant(ones(&[2, 9_000]));
    let w = [("w", tensor(&[2.0, 3.0], &[2]))];
    let got = gradients(&w, |tape, v| scale_steps(tape, &x, &v[0]), ones);
    assert_eq!(got[0].1, [9e3, 9e3]);
}

#[test]
fn spikes_are_multiplied_as_numbers() {
    let x = Value::constant(buffer::tensor(vec![0u8, 1, 2], vec![1, 1, 3]).unwrap());
    let gain = Value::constant(tensor(&[0.5, 0.25, 3.0], &[3]));
    let y = multiply(&mut Tape::off(), &x, &gain).unwrap();
    assert_eq!(flat(y.tensor()), [0.0, 0.25, 6.0]);
    let got = gradients(&[("g", tensor(&[1.0; 3], &[3]))], |t, v| multiply(t, &x, &v[0]), ones);
    assert_eq!(got[0].1, [0.0, 1.0, 2.0]);
}

#[test]
fn channel_convolutions_of_every_reach_agree_with_their_equation() {
    // Kernels shorter and longer than the channels.
    for (channels, k) in [(5, 3), (6, 5), (3, 1), (2, 7), (1, 3)] {
        agrees(
            &[&[2, channels], &[k]],
            |tape, v| conv_channels(tape, &v[0], &v[1]),
            |x| {
                let at = |n: usize, c: usize, j: usize| {
                    let from = (c + j).wrapping_sub(k / 2);
                    if from < channels { x[0][n * channels + from] } else { 0.0 }
                };
                let entry =
                    |i: usize| (0..k).map(|j| x[1][j] * at(i / channels, i % channels, j)).sum();
                (0..2 * channels).map(entry).collect()
            },
        );
    }
}

#[test]
fn products_of_matrices_agree_with_their_equation() {
    // Three samples of 5 points with 3 coordinates, and their 3 x 4 transforms.
    agrees(
        &[&[3, 1, 5, 3], &[3, 1, 3, 4]],
        |tape, v| matmul(tape, &v[0], &v[1]),
        |x| {
            let entry = |i: usize| {
                let (sample, point, column) = (i / 20, i / 4, i % 4);
                (0..3).map(|k| x[0][point * 3 + k] * x[1][sample * 12 + k * 4 + column]).sum()
            };
            (0..60).map(entry).collect()
        },
    );
}

#[test]
fn dropout_scales_what_it_keeps_and_repeats_its_mask() {
    let x = ones(&[100, 100]);
    let operator = |tape: &mut Tape, v: &[Value]| {
        dropout(tape, &v[0], 0.25, Some(&mut random::stream(1, "dropout", 0, 0)))
    };
    let y = flat(operator(&mut Tape::off(), &[Value::constant(x.clone())]).unwrap().tensor());
    assert!(y.iter().all(|&v| v == 0.0 || v == 1.0 / 0.75));
    let mean = y.iter().sum::<f32>() / 1e4;
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
    // The gradient goes where the value went.
    assert_eq!(gradients(&[("x", x.clone())], operator, ones)[0].1, y);
    let x = Value::constant(x);
    let off = dropout(&mut Tape::new(), &x, 0.25, None).unwrap();
    assert_eq!(flat(off.tensor()), vec![1.0; 10_000]);
    let mut all = random::stream(1, "dropout", 0, 0);
    let whole = dropout(&mut Tape::new(), &x, 0.0, Some(&mut all)).unwrap();
    assert_eq!(flat(whole.tensor()), vec![1.0; 10_000]);
}

#[test]
fn misfits_are_named() {
    let x = |shape: &[usize]| Value::constant(ones(shape));
    let says = |r: Result<Value>, what: &str| {
        let error = r.unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    };
    let mut tape = Tape::off();
    says(multiply(&mut tape, &x(&[2, 2, 2, 3]), &x(&[3])), "multiply gain: ");
    says(multiply(&mut tape, &x(&[2, 2, 2, 3]), &x(&[2, 2])), "multiply gain: ");
    says(conv_channels(&mut tape, &x(&[2, 3]), &x(&[4])), "conv_channels weight: ");
    says(conv_channels(&mut tape, &x(&[2, 3]), &x(&[1, 3])), "conv_channels weight: ");
    says(matmul(&mut tape, &x(&[2, 3]), &x(&[2, 3])), "matmul: expected shape [3, 3]");
    says(matmul(&mut tape, &x(&[4, 2, 3]), &x(&[3, 3])), "matmul: expected shape [4, 3, 3]");
    says(matmul(&mut tape, &x(&[3]), &x(&[3])), "matmul: expected shape [.., P, K]");
    says(dropout(&mut tape, &x(&[3]), 1.0, None), "rate: is 1");
    says(scale(&mut tape, &x(&[3]), &x(&[3])), "scale factor: expected shape [1]");
    says(scale_steps(&mut tape, &x(&[2, 3]), &x(&[3])), "scale_steps: expected shape [3 or 1, ..]");
    says(scale_steps(&mut tape, &x(&[2, 3]), &x(&[2, 1])), "scale_steps weight: ");
}

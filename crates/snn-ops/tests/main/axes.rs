//! Operators along axes and steps against their equations.

use candle_core::DType;
use snn_ops::{
    Result, Tape, Value, buffer, concat, mean, mix_steps, narrow, permute_steps, repeat_step,
    reverse_steps, spike_bits, spike_counts, spike_zeros,
};

use crate::check::{agrees, flat, ones};

fn u8s(values: &[u8], shape: &[usize]) -> Value {
    Value::constant(buffer::tensor(values.to_vec(), shape).unwrap())
}

#[test]
fn maps_join_along_samples_and_channels() {
    // [T, N, C] with T = 2.
    agrees(
        &[&[2, 1, 3], &[2, 2, 3]],
        |tape, v| concat(tape, &[&v[0], &v[1]], 1),
        |x| [&x[0][..3], &x[1][..6], &x[0][3..], &x[1][6..]].concat(),
    );
    agrees(
        &[&[2, 2], &[2, 1], &[2, 3]],
        |tape, v| concat(tape, &[&v[0], &v[1], &v[2]], 1),
        |x| [&x[0][..2], &x[1][..1], &x[2][..3], &x[0][2..], &x[1][1..], &x[2][3..]].concat(),
    );
    // A value that is joined with itself gets both gradients.
    agrees(
        &[&[3, 2]],
        |tape, v| concat(tape, &[&v[0], &v[0]], 0),
        |x| [&x[0][..], &x[0][..]].concat(),
    );
}

#[test]
fn an_axis_is_cut() {
    let at = |x: &[f64], indices: &[usize]| indices.iter().map(|&i| x[i]).collect::<Vec<f64>>();
    agrees(&[&[3, 4]], |tape, v| narrow(tape, &v[0], 1, 1, 2), |x| at(&x[0], &[1, 2, 5, 6, 9, 10]));
    agrees(&[&[2, 3, 2]], |tape, v| narrow(tape, &v[0], 1, 2, 1), |x| at(&x[0], &[4, 5, 10, 11]));
}

#[test]
fn spikes_that_are_moved_stay_spikes() {
    let (a, b) = (u8s(&[1, 0, 1, 1], &[2, 2]), u8s(&[0, 1], &[2, 1]));
    let mut tape = Tape::off();
    let joined = concat(&mut tape, &[&a, &b], 1).unwrap();
    let moved = [
        (narrow(&mut tape, &joined, 1, 1, 2).unwrap(), vec![0.0, 0.0, 1.0, 1.0]),
        (reverse_steps(&mut tape, &a).unwrap(), vec![1.0, 1.0, 1.0, 0.0]),
        (repeat_step(&mut tape, &u8s(&[1, 0], &[1, 2]), 2).unwrap(), vec![1.0, 0.0, 1.0, 0.0]),
        (joined, vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
    ];
    for (value, want) in moved {
        assert_eq!(value.tensor().dtype(), DType::U8);
        assert_eq!(flat(value.tensor()), want);
    }
    let mixed = concat(&mut tape, &[&a, &Value::constant(ones(&[2, 1]))], 1).unwrap();
    assert_eq!(mixed.tensor().dtype(), DType::F32);
    assert_eq!(flat(mixed.tensor()), [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn means_over_any_axes() {
    for axes in [&[0][..], &[1], &[3], &[1, 2], &[0, 2], &[0, 1, 3], &[0, 1, 2, 3], &[]] {
        let shape = [2usize, 3, 4, 2];
        let equation = |x: &[Vec<f64>]| {
            let kept: Vec<usize> = (0..4).filter(|axis| !axes.contains(axis)).collect();
            let len: usize = kept.iter().map(|&axis| shape[axis]).product();
            let mut y = vec![0.0; len];
            for (i, v) in x[0].iter().enumerate() {
                let index = [i / 24, i / 8 % 3, i / 2 % 4, i % 2];
                let at = kept.iter().fold(0, |at, &axis| at * shape[axis] + index[axis]);
                y[at] += v * len as f64 / 48.0;
            }
            y
        };
        agrees(&[&shape], |tape, v| mean(tape, &v[0], axes), equation);
    }
}

#[test]
fn steps_are_mixed_reversed_and_repeated() {
    // 5 x 3 weights on 3 steps of 4 numbers.
    let mixed = |x: &[f64], w: &[f64]| -> Vec<f64> {
        let entry = |i: usize| (0..3).map(|t| w[i / 4 * 3 + t] * x[t * 4 + i % 4]).sum();
        (0..20).map(entry).collect()
    };
    let operator = |tape: &mut Tape, v: &[Value]| mix_steps(tape, &v[0], &v[1]);
    agrees(&[&[3, 2, 2], &[5, 3]], operator, |x| mixed(&x[0], &x[1]));
    agrees(
        &[&[3, 2]],
        |tape, v| reverse_steps(tape, &v[0]),
        |x| [&x[0][4..], &x[0][2..4], &x[0][..2]].concat(),
    );
    agrees(
        &[&[3, 2]],
        |tape, v| permute_steps(tape, &v[0], &[1, 2, 0]),
        |x| [&x[0][2..], &x[0][..2]].concat(),
    );
    let (mut off, x) = (Tape::off(), u8s(&[1, 0, 2, 3, 4, 5], &[3, 2]));
    let once = reverse_steps(&mut off, &x).unwrap();
    assert_eq!(flat(reverse_steps(&mut off, &once).unwrap().tensor()), flat(x.tensor()));
    agrees(&[&[1, 5]], |tape, v| repeat_step(tape, &v[0], 3), |x| x[0].repeat(3));
}

#[test]
fn steps_of_spikes_are_mixed_as_numbers() {
    let (x, w) = (u8s(&[1, 0, 2, 3], &[2, 2]), Value::constant(ones(&[1, 2])));
    assert_eq!(flat(mix_steps(&mut Tape::off(), &x, &w).unwrap().tensor()), [3.0, 3.0]);
}

#[test]
fn spikes_are_counted_by_step() {
    let x = buffer::tensor((0..3 * 70_000).map(|i| (i / 70_000) as u8).collect(), (3, 700, 100));
    assert_eq!(spike_counts(&x.unwrap()).unwrap(), [0, 70_000, 140_000]);
    assert!(spike_counts(&ones(&[2, 2])).unwrap_err().to_string().contains("u8"));
    let counts = buffer::tensor(vec![0u8, 3, 7, 1, 0, 0], (2, 3)).unwrap();
    assert_eq!(spike_bits(&counts).unwrap(), [5, 1]);
    assert_eq!(spike_zeros(&counts).unwrap(), [1, 2]);
}

#[test]
fn misfits_are_named() {
    let x = |shape: &[usize]| Value::constant(ones(shape));
    let says = |r: Result<Value>, what: &str| {
        let error = r.unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    };
    let mut tape = Tape::off();
    says(concat(&mut tape, &[], 0), "concat output: ");
    says(concat(&mut tape, &[&x(&[2, 3]), &x(&[3, 3])], 1), "concat: expected shape [2, 3] but");
    says(concat(&mut tape, &[&x(&[2]), &x(&[2, 3])], 1), "concat: expected shape more than 1");
    says(narrow(&mut tape, &x(&[2, 3]), 1, 2, 2), "narrow: expected shape at least 2 + 2");
    says(narrow(&mut tape, &x(&[2, 3]), 1, 2, 0), "narrow: ");
    says(narrow(&mut tape, &x(&[2, 3]), 2, 0, 1), "narrow: ");
    says(mean(&mut tape, &x(&[2, 3]), &[1, 0]), "axes: ");
    says(mean(&mut tape, &x(&[2, 3]), &[2]), "mean: ");
    says(mix_steps(&mut tape, &x(&[2, 3]), &x(&[2, 3])), "mix_steps weight: expected shape [S, 2]");
    says(permute_steps(&mut tape, &x(&[2, 3]), &[0, 0]), "order: is [0, 0]; use each of 0 to 1");
    says(permute_steps(&mut tape, &x(&[2, 3]), &[0, 1, 2]), "order: ");
    says(repeat_step(&mut tape, &x(&[2, 3]), 2), "repeat_step: expected shape [1, ..]");
    says(repeat_step(&mut tape, &x(&[1, 3]), 0), "t_steps: ");
}

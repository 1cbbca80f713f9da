//! The penalty of matrices that do not keep lengths.

use snn_ops::{Tape, Value, orthogonality};

use crate::check::{agrees, flat, gradients, tensor};

#[test]
fn matrices_are_penalized_by_their_distance_from_orthogonal_ones() {
    let k = 3;
    let equation = |x: &[f64]| -> f64 {
        let norm = |a: &[f64]| {
            let entry = |i: usize, j: usize| {
                let dot: f64 = (0..k).map(|c| a[i * k + c] * a[j * k + c]).sum();
                (if i == j { 1.0 } else { 0.0 }) - dot
            };
            let all = (0..k * k).map(|at| entry(at / k, at % k).powi(2));
            all.sum::<f64>().sqrt()
        };
        0.5 * x.chunks(k * k).map(norm).sum::<f64>() / 4.0
    };
    agrees(&[&[2, 2, k, k]], |tape, v| orthogonality(tape, &v[0], 0.5), |x| vec![equation(&x[0])]);
}

#[test]
fn orthogonal_matrices_have_no_penalty_and_no_gradient() {
    let turn = tensor(&[0.0, -1.0, 1.0, 0.0], &[1, 2, 2]);
    let found = gradients(
        &[("a", turn)],
        |tape, v| {
            let y = orthogonality(tape, &v[0], 0.001)?;
            assert_eq!(flat(y.tensor()), [0.0]);
            Ok(y)
        },
        |shape| tensor(&[1.0], shape),
    );
    assert_eq!(found[0].1, [0.0; 4]);
    let oblong = Value::constant(tensor(&[1.0, 2.0], &[1, 2]));
    let message = orthogonality(&mut Tape::off(), &oblong, 1.0).unwrap_err().to_string();
    assert!(message.starts_with("orthogonality: expected shape [.., K, K]"), "{message}");
}

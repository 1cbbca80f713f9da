//! Gradients of an operator, and finite differences of its equation in f64.

use snn_ops::{Result, Tape, Value, buffer, random};

pub(crate) fn tensor(values: &[f32], shape: &[usize]) -> candle_core::Tensor {
    buffer::tensor(values.to_vec(), shape).unwrap()
}

pub(crate) fn flat(t: &candle_core::Tensor) -> Vec<f32> {
    buffer::to_f32(t).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Gradients by name of `sum(f(leaves) * weights)` with the given seed.
pub(crate) fn gradients(
    leaves: &[(&str, candle_core::Tensor)],
    f: impl Fn(&mut Tape, &[Value]) -> Result<Value>,
    seed: impl Fn(&[usize]) -> candle_core::Tensor,
) -> Vec<(String, Vec<f32>)> {
    let mut tape = Tape::new();
    let values: Vec<Value> = leaves.iter().map(|(n, t)| tape.leaf(*n, t.clone())).collect();
    let y = f(&mut tape, &values).unwrap();
    let mut found = Vec::new();
    let seed = seed(y.dims());
    tape.backward([(&y, seed)], &mut |name, g| {
        found.push((name.to_string(), flat(&g)));
        Ok(())
    })
    .unwrap();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

pub(crate) fn ones(shape: &[usize]) -> candle_core::Tensor {
    tensor(&vec![1.0; shape.iter().product()], shape)
}

/// Finite differences in f64 of `loss` at `x`, by central steps.
pub(crate) fn differences(x: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const H: f64 = 1e-5;
    (0..x.len())
        .map(|i| {
            let shifted = |h: f64| {
                let mut x = x.to_vec();
                x[i] += h;
                loss(&x)
            };
            (shifted(H) - shifted(-H)) / (2.0 * H)
        })
        .collect()
}

pub(crate) fn assert_close(got: &[f32], want: &[f64]) {
    let largest = want.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (g, w) in got.iter().zip(want) {
        assert!((f64::from(*g) - w).abs() <= 1e-4 * largest, "{got:?} against {want:?}");
    }
}

/// Checks an operator on random numbers of the given shapes against its equation in f64: values, and every gradient
/// against finite differences.
pub(crate) fn agrees(
    shapes: &[&[usize]],
    operator: impl Fn(&mut Tape, &[Value]) -> Result<Value>,
    equation: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) {
    let draw = |n: usize, index: u64| {
        random::normal(&mut random::stream(31, "agrees", n as u64, index), n, 0.3, 1.0)
    };
    let wide = |x: Vec<f32>| x.into_iter().map(f64::from).collect::<Vec<f64>>();
    let inputs: Vec<Vec<f32>> =
        (0..).zip(shapes).map(|(i, shape)| draw(shape.iter().product(), i)).collect();
    let names = ["0", "1", "2"];
    let leaves: Vec<_> =
        (0..shapes.len()).map(|i| (names[i], tensor(&inputs[i], shapes[i]))).collect();
    let constants: Vec<Value> = leaves.iter().map(|(_, t)| Value::constant(t.clone())).collect();
    let y = flat(operator(&mut Tape::off(), &constants).unwrap().tensor());
    let exact = flat(operator(&mut Tape::exact(), &constants).unwrap().tensor());
    let inputs: Vec<Vec<f64>> = inputs.into_iter().map(wide).collect();
    let want = equation(&inputs);
    assert_eq!((y.len(), exact.len()), (want.len(), want.len()));
    assert_close(&y, &want);
    assert_close(&exact, &want);

    let seed = draw(y.len(), 99);
    let got = gradients(&leaves, operator, |shape| tensor(&seed, shape));
    let seed = wide(seed);
    assert_eq!(got.len(), shapes.len());
    for (i, (_, got)) in got.iter().enumerate() {
        let loss = |x: &[f64]| -> f64 {
            let mut inputs = inputs.clone();
            inputs[i] = x.to_vec();
            equation(&inputs).iter().zip(&seed).map(|(y, s)| y * s).sum()
        };
        assert_eq!(got.len(), inputs[i].len());
        assert_close(got, &differences(&inputs[i], loss));
    }
}

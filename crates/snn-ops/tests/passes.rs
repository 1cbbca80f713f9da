//! Several passes and several outputs on one tape.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use candle_core::Tensor;
use snn_ops::{Result, Tape, Value, buffer, linear};

const WEIGHT: [f32; 4] = [0.5, -1.5, 2.0, 0.25];
const INPUTS: [[f32; 2]; 2] = [[1.0, -2.0], [3.0, 0.5]];
const SEEDS: [[f32; 2]; 2] = [[1.0, 0.5], [-2.0, 4.0]];

fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
    buffer::tensor(values.to_vec(), shape).unwrap()
}

/// Two linear layers of the same weight, in one stage.
fn pass(tape: &mut Tape, input: [f32; 2]) -> Value {
    let x = Value::constant(tensor(&input, &[1, 2]));
    let layers = |tape: &mut Tape, x: &Value| -> Result<(Value, ())> {
        let bias = Value::constant(tensor(&[0.0, 0.0], &[2]));
        let once = tape.leaf("w", tensor(&WEIGHT, &[2, 2]));
        let again = tape.leaf("w", tensor(&WEIGHT, &[2, 2]));
        let y = linear(tape, x, &once, &bias)?;
        Ok((linear(tape, &y, &again, &bias)?, ()))
    };
    tape.stage(&x, layers).unwrap().0
}

fn backward(tape: Tape, outputs: &[(&Value, [f32; 2])]) -> BTreeMap<String, Vec<f32>> {
    let mut found = BTreeMap::new();
    let seeds = outputs.iter().map(|(y, seed)| (*y, tensor(seed, &[1, 2])));
    tape.backward(seeds, &mut |name, g| {
        let values = g.flatten_all()?.to_vec1()?;
        assert!(found.insert(name.to_string(), values).is_none(), "{name} was announced twice");
        Ok(())
    })
    .unwrap();
    found
}

/// `sum over passes of seed . W W x` in f64.
fn scalar(weight: [f64; 4]) -> f64 {
    let product =
        |x: [f64; 2]| [weight[0] * x[0] + weight[1] * x[1], weight[2] * x[0] + weight[3] * x[1]];
    let passes = INPUTS.iter().zip(SEEDS);
    passes
        .map(|(x, seed)| {
            let y = product(product(x.map(f64::from)));
            y[0] * f64::from(seed[0]) + y[1] * f64::from(seed[1])
        })
        .sum()
}

#[test]
fn two_passes_on_one_tape_have_the_sum_of_two_tapes_gradients() {
    for new in [Tape::new as fn() -> Tape, Tape::recomputing] {
        let mut both = new();
        let outputs = INPUTS.map(|input| pass(&mut both, input));
        let joint = backward(both, &[(&outputs[0], SEEDS[0]), (&outputs[1], SEEDS[1])]);
        let mut sum = vec![0.0; 4];
        for (input, seed) in INPUTS.into_iter().zip(SEEDS) {
            let mut alone = new();
            let y = pass(&mut alone, input);
            let gradient = &backward(alone, &[(&y, seed)])["w"];
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
        }
        assert_eq!(joint["w"], sum);
        for (i, &got) in joint["w"].iter().enumerate() {
            const H: f64 = 1e-5;
            let mut weight = WEIGHT.map(f64::from);
            weight[i] += H;
            let above = scalar(weight);
            weight[i] -= 2.0 * H;
            let difference = (above - scalar(weight)) / (2.0 * H);
            assert!((f64::from(got) - difference).abs() < 1e-5, "{i}: {got} {difference}");
        }
    }
}

#[test]
fn an_output_inside_of_another_adds_its_seed() {
    let mut tape = Tape::new();
    let w = tape.leaf("w", tensor(&WEIGHT, &[2, 2]));
    let bias = Value::constant(tensor(&[0.0, 0.0], &[2]));
    let x = Value::constant(tensor(&INPUTS[0], &[1, 2]));
    let early = linear(&mut tape, &x, &w, &bias).unwrap();
    let late = linear(&mut tape, &early, &w, &bias).unwrap();
    let got = backward(tape, &[(&early, SEEDS[0]), (&late, SEEDS[1])]);
    // late: (W^T seed1) x^T + seed1 (W x)^T; early: seed0 x^T.
    assert_eq!(got["w"], [7.0 - 7.0 + 1.0, -14.0 - 3.0 - 2.0, 4.0 + 14.0 + 0.5, -8.0 + 6.0 - 1.0]);
}

//! The activation of an ANN, and the neuron that it becomes.

use snn_neuron::{Levels, LifConfig, Reset, Surrogate, lif, qcfs, qcfs_step};
use snn_ops::{Tape, Value, buffer, random, scale};

use crate::differences::differences;
use crate::floats;

fn levels(spikes: &Value) -> Vec<u8> {
    spikes.tensor().flatten_all().unwrap().to_vec1().unwrap()
}

fn number(x: f32) -> candle_core::Tensor {
    buffer::tensor(vec![x], 1).unwrap()
}

#[test]
fn a_neuron_without_leak_is_the_activation_at_one_step() {
    let n = 40_000;
    let mut x = random::uniform(&mut random::stream(21, "qcfs", 0, 0), n, -1.0, 3.0);
    for (bits, most) in [(1, 1u8), (2, 3), (3, 7), (8, 255)] {
        let step = qcfs_step(1.3, most);
        // On the ends of the levels too.
        for (i, x) in x.iter_mut().step_by(40).enumerate() {
            *x = (i % 9) as f32 * 0.5 * step;
        }
        let value = Value::constant(buffer::tensor(x.clone(), (1, n)).unwrap());
        let k = qcfs(&mut Tape::off(), &value, &Value::constant(number(1.3)), most).unwrap();
        let config = LifConfig {
            tau: f32::INFINITY,
            v_threshold: step,
            reset: Reset::Soft,
            decay_input: false,
            strict: false,
            surrogate: Surrogate::Rectangle,
            levels: match bits {
                1 => Levels::Binary,
                _ => Levels::Bits { whole: bits, fraction: 0 },
            },
            v_start: Some(0.5 * step),
            ..LifConfig::default()
        };
        let spikes = lif(&mut Tape::off(), &value, None, &config).unwrap().spikes;
        assert_eq!(levels(&spikes), levels(&k), "{most} levels");
        assert!(levels(&k).contains(&0) && levels(&k).contains(&most));
    }
}

/// The published equation in f64, with the rounding held: what straight-through differentiates.
fn equation(x: &[f64], ceiling: f64, most: f64, held: &[f64]) -> Vec<f64> {
    let share = |x: f64| (x / ceiling).clamp(0.0, 1.0);
    let level = |x: f64| (share(x) * most + 0.5).floor() / most;
    let entry = |(i, &x): (usize, &f64)| {
        let rounding = held.get(i).copied().unwrap_or(level(x) - share(x));
        ceiling * (share(x) + rounding)
    };
    x.iter().enumerate().map(entry).collect()
}

#[test]
fn gradients_of_the_activation_are_differences_of_its_equation() {
    let (n, most, ceiling) = (70, 5u8, 1.2f32);
    let mut rng = random::stream(22, "qcfs", 0, 0);
    let x = random::uniform(&mut rng, n, -0.6, 2.0);
    let seed = random::normal(&mut rng, n, 0.0, 1.0);
    let mut tape = Tape::new();
    let leaf = tape.leaf("x", buffer::tensor(x.clone(), (1, n)).unwrap());
    let top = tape.leaf("ceiling", number(ceiling));
    let k = qcfs(&mut tape, &leaf, &top, most).unwrap();
    // The next layer multiplies by the step.
    let share = Value::constant(number(1.0 / f32::from(most)));
    let step = scale(&mut tape, &top, &share).unwrap();
    let y = scale(&mut tape, &k, &step).unwrap();
    let wide = |x: &[f32]| x.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let (x, seed64) = (wide(&x), wide(&seed));
    let got = floats(y.tensor());
    let want = equation(&x, ceiling.into(), most.into(), &[]);
    assert!(got.iter().zip(&want).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6), "{got:?}");
    let share = |x: f64| (x / f64::from(ceiling)).clamp(0.0, 1.0);
    let held: Vec<f64> =
        x.iter().zip(&want).map(|(&x, y)| y / f64::from(ceiling) - share(x)).collect();
    let loss = |x: &[f64], ceiling: f64| -> f64 {
        equation(x, ceiling, most.into(), &held).iter().zip(&seed64).map(|(y, g)| y * g).sum()
    };
    tape.backward([(&y, buffer::tensor(seed, (1, n)).unwrap())], &mut |name, gradient| {
        let want = match name {
            "x" => differences(&x, |x| loss(x, ceiling.into())),
            _ => differences(&[ceiling.into()], |c| loss(&x, c[0])),
        };
        let got = floats(&gradient);
        let largest = want.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
        assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().zip(&want) {
            assert!((f64::from(*g) - w).abs() <= 1e-4 * largest, "{name}: {got:?} {want:?}");
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn ceilings_and_levels_out_of_range_are_named() {
    let x = Value::constant(number(0.5));
    let says = |ceiling: Vec<f32>, levels: u8, what: &str| {
        let n = ceiling.len();
        let ceiling = Value::constant(buffer::tensor(ceiling, n).unwrap());
        let error = qcfs(&mut Tape::off(), &x, &ceiling, levels).unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    };
    says(vec![-0.1], 3, "ceiling: of qcfs is -0.1");
    says(vec![f32::NAN], 3, "ceiling: of qcfs is NaN");
    says(vec![1.0, 2.0], 3, "qcfs ceiling: expected shape [1]");
    says(vec![1.0], 0, "levels: are 0");
}

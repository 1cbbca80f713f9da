//! The tape and the operators as a user sees them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod axes;
mod check;
mod exact;
mod gates;
mod orthogonal;
mod pool;

use check::{assert_close, differences, flat, gradients, ones, tensor};
use snn_ops::{
    Conv2d, Moments, Pool2d, Precision, Result, Tape, Value, add, avg_pool2d, batch_norm,
    batch_norm_eval, buffer, conv2d, global_avg_pool, linear, max_pool2d, random, reshape,
    to_channels_first, to_channels_last,
};

#[test]
fn a_tensor_used_three_times_gets_the_sum_of_three_gradients() {
    let x = tensor(&[1.0, -2.0], &[2]);
    let f = |tape: &mut Tape, v: &[Value]| {
        let twice = add(tape, &v[0], &v[0])?;
        add(tape, &twice, &v[0])
    };
    let seed = |shape: &[usize]| tensor(&[5.0, 7.0], shape);
    assert_eq!(gradients(&[("x", x)], f, seed), [("x".into(), vec![15.0, 21.0])]);
}

#[test]
fn branches_of_a_residual_add_do_not_see_each_others_sums() {
    // y = a + b with a also used alone: a's gradient grows after it was shared with b.
    let (a, b) = (tensor(&[1.0], &[1]), tensor(&[1.0], &[1]));
    let f = |tape: &mut Tape, v: &[Value]| {
        let early = reshape(tape, &v[0], &[1, 1])?;
        let early = reshape(tape, &early, &[1])?;
        let sum = add(tape, &v[0], &v[1])?;
        add(tape, &sum, &early)
    };
    let got = gradients(&[("a", a), ("b", b)], f, ones);
    assert_eq!(got, [("a".into(), vec![2.0]), ("b".into(), vec![1.0])]);
}

#[test]
fn a_finished_parameter_is_announced_before_earlier_layers_run() {
    let mut tape = Tape::new();
    let early = tape.leaf("early", tensor(&[2.0], &[1, 1]));
    let late = tape.leaf("late", tensor(&[3.0], &[1, 1]));
    let bias = Value::constant(tensor(&[0.0], &[1]));
    let x = Value::constant(tensor(&[1.0], &[1, 1]));
    let y = linear(&mut tape, &x, &early, &bias).unwrap();
    let y = linear(&mut tape, &y, &late, &bias).unwrap();
    let mut order = Vec::new();
    tape.backward([(&y, ones(&[1, 1]))], &mut |name, g| {
        order.push((name.to_string(), flat(&g)[0]));
        Ok(())
    })
    .unwrap();
    assert_eq!(order, [("late".into(), 2.0), ("early".into(), 3.0)]);
}

#[test]
fn an_evaluation_tape_records_nothing() {
    let mut tape = Tape::off();
    let w = tape.leaf("w", ones(&[1, 1]));
    let x = Value::constant(ones(&[1, 1]));
    let y = linear(&mut tape, &x, &w, &Value::constant(ones(&[1]))).unwrap();
    assert!(!y.wants_gradient());
    tape.backward([(&y, ones(&[1, 1]))], &mut |_, _| panic!("no gradient was asked for")).unwrap();
}

#[test]
fn a_recorded_value_is_a_constant_to_an_evaluation_tape() {
    let mut tape = Tape::new();
    let w = tape.leaf("w", ones(&[1, 1]));
    let x = Value::constant(ones(&[1, 1]));
    let y = linear(&mut Tape::off(), &x, &w, &Value::constant(ones(&[1]))).unwrap();
    assert!(w.wants_gradient() && !y.wants_gradient());
}

#[test]
fn a_seed_that_the_caller_still_holds_is_not_added_to() {
    // The add hands its gradient on to x, where the one that comes through the reshape is added.
    let seed = tensor(&[5.0, 7.0], &[2]);
    let mut tape = Tape::new();
    let x = tape.leaf("x", ones(&[2]));
    let y = reshape(&mut tape, &x, &[2]).unwrap();
    let y = add(&mut tape, &y, &x).unwrap();
    let mut found = Vec::new();
    tape.backward([(&y, seed.clone())], &mut |_, g| {
        found = flat(&g);
        Ok(())
    })
    .unwrap();
    assert_eq!((found, flat(&seed)), (vec![10.0, 14.0], vec![5.0, 7.0]));
}

#[test]
fn a_leaf_that_is_the_output_is_announced_with_the_seed() {
    let seed = tensor(&[5.0, 7.0], &[2]);
    let mut tape = Tape::new();
    let x = tape.leaf("x", ones(&[2]));
    let mut found = Vec::new();
    let mut keep = |name: &str, g: candle_core::Tensor| {
        found.push((name.to_string(), flat(&g)));
        Ok(())
    };
    tape.backward([(&x, seed)], &mut keep).unwrap();
    assert_eq!(found, [("x".to_string(), vec![5.0, 7.0])]);
}

#[test]
fn empty_and_impossible_shapes_are_refused_by_name() {
    let shape = |r: Result<Value>| match r {
        Err(snn_ops::Error::Shape { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    let empty = |s: &[usize]| Value::constant(tensor(&[], s));
    let (full, mut tape) = (|s: &[usize]| Value::constant(ones(s)), Tape::off());
    let pool = Pool2d::tiled(1);
    for at in 0..4 {
        let mut dims = [2, 3, 4, 5];
        dims[at] = 0;
        let x = empty(&dims);
        assert_eq!(shape(avg_pool2d(&mut tape, &x, pool)), "pool input");
        assert_eq!(shape(max_pool2d(&mut tape, &x, pool)), "pool input");
        assert_eq!(shape(global_avg_pool(&mut tape, &x)), "pool input");
        assert_eq!(shape(to_channels_last(&mut tape, &x)), "channel order");
        let w = full(&[6, dims[3], 1, 1].map(|n: usize| n.max(1)));
        assert_eq!(shape(conv2d(&mut tape, &x, &w, Conv2d::square(1, 0))), "conv2d input");
    }
    // The product of these extents is 0 modulo 2^64.
    let huge = empty(&[0, 1 << 32, 1 << 32, 4]);
    assert_eq!(shape(to_channels_first(&mut tape, &huge)), "channel order");
    assert_eq!(shape(global_avg_pool(&mut tape, &huge)), "pool input");
    assert_eq!(shape(reshape(&mut tape, &full(&[4]), &[1 << 32, 1 << 32, 4])), "reshape");
    let far = Conv2d::square(1, usize::MAX);
    assert_eq!(shape(conv2d(&mut tape, &full(&[1, 2, 2, 1]), &full(&[1, 1, 1, 1]), far)), "conv2d");

    let linear = |x: &[usize], w: &[usize]| {
        let tensor = |s: &[usize]| match s.contains(&0) {
            true => empty(s),
            false => full(s),
        };
        shape(linear(&mut Tape::off(), &tensor(x), &tensor(w), &tensor(&w[..1])))
    };
    assert_eq!(linear(&[2, 3], &[0, 3]), "linear weight");
    assert_eq!(linear(&[2, 0], &[4, 0]), "linear weight");
    assert_eq!(linear(&[0, 3], &[4, 3]), "linear input");

    let norm = |x: &[usize], c: usize| {
        let (w, mut tape) = (Value::constant(tensor(&vec![1.0; c], &[c])), Tape::new());
        shape(batch_norm(&mut tape, &empty(x), &w, &w).map(|(y, _)| y))
    };
    assert_eq!(norm(&[0, 3], 3), "norm input");
    assert_eq!(norm(&[2, 0], 0), "norm input");
    let none = Moments { mean: vec![], var: vec![], count: 0 };
    let w = empty(&[0]);
    assert_eq!(shape(batch_norm_eval(&empty(&[2, 0]), &w, &w, &none)), "batch_norm input");
}

#[test]
fn variance_keeps_its_digits_far_from_zero_and_loses_them_as_stated() {
    let noise = random::normal(&mut random::stream(8, "moments", 0, 0), 4096, 0.0, 1.0);
    // (offset of all rows, of the first row) in standard deviations.
    for (all, first) in [(0.0, 0.0), (3000.0, 0.0), (3000.0, 30.0), (0.0, 300.0)] {
        let mut x: Vec<f32> = noise.iter().map(|v| v + all).collect();
        x[0] += first;
        let wide: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let mean = wide.iter().sum::<f64>() / 4096.0;
        let var = wide.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4096.0;
        let got = Moments::of(buffer::Data::F32(&x), 1).unwrap();
        let z = (wide[0] - mean) / var.sqrt();
        let bound = 4.0 * f64::from(f32::EPSILON) * (1.0 + z * z);
        assert!((got.var[0] / var - 1.0).abs() <= bound, "{all} {first}: {} {var}", got.var[0]);
        assert!((got.mean[0] - mean).abs() <= bound * var.sqrt(), "{all} {first}");
    }
}

#[test]
fn thread_counts_out_of_range_are_refused_with_a_remedy() {
    for n in [0, snn_ops::MAX_THREADS + 1, 100_000] {
        let error = snn_ops::set_threads(n).unwrap_err().to_string();
        assert!(error.contains(&format!("is {n}; use 1 to 1024")), "{error}");
    }
}

#[test]
fn sums_of_spikes_stay_small_integers_and_overflow_is_refused() {
    let counts = |v: u8| Value::constant(buffer::tensor(vec![v; 3], vec![3]).unwrap());
    let mut tape = Tape::off();
    let sum = add(&mut tape, &counts(200), &counts(55)).unwrap();
    assert_eq!(sum.tensor().to_vec1::<u8>().unwrap(), [255; 3]);
    let error = add(&mut tape, &sum, &counts(1)).unwrap_err().to_string();
    assert!(error.contains("255"), "{error}");
}

#[test]
fn batch_norm_agrees_with_finite_differences() {
    const ROWS: usize = 7;
    const CHANNELS: usize = 3;
    let mut rng = random::stream(5, "norm", 0, 0);
    let mut draw = |n| -> Vec<f64> {
        random::normal(&mut rng, n, 0.5, 1.5).into_iter().map(f64::from).collect()
    };
    let (x, w, b, seed) =
        (draw(ROWS * CHANNELS), draw(CHANNELS), draw(CHANNELS), draw(ROWS * CHANNELS));
    let loss = |x: &[f64], w: &[f64], b: &[f64]| -> f64 {
        (0..CHANNELS)
            .map(|c| {
                let column = || x.iter().skip(c).step_by(CHANNELS);
                let mean = column().sum::<f64>() / ROWS as f64;
                let var = column().map(|v| (v - mean).powi(2)).sum::<f64>() / ROWS as f64;
                let seeds = seed.iter().skip(c).step_by(CHANNELS);
                column()
                    .zip(seeds)
                    .map(|(v, s)| s * ((v - mean) / (var + snn_ops::EPS).sqrt() * w[c] + b[c]))
                    .sum::<f64>()
            })
            .sum()
    };
    let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    let leaves = [
        ("b", tensor(&narrow(&b), &[CHANNELS])),
        ("w", tensor(&narrow(&w), &[CHANNELS])),
        ("x", tensor(&narrow(&x), &[ROWS, CHANNELS])),
    ];
    let got = gradients(
        &leaves,
        |tape, v| Ok(batch_norm(tape, &v[2], &v[1], &v[0])?.0),
        |shape| tensor(&narrow(&seed), shape),
    );
    assert_close(&got[0].1, &differences(&b, |b| loss(&x, &w, b)));
    assert_close(&got[1].1, &differences(&w, |w| loss(&x, w, &b)));
    assert_close(&got[2].1, &differences(&x, |x| loss(x, &w, &b)));
}

#[test]
fn linear_and_means_agree_with_finite_differences() {
    let mut rng = random::stream(6, "linear", 0, 0);
    let mut draw = |n| -> Vec<f64> {
        random::normal(&mut rng, n, 0.0, 1.0).into_iter().map(f64::from).collect()
    };
    // x [2, 3, 1, 4] -> mean over pixels [2, 4] -> linear [2, 5].
    let (x, w, b, seed) = (draw(24), draw(20), draw(5), draw(10));
    let loss = |x: &[f64], w: &[f64], b: &[f64]| -> f64 {
        let mean = |n: usize, c: usize| (0..3).map(|p| x[(n * 3 + p) * 4 + c]).sum::<f64>() / 3.0;
        (0..10)
            .map(|i| {
                let (n, o) = (i / 5, i % 5);
                seed[i] * (b[o] + (0..4).map(|c| w[o * 4 + c] * mean(n, c)).sum::<f64>())
            })
            .sum()
    };
    let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    let leaves = [
        ("b", tensor(&narrow(&b), &[5])),
        ("w", tensor(&narrow(&w), &[5, 4])),
        ("x", tensor(&narrow(&x), &[2, 3, 1, 4])),
    ];
    let f = |tape: &mut Tape, v: &[Value]| {
        let mean = global_avg_pool(tape, &v[2])?;
        linear(tape, &mean, &v[1], &v[0])
    };
    let got = gradients(&leaves, f, |shape| tensor(&narrow(&seed), shape));
    assert_close(&got[0].1, &differences(&b, |b| loss(&x, &w, b)));
    assert_close(&got[1].1, &differences(&w, |w| loss(&x, w, &b)));
    assert_close(&got[2].1, &differences(&x, |x| loss(x, &w, &b)));
}

/// Operands that bf16 holds: the forward sum is rounded once, and the gradients are those of f32.
#[test]
fn bf16_convolution_rounds_its_result_and_nothing_else() {
    let held = |seed, shape: &[usize]| {
        let mut rng = random::stream(5, "bf16", seed, 0);
        let x = random::normal(&mut rng, shape.iter().product(), 0.0, 1.0);
        let x: Vec<f32> = buffer::stored::<half::bf16>(&x).iter().map(|v| v.to_f32()).collect();
        tensor(&x, shape)
    };
    let (x, w) = (held(0, &[3, 9, 9, 40]), held(1, &[33, 40, 3, 3]));
    let run = |precision| {
        let mut tape = Tape::new();
        let (x, w) = (tape.leaf("x", x.clone()), tape.leaf("w", w.clone()));
        let y = conv2d(&mut tape, &x, &w, Conv2d { precision, ..Conv2d::square(1, 1) }).unwrap();
        let (dtype, values) = (y.tensor().dtype(), flat(y.tensor()));
        let seed = held(2, y.dims()).to_dtype(dtype).unwrap();
        let mut all = vec![("y".to_string(), values)];
        tape.backward([(&y, seed)], &mut |name, g| {
            all.push((name.to_string(), flat(&g)));
            Ok(())
        })
        .unwrap();
        (dtype, all)
    };
    let ((_, exact), (dtype, rounded)) = (run(Precision::F32), run(Precision::Bf16));
    assert_eq!(dtype, candle_core::DType::BF16);
    for ((name, exact), (_, rounded)) in exact.iter().zip(&rounded) {
        let largest = exact.iter().fold(0f32, |m, v| m.max(v.abs()));
        let tolerance = if name == "y" { 1.0 / 256.0 } else { 2e-6 };
        for (a, b) in exact.iter().zip(rounded) {
            assert!((a - b).abs() <= tolerance * largest, "{name}: {a} {b} of {largest}");
        }
    }
}

#[test]
fn channel_order_there_and_back_is_the_identity() {
    let values: Vec<f32> = (0..24u8).map(f32::from).collect();
    let x = Value::constant(tensor(&values, &[2, 3, 2, 2]));
    let last = to_channels_last(&mut Tape::off(), &x).unwrap();
    assert_eq!(last.dims(), [2, 2, 2, 3]);
    assert_eq!(flat(last.tensor())[..6], [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]);
    let back = to_channels_first(&mut Tape::off(), &last).unwrap();
    assert_eq!(flat(back.tensor()), values);
}

#[test]
fn streams_are_pinned() {
    // snn-data's copy of `stream` pins the same values.
    use rand_core::RngCore;
    let mut rng = random::stream(42, "test", 1, 2);
    let first: Vec<u32> = (0..4).map(|_| rng.next_u32()).collect();
    assert_eq!(first, [4090795269, 986317714, 3413152985, 2453301655]);
}

#[test]
fn layers_of_a_candle_network_have_the_gradients_of_the_tape() -> candle_core::Result<()> {
    use candle_core::{DType, Device, Module, Tensor, Var};
    use snn_ops::module::{AvgPool2dLayer, Conv2dLayer, MaxPool2dLayer};
    let mut rng = random::stream(12, "layers", 0, 0);
    let mut draw = |shape: &[usize]| {
        tensor(&random::normal(&mut rng, shape.iter().product(), 0.0, 1.0), shape)
    };
    let (x, w) = (draw(&[2, 3, 7, 6]), draw(&[4, 3, 3, 3]));
    let weights = std::collections::BTreeMap::from([("conv.weight".to_string(), w.clone())]);
    let weights = candle_nn::VarBuilder::from_tensors(
        weights.into_iter().collect(),
        DType::F32,
        &Device::Cpu,
    );
    let config = Conv2d::square(2, 1);
    let conv = Conv2dLayer::load(3, 4, 3, config, &weights.pp("conv"))?;
    assert_eq!(flat(conv.weight()), flat(&w));
    assert!(Conv2dLayer::load(3, 4, 5, config, &weights.pp("conv")).is_err());

    let pool = Pool2d::square(2, 1, 0);
    let (x_var, w_var) = (Var::from_tensor(&x)?, Var::from_tensor(&w)?);
    let conv = Conv2dLayer::new(w_var.as_tensor().clone(), config);
    let y = conv.forward(x_var.as_tensor())?;
    let y = MaxPool2dLayer(pool).forward(&y)?;
    let y: Tensor = AvgPool2dLayer(pool).forward(&y)?;
    let seed = draw(y.dims());
    let grads = (&y * &seed)?.sum_all()?.backward()?;

    let f = |tape: &mut Tape, v: &[Value]| {
        let x = to_channels_last(tape, &v[1])?;
        let y = conv2d(tape, &x, &v[0], config)?;
        let y = max_pool2d(tape, &y, pool)?;
        let y = avg_pool2d(tape, &y, pool)?;
        to_channels_first(tape, &y)
    };
    let on_tape = gradients(&[("w", w), ("x", x)], f, |_| seed.clone());
    for ((name, want), var) in on_tape.iter().zip([&w_var, &x_var]) {
        let got = grads.get(var).ok_or_else(|| candle_core::Error::msg("no gradient"))?;
        assert_eq!(&flat(got), want, "{name}");
    }
    Ok(())
}

//! The neuron as a user sees it: parity with the specification, fusion, candle.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod activation;
mod differences;
mod family;

use candle_core::{DType, Device, Module, Tensor, Var};
use snn_neuron::{Current, Lif, LifConfig, Reset, Surrogate, lif, norm_lif, norm_sum, reference};
use snn_ops::{Moments, Tape, Value, add, batch_norm, buffer, random};

fn floats(t: &Tensor) -> Vec<f32> {
    t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Configurations of every reset, decay, comparison and surrogate.
fn configs() -> Vec<LifConfig> {
    let mut all = Vec::new();
    for (i, surrogate) in Surrogate::ALL.into_iter().enumerate() {
        for reset in [Reset::Hard(0.0), Reset::Hard(-0.25), Reset::Soft] {
            for bits in 0..8 {
                all.push(LifConfig {
                    tau: [2.0, 1.0, 1.5, 4.0, 20.0][i],
                    v_threshold: if bits & 1 == 0 { 0.5 } else { 1.0 },
                    reset,
                    detach_reset: bits & 2 == 0,
                    decay_input: bits & 4 == 0,
                    strict: bits & 1 == 0,
                    surrogate,
                    ..LifConfig::default()
                });
            }
        }
    }
    all
}

#[test]
fn kernel_equals_the_specification_bit_for_bit() {
    for (case, config) in configs().into_iter().enumerate() {
        let mut rng = random::stream(11, "lif", case as u64, 0);
        // Sizes around block and register lengths; every fifth current is a multiple of the threshold.
        let (t, n) = (1 + case % 7, [1, 3, 17, 256, 2049, 4100][case % 6]);
        let mut x = random::normal(&mut rng, t * n, 0.4, 1.0);
        x.iter_mut().step_by(5).for_each(|x| *x = (*x * 4.0).round() * config.v_threshold);
        let v0 = random::normal(&mut rng, n, 0.0, 0.3);
        let grad = random::normal(&mut rng, t * n, 0.0, 1.0);

        let trace = reference::forward(&x, &v0, &config);
        let expected = reference::backward(&trace, &grad, &config);
        let mut tape = Tape::new();
        let leaf = tape.leaf("x", buffer::tensor(x, vec![t, n]).unwrap());
        let v0 = buffer::tensor(v0, n).unwrap();
        let output = lif(&mut tape, &leaf, Some(&v0), &config).unwrap();
        assert_eq!(
            output.spikes.tensor().flatten_all().unwrap().to_vec1::<u8>().unwrap(),
            trace.spikes
        );
        assert_eq!(floats(&output.v_last), trace.v_last, "{config:?}");
        let seed = buffer::tensor(grad, vec![t, n]).unwrap();
        tape.backward([(&output.spikes, seed)], &mut |_, got| {
            assert_eq!(floats(&got), expected, "{config:?}");
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn cutting_time_in_two_changes_nothing() {
    let config = LifConfig::default();
    let x = random::normal(&mut random::stream(2, "cut", 0, 0), 6 * 40, 0.5, 1.0);
    let run = |x: &[f32], v0: Option<&Tensor>| {
        let x = Value::constant(buffer::tensor(x.to_vec(), vec![x.len() / 40, 40]).unwrap());
        let output = lif(&mut Tape::off(), &x, v0, &config).unwrap();
        (floats(output.spikes.tensor()), output.v_last)
    };
    let (whole, v_whole) = run(&x, None);
    let (mut first, v) = run(&x[..80], None);
    let (second, v_last) = run(&x[80..], Some(&v));
    first.extend(second);
    assert_eq!((first, floats(&v_last)), (whole, floats(&v_whole)));
}

/// Every gradient of the fused operator and of the same layer put together from single operators.
#[test]
fn fused_layer_equals_norm_add_and_neuron_in_turn() {
    let (t, n, c) = (3, 50, 24);
    let mut rng = random::stream(9, "fused", 0, 0);
    let mut tensor = |shape: &[usize], mean: f32| {
        let values = random::normal(&mut rng, shape.iter().product(), mean, 1.0);
        buffer::tensor(values, shape).unwrap()
    };
    let (a, b) = (tensor(&[t, n, c], 0.3), tensor(&[t, n, c], -1.0));
    let (wa, ba, wb, bb) =
        (tensor(&[c], 1.0), tensor(&[c], 0.3), tensor(&[c], 1.0), tensor(&[c], 0.0));
    let seed = tensor(&[t, n, c], 0.0);
    let config = LifConfig::default();
    let run = |fused: bool| {
        let mut tape = Tape::new();
        let names = ["a", "b", "wa", "ba", "wb", "bb"];
        let tensors = [&a, &b, &wa, &ba, &wb, &bb];
        let v: Vec<Value> =
            names.iter().zip(tensors).map(|(n, t)| tape.leaf(*n, t.clone())).collect();
        let spikes = if fused {
            let norm = |x, weight, bias| Current::Norm { x, weight, bias, running: None };
            let currents = [norm(&v[0], &v[2], &v[3]), norm(&v[1], &v[4], &v[5])];
            norm_lif(&mut tape, t, &currents, None, &config).unwrap().spikes
        } else {
            let a = batch_norm(&mut tape, &v[0], &v[2], &v[3]).unwrap().0;
            let b = batch_norm(&mut tape, &v[1], &v[4], &v[5]).unwrap().0;
            let sum = add(&mut tape, &a, &b).unwrap();
            lif(&mut tape, &sum, None, &config).unwrap().spikes
        };
        let mut found = vec![("spikes".to_string(), floats(spikes.tensor()))];
        tape.backward([(&spikes, seed.clone())], &mut |name, g| {
            found.push((name.to_string(), floats(&g)));
            Ok(())
        })
        .unwrap();
        found.sort_by(|x, y| x.0.cmp(&y.0));
        found
    };
    for ((name, fused), (_, plain)) in run(true).into_iter().zip(run(false)) {
        let largest = plain.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (f, p) in fused.iter().zip(&plain) {
            assert!((f - p).abs() <= 2e-5 * largest, "{name}: {f} against {p}");
        }
    }
}

/// Spikes, potential, statistics and every gradient, by name, of a layer of neurons on the currents that `currents` makes.
fn layer(
    t_steps: usize,
    leaves: &[(&str, Tensor)],
    currents: impl for<'a> Fn(&'a [Value]) -> Vec<Current<'a>>,
    in_turn: bool,
) -> Vec<(String, Vec<f32>)> {
    let mut tape = Tape::new();
    let values: Vec<Value> = leaves.iter().map(|(n, t)| tape.leaf(*n, t.clone())).collect();
    let (currents, config) = (currents(&values), LifConfig::default());
    let (output, moments) = if in_turn {
        let sum = norm_sum(&mut tape, &currents).unwrap();
        let drive = Current::Plain(&sum.drive);
        (norm_lif(&mut tape, t_steps, &[drive], None, &config).unwrap(), sum.moments)
    } else {
        let mut output = norm_lif(&mut tape, t_steps, &currents, None, &config).unwrap();
        let moments = std::mem::take(&mut output.moments);
        (output, moments)
    };
    let mut found = vec![
        ("spikes".into(), floats(output.spikes.tensor())),
        ("v".into(), floats(&output.v_last)),
    ];
    for moments in moments {
        let numbers = moments.mean.iter().chain(&moments.var).map(|&v| v as f32).collect();
        found.push(("moments".into(), numbers));
    }
    let n = output.spikes.tensor().elem_count();
    let seed = random::normal(&mut random::stream(5, "seed", 0, 0), n, 0.0, 1.0);
    let seed = buffer::tensor(seed, output.spikes.dims()).unwrap();
    tape.backward([(&output.spikes, seed)], &mut |name, g| {
        found.push((format!("{name} {:?}", g.dtype()), floats(&g)));
        Ok(())
    })
    .unwrap();
    found.sort_by(|x, y| x.0.cmp(&y.0));
    found
}

#[test]
fn neurons_on_the_sum_have_the_bits_of_the_fused_layer() {
    let (t, c) = (3, 24);
    let draw = |seed: u64, shape: &[usize], mean: f32| {
        let mut rng = random::stream(seed, "sum", 0, 0);
        buffer::tensor(random::normal(&mut rng, shape.iter().product(), mean, 1.0), shape).unwrap()
    };
    // Fewer neurons than a block, and more than all pieces of blocks; one repeated step, and all of them.
    for (steps, n) in [(1, 7), (t, 7), (t, 6000)] {
        let map = |seed: u64| draw(seed, &[steps, n, c], 0.3);
        let counts = (map(7).abs().unwrap() * 1.5).unwrap().to_dtype(DType::U8).unwrap();
        let leaves = [
            ("a", map(1)),
            ("b", map(2).to_dtype(DType::BF16).unwrap()),
            ("wa", draw(3, &[c], 1.0)),
            ("ba", draw(4, &[c], 0.2)),
            ("wb", draw(5, &[c], 1.0)),
            ("bb", draw(6, &[c], 0.0)),
            ("counts", counts),
        ];
        fn norm<'a>(v: &'a [Value], x: usize, weight: usize) -> Current<'a> {
            Current::Norm { x: &v[x], weight: &v[weight], bias: &v[weight + 1], running: None }
        }
        type Currents = for<'a> fn(&'a [Value]) -> Vec<Current<'a>>;
        let sums: [Currents; 5] = [
            |v| vec![norm(v, 0, 2)],
            |v| vec![norm(v, 0, 2), norm(v, 1, 4)],
            |v| vec![norm(v, 1, 4), Current::Plain(&v[6])],
            |v| vec![Current::Plain(&v[6]), Current::Plain(&v[0]), norm(v, 1, 2)],
            |v| vec![Current::Plain(&v[0])],
        ];
        for currents in sums {
            assert!(layer(t, &leaves, currents, true) == layer(t, &leaves, currents, false));
        }
    }
}

#[test]
fn a_sum_in_evaluation_is_what_the_fused_layer_sums() {
    let draw = |n| random::normal(&mut random::stream(1, "running", 0, 0), n, 0.5, 1.0);
    let value = |n, shape: &[usize]| Value::constant(buffer::tensor(draw(n), shape).unwrap());
    let (x, weight, bias) = (value(60, &[4, 3, 5]), value(5, &[5]), value(5, &[5]));
    let running = Moments { mean: vec![0.2; 5], var: vec![0.8; 5], count: 0 };
    let norm = Current::Norm { x: &x, weight: &weight, bias: &bias, running: Some(&running) };
    let (mut tape, config) = (Tape::exact(), LifConfig::default());
    let sum = norm_sum(&mut tape, &[norm, Current::Plain(&x)]).unwrap();
    assert!(sum.moments.is_empty() && sum.drive.dims() == [4, 3, 5]);
    let in_turn = lif(&mut tape, &sum.drive, None, &config).unwrap();
    let fused = norm_lif(&mut tape, 4, &[norm, Current::Plain(&x)], None, &config).unwrap();
    assert_eq!(floats(in_turn.spikes.tensor()), floats(fused.spikes.tensor()));
    assert_eq!(floats(&in_turn.v_last), floats(&fused.v_last));
    let error = norm_sum(&mut tape, &[]).unwrap_err().to_string();
    assert!(error.starts_with("lif input: "), "{error}");
}

#[test]
fn one_repeated_frame_equals_the_frame_written_out() {
    let (t, n, c) = (4, 6, 10);
    let mut rng = random::stream(4, "repeat", 0, 0);
    let frame = random::normal(&mut rng, n * c, 0.5, 1.0);
    let grad =
        buffer::tensor(random::normal(&mut rng, t * n * c, 0.0, 1.0), vec![t, n, c]).unwrap();
    let run = |steps: usize| {
        let mut tape = Tape::new();
        let x = buffer::tensor(frame.repeat(steps), vec![steps, n, c]).unwrap();
        let x = tape.leaf("x", x);
        let config = LifConfig::default();
        let spikes = norm_lif(&mut tape, t, &[Current::Plain(&x)], None, &config).unwrap().spikes;
        let mut gradient = Vec::new();
        tape.backward([(&spikes, grad.clone())], &mut |_, g| {
            gradient = floats(&g);
            Ok(())
        })
        .unwrap();
        (floats(spikes.tensor()), gradient)
    };
    let ((spikes_one, grad_one), (spikes_all, grad_all)) = (run(1), run(t));
    assert_eq!(spikes_one, spikes_all);
    for (i, g) in grad_one.iter().enumerate() {
        let sum: f32 = grad_all.iter().skip(i).step_by(n * c).sum();
        assert!((g - sum).abs() < 1e-5, "{g} against {sum}");
    }
}

#[test]
fn trains_inside_a_plain_candle_network() -> candle_core::Result<()> {
    // Two classes told apart by which half of the input is lit.
    let device = &Device::Cpu;
    let (n, t) = (32, 4);
    let mut rng = random::stream(1, "candle", 0, 0);
    let noise = random::uniform(&mut rng, n * 8, 0.0, 0.3);
    let pixel =
        |i: usize| noise[i] + if (i % 8 < 4) == (i / 8).is_multiple_of(2) { 0.7 } else { 0.0 };
    let x = Tensor::from_vec((0..n * 8).map(pixel).collect::<Vec<f32>>(), (n, 8), device)?;
    let y = Tensor::from_vec((0..n as u32).map(|i| i % 2).collect::<Vec<u32>>(), n, device)?;
    let mut init = |shape: (usize, usize)| {
        Var::from_vec(random::kaiming_uniform(&mut rng, shape.0 * shape.1, shape.1), shape, device)
    };
    let (w1, w2) = (init((16, 8))?, init((2, 16))?);
    let neuron = Lif { config: LifConfig { surrogate: Surrogate::Atan, ..LifConfig::default() } };
    let mut losses = Vec::new();
    for _ in 0..60 {
        let current = x.matmul(&w1.t()?)?.unsqueeze(0)?.repeat((t, 1, 1))?;
        let spikes = neuron.forward(&current)?;
        let logits = spikes.mean(0)?.matmul(&w2.t()?)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &y)?;
        losses.push(loss.to_scalar::<f32>()?);
        let grads = loss.backward()?;
        for w in [&w1, &w2] {
            let grad = grads.get(w).ok_or_else(|| candle_core::Error::msg("no gradient"))?;
            w.set(&(w.as_tensor() - (grad * 1.0)?)?)?;
        }
    }
    assert!(losses[59] < 0.1 * losses[0], "{losses:?}");
    Ok(())
}

#[test]
fn refused_constants_are_named() {
    let x = Value::constant(buffer::tensor(vec![0f32; 2], vec![1, 2]).unwrap());
    let message =
        |config: LifConfig| lif(&mut Tape::off(), &x, None, &config).unwrap_err().to_string();
    let base = LifConfig::default();
    assert!(message(LifConfig { tau: 0.5, ..base }).starts_with("tau: "));
    assert!(message(LifConfig { v_threshold: f32::NAN, ..base }).starts_with("v_threshold: "));
    assert!(message(LifConfig { reset: Reset::Hard(0.5), ..base }).starts_with("v_reset: "));
}

#[test]
fn empty_and_impossible_shapes_are_refused_by_name() {
    let refused = |shape: &[usize], t_steps: usize, c: usize| {
        let zeros = |shape: &[usize]| {
            Value::constant(buffer::tensor(vec![0f32; shape.iter().product()], shape).unwrap())
        };
        let (x, w) = (zeros(shape), zeros(&[c]));
        let current = Current::Norm { x: &x, weight: &w, bias: &w, running: None };
        let config = LifConfig::default();
        norm_lif(&mut Tape::off(), t_steps, &[current], None, &config).unwrap_err().to_string()
    };
    assert!(refused(&[2, 3, 0], 2, 0).starts_with("lif input: expected shape no empty axis"));
    assert!(refused(&[2, 0, 3], 2, 3).starts_with("lif input: expected shape no empty axis"));
    assert!(refused(&[1, 3], usize::MAX, 3).starts_with("lif output"));
}

/// A bf16 current is the f32 one of the same values, and its gradient is that one's, rounded.
#[test]
fn bf16_current_fires_as_its_values_do() {
    let shape = [3, 50, 6];
    let x = random::normal(&mut random::stream(3, "bf16", 0, 0), 900, 0.4, 1.0);
    let narrow = buffer::tensor(buffer::stored::<half::bf16>(&x), shape.as_slice()).unwrap();
    let wide = narrow.to_dtype(DType::F32).unwrap();
    let seed = random::normal(&mut random::stream(3, "bf16", 1, 0), 900, 0.0, 1.0);
    let run = |x: &Tensor| {
        let mut tape = Tape::new();
        let x = tape.leaf("x", x.clone());
        let constants = [vec![1.1f32; 6], vec![0.3; 6]].map(|c| buffer::tensor(c, 6).unwrap());
        let [weight, bias] = constants.map(Value::constant);
        let current = Current::Norm { x: &x, weight: &weight, bias: &bias, running: None };
        let config = LifConfig::default();
        let spikes = norm_lif(&mut tape, 3, &[current], None, &config).unwrap().spikes;
        let sent = floats(spikes.tensor());
        let seed = buffer::tensor(seed.clone(), shape.as_slice()).unwrap();
        let mut gradient = None;
        tape.backward([(&spikes, seed)], &mut |_, g| {
            gradient = Some(g);
            Ok(())
        })
        .unwrap();
        (sent, gradient.unwrap())
    };
    let ((spikes, gradient), (spikes_16, gradient_16)) = (run(&wide), run(&narrow));
    assert!(spikes == spikes_16 && spikes.iter().any(|&s| s > 0.0));
    assert_eq!(gradient_16.dtype(), DType::BF16);
    assert_eq!(floats(&gradient.to_dtype(DType::BF16).unwrap()), floats(&gradient_16));
}

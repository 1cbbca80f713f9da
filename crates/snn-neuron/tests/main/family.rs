//! Neurons beside the plain one: spikes of several bits, I-LIF, a learned leak, no leak, a threshold that adapts.

use candle_core::Tensor;
use snn_neuron::{
    Adaptation, Current, Layer, Levels, LifConfig, LifOutput, Reset, Surrogate, lif, norm_layer,
    reference,
};
use snn_ops::{Tape, Value, buffer, random};

use crate::differences::{differences, run};
use crate::floats;

fn bits(whole: u8, fraction: u8) -> LifConfig {
    LifConfig {
        v_threshold: 1.0,
        reset: Reset::Soft,
        decay_input: false,
        strict: false,
        surrogate: Surrogate::Rectangle,
        levels: Levels::Bits { whole, fraction },
        ..LifConfig::default()
    }
}

fn levels(spikes: &Value) -> Vec<u8> {
    spikes.tensor().flatten_all().unwrap().to_vec1().unwrap()
}

fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
    buffer::tensor(values.to_vec(), shape).unwrap()
}

/// By hand: tau 2, threshold 1, one neuron over five steps.
#[test]
fn spikes_of_several_bits_have_the_vectors_of_plain_arithmetic() {
    let x = [0.6f32, 0.9, 1.7, 0.1, 2.6];
    // Bits, potentials, spikes in units of one, slopes of spikes.
    type Case = ((u8, u8), [f32; 5], [f32; 5], [f32; 5]);
    let cases: [Case; 4] = [
        ((1, 0), [0.6, 1.2, 1.8, 0.5, 2.85], [0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0]),
        (
            (1, 1),
            [0.6, 0.95, 1.925, 0.3125, 2.75625],
            [0.5, 0.5, 1.5, 0.0, 1.5],
            [1.0, 1.0, 0.0, 1.0, 0.0],
        ),
        ((2, 0), [0.6, 1.2, 1.8, 0.5, 2.85], [0.0, 1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 1.0, 0.0, 1.0]),
        (
            (2, 1),
            [0.6, 0.95, 1.925, 0.3125, 2.75625],
            [0.5, 0.5, 1.5, 0.0, 2.5],
            [1.0, 1.0, 1.0, 1.0, 1.0],
        ),
    ];
    for ((whole, fraction), u, s, g) in cases {
        let config = bits(whole, fraction);
        let trace = reference::forward(&x, &[0.0], &config);
        let unit = config.levels.unit();
        assert!(trace.membrane.iter().zip(u).all(|(a, b)| (a - b).abs() < 1e-6), "{trace:?}");
        let mut tape = Tape::new();
        let leaf = tape.leaf("x", tensor(&x, &[5, 1]));
        let output = lif(&mut tape, &leaf, None, &config).unwrap();
        let sent: Vec<f32> = levels(&output.spikes).iter().map(|&k| f32::from(k) * unit).collect();
        assert_eq!(sent, s, "{config:?}");
        // The last step's gradient is its own slope: of k, which counts units. A potential of 0.5 lies on the end of
        // the rectangle of whole levels, on either side once it is rounded to f32.
        for t in (0..5).filter(|t| fraction > 0 || *t != 3) {
            let mut tape = Tape::new();
            let leaf = tape.leaf("x", tensor(&x[..=t], &[t + 1, 1]));
            let spikes = lif(&mut tape, &leaf, None, &config).unwrap().spikes;
            let mut seed = vec![0.0; t + 1];
            seed[t] = unit;
            tape.backward([(&spikes, tensor(&seed, &[t + 1, 1]))], &mut |_, dx| {
                assert_eq!(floats(&dx)[t], g[t], "{config:?} step {t}");
                Ok(())
            })
            .unwrap();
        }
    }
}

/// Runs a layer and returns its output and the gradient of every leaf by name.
fn layer(
    x: &[f32],
    [t, n]: [usize; 2],
    leak: Option<f32>,
    seed: &[f32],
    config: &LifConfig,
) -> (LifOutput, Vec<f32>, Option<f32>) {
    let mut tape = Tape::new();
    let leaf = tape.leaf("x", tensor(x, &[x.len() / n, n]));
    let leak = leak.map(|w| tape.leaf("w", tensor(&[w], &[1])));
    let layer = Layer { leak: leak.as_ref(), ..Layer::default() };
    let output = norm_layer(&mut tape, t, &[Current::Plain(&leaf)], &layer, config).unwrap();
    let (mut dx, mut dw) = (Vec::new(), None);
    tape.backward([(&output.spikes, tensor(seed, &[t, n]))], &mut |name, gradient| {
        match name {
            "x" => dx = floats(&gradient),
            _ => dw = Some(floats(&gradient)[0]),
        }
        Ok(())
    })
    .unwrap();
    (output, dx, dw)
}

#[test]
fn one_bit_before_the_point_is_the_plain_neuron_to_the_bit() {
    for (case, detach_reset) in [true, false].into_iter().enumerate() {
        for (tau, decay_input) in [(2.0, false), (2.0, true), (1.25, false), (f32::INFINITY, false)]
        {
            let graded = LifConfig { tau, detach_reset, decay_input, ..bits(1, 0) };
            let plain = LifConfig { levels: Levels::Binary, ..graded };
            let (t, n) = (5, 4_100);
            let mut rng = random::stream(5, "one bit", case as u64, 0);
            let mut x = random::normal(&mut rng, t * n, 0.6, 1.0);
            // On the threshold and on the ends of the window.
            x.iter_mut().step_by(3).for_each(|x| *x = (*x * 2.0).round() / 2.0);
            let seed = random::normal(&mut rng, t * n, 0.0, 1.0);
            let (one, one_dx, _) = layer(&x, [t, n], None, &seed, &graded);
            let (two, two_dx, _) = layer(&x, [t, n], None, &seed, &plain);
            assert_eq!(levels(&one.spikes), levels(&two.spikes));
            let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
            assert_eq!(bits(&floats(&one.v_last)), bits(&floats(&two.v_last)));
            assert_eq!(one_dx, two_dx);
        }
    }
}

/// Neurons of every kind, with constants of all sorts.
fn family() -> Vec<LifConfig> {
    let mut all = Vec::new();
    for detach_reset in [true, false] {
        for (whole, fraction) in [(1, 0), (2, 0), (1, 1), (0, 2), (2, 1), (8, 0), (3, 5)] {
            let tau = if whole == 2 { 3.0 } else { 2.0 };
            let v_threshold = if fraction == 1 { 0.7 } else { 1.0 };
            all.push(LifConfig { tau, v_threshold, detach_reset, ..bits(whole, fraction) });
        }
        let counts = Levels::Counts(4);
        all.push(LifConfig { tau: 4.0 / 3.0, detach_reset, levels: counts, ..bits(1, 0) });
        for (i, reset) in [Reset::Hard(0.0), Reset::Hard(-0.2), Reset::Soft].into_iter().enumerate()
        {
            all.push(LifConfig {
                reset,
                detach_reset,
                surrogate: Surrogate::ALL[i],
                decay_input: i > 0,
                adaptation: Some(Adaptation { tau: 3.0, gain: 1.8 }),
                ..LifConfig::default()
            });
        }
        let tau = f32::INFINITY;
        all.push(LifConfig { tau, decay_input: false, detach_reset, ..LifConfig::default() });
        all.push(LifConfig { v_start: Some(0.25), detach_reset, ..LifConfig::default() });
    }
    all
}

#[test]
fn the_family_equals_the_specification_bit_for_bit() {
    for (case, config) in family().into_iter().enumerate() {
        let (t, n) = (1 + case % 6, [1, 17, 2_049, 4_100][case % 4]);
        let mut rng = random::stream(12, "family", case as u64, 0);
        let mut x = random::normal(&mut rng, t * n, 0.8, 1.5);
        x.iter_mut().step_by(5).for_each(|x| *x = (*x * 4.0).round() * 0.25 * config.v_threshold);
        let seed = random::normal(&mut rng, t * n, 0.0, 1.0);
        let v0 = match (config.v_start, config.reset) {
            (Some(v), _) | (None, Reset::Hard(v)) => v,
            (None, Reset::Soft) => 0.0,
        };
        let trace = reference::forward(&x, &vec![v0; n], &config);
        let (output, dx, _) = layer(&x, [t, n], None, &seed, &config);
        assert_eq!(levels(&output.spikes), trace.spikes, "{config:?}");
        assert_eq!(floats(&output.v_last), trace.v_last, "{config:?}");
        assert_eq!(
            output.a_last.map(|a| floats(&a)),
            config.adaptation.map(|_| trace.a_last.clone())
        );
        assert_eq!(dx, reference::backward(&trace, &seed, &config), "{config:?}");
        assert!(trace.spikes.iter().all(|&k| k <= config.levels.most()));
    }
}

fn assert_close(got: &[f32], want: &[f64], what: &str) {
    let largest = want.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (g, w) in got.iter().zip(want) {
        assert!((f64::from(*g) - w).abs() <= 1e-4 * largest, "{what}: {got:?} against {want:?}");
    }
}

#[test]
fn gradients_are_differences_of_neurons_whose_spikes_are_straight_lines() {
    let (t, n) = (6, 23);
    let learned = LifConfig { tau: 2.0, ..LifConfig::default() };
    let mut cases: Vec<(LifConfig, Option<f32>)> =
        family().into_iter().filter(|config| config.v_start.is_none()).map(|c| (c, None)).collect();
    for reset in [Reset::Hard(0.0), Reset::Hard(-0.25), Reset::Soft] {
        for decay_input in [true, false] {
            let config = LifConfig { reset, decay_input, detach_reset: false, ..learned };
            cases.push((config, Some(-0.4)));
        }
    }
    cases.push((bits(1, 1), Some(0.3)));
    let adaptation = Some(Adaptation { tau: 4.0, gain: 0.9 });
    cases.push((LifConfig { adaptation, ..learned }, Some(0.2)));
    for (case, (config, leak)) in cases.into_iter().enumerate() {
        let what = format!("{config:?}, leak {leak:?}");
        let mut rng = random::stream(13, "differences", case as u64, 0);
        let x = random::normal(&mut rng, t * n, 0.7, 1.0);
        let seed = random::normal(&mut rng, t * n, 0.0, 1.0);
        let wide = |x: &[f32]| x.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let (x64, seed64) = (wide(&x), wide(&seed));
        let rate = |w: f64| 1.0 / (1.0 + (-w).exp());
        let k = leak.map_or(1.0 / f64::from(config.tau), |w| rate(w.into()));
        let base = run(&x64, n, k, &config, None);
        let loss = |x: &[f64], k: f64| -> f64 {
            let run = run(x, n, k, &config, Some(&base));
            run.spikes.iter().zip(&seed64).map(|(s, g)| s * g).sum()
        };
        let (output, dx, dw) = layer(&x, [t, n], leak, &seed, &config);
        let sent: Vec<f64> = levels(&output.spikes).into_iter().map(f64::from).collect();
        assert_eq!(sent, base.spikes, "{what}");
        assert!(sent.iter().sum::<f64>() > 3.0, "{what}");
        assert_close(&dx, &differences(&x64, |x| loss(x, k)), &what);
        if let Some(w) = leak {
            let want = differences(&[w.into()], |w| loss(&x64, rate(w[0])));
            assert_close(&[dw.unwrap()], &want, &what);
        }
    }
}

#[test]
fn a_leak_to_learn_starts_as_the_plain_neuron_and_sums_its_gradient_in_one_order() {
    let (t, n) = (4, 9_000);
    let mut rng = random::stream(14, "plif", 0, 0);
    let x = random::normal(&mut rng, t * n, 0.5, 1.0);
    let seed = random::normal(&mut rng, t * n, 0.0, 1.0);
    let config = LifConfig::default();
    let (plain, plain_dx, none) = layer(&x, [t, n], None, &seed, &config);
    // sigmoid(0) = 1/2: tau 2.
    let (learned, dx, dw) = layer(&x, [t, n], Some(0.0), &seed, &config);
    assert_eq!(levels(&plain.spikes), levels(&learned.spikes));
    assert_eq!(floats(&plain.v_last), floats(&learned.v_last));
    assert_eq!((plain_dx, none), (dx, None));
    assert!(dw.unwrap().abs() > 1e-3);
    for _ in 0..3 {
        assert_eq!(layer(&x, [t, n], Some(0.0), &seed, &config).2, dw);
    }
    // The same current at each step.
    let one = x[..n].to_vec();
    let (_, repeated, dw) = layer(&one, [t, n], Some(0.5), &seed, &config);
    let (_, written_out, dw_out) = layer(&one.repeat(t), [t, n], Some(0.5), &seed, &config);
    assert_eq!(dw, dw_out);
    for (i, g) in repeated.iter().enumerate() {
        let sum: f32 = written_out.iter().skip(i).step_by(n).sum();
        assert!((g - sum).abs() < 1e-5, "{g} against {sum}");
    }
}

#[test]
fn a_threshold_that_does_not_rise_is_the_plain_neuron() {
    let (t, n) = (5, 700);
    let mut rng = random::stream(15, "alif", 0, 0);
    let x = random::normal(&mut rng, t * n, 0.5, 1.0);
    let seed = random::normal(&mut rng, t * n, 0.0, 1.0);
    for detach_reset in [true, false] {
        let plain = LifConfig { detach_reset, ..LifConfig::default() };
        let adaptation = Some(Adaptation { tau: 5.0, gain: 0.0 });
        let (a, a_dx, _) = layer(&x, [t, n], None, &seed, &plain);
        let (b, b_dx, _) = layer(&x, [t, n], None, &seed, &LifConfig { adaptation, ..plain });
        assert_eq!((levels(&a.spikes), a_dx), (levels(&b.spikes), b_dx));
    }
    // A rising one makes a steady current fire less and less often, cut anywhere in time.
    let adaptation = Some(Adaptation { tau: 8.0, gain: 2.0 });
    let config = LifConfig { adaptation, ..LifConfig::default() };
    let steady = vec![1.2f32; 40];
    let (whole, ..) = layer(&steady, [40, 1], None, &[0.0; 40], &config);
    let whole_spikes = levels(&whole.spikes);
    let rate = |x: &[u8]| x.iter().map(|&s| u32::from(s)).sum::<u32>();
    assert!(rate(&whole_spikes[..10]) > rate(&whole_spikes[30..]), "{whole_spikes:?}");
    let (mut cut, mut v, mut a): (Vec<u8>, Option<Tensor>, Option<Tensor>) = (vec![], None, None);
    for part in [7, 1, 32] {
        let x = Value::constant(tensor(&steady[..part], &[part, 1]));
        let layer = Layer { v0: v.as_ref(), a0: a.as_ref(), leak: None };
        let currents = [Current::Plain(&x)];
        let output = norm_layer(&mut Tape::off(), part, &currents, &layer, &config).unwrap();
        cut.extend(levels(&output.spikes));
        (v, a) = (Some(output.v_last), output.a_last);
    }
    assert_eq!(cut, whole_spikes);
    assert_eq!(floats(&v.unwrap()), floats(&whole.v_last));
}

#[test]
fn neurons_without_leak_sum_their_currents() {
    let config = LifConfig { tau: f32::INFINITY, decay_input: false, ..LifConfig::default() };
    let x = Value::constant(tensor(&[0.25, 0.125, 0.0625, 0.125], &[4, 1]));
    let output = lif(&mut Tape::off(), &x, None, &config).unwrap();
    assert_eq!((levels(&output.spikes), floats(&output.v_last)), (vec![0, 0, 0, 1], vec![0.0]));
}

/// I-LIF's published code in plain arithmetic: decay 1/4, levels rounded, ties to even.
#[test]
fn whole_numbers_are_those_of_ilif() {
    let config = LifConfig { tau: 4.0 / 3.0, levels: Levels::Counts(4), ..bits(1, 0) };
    let x = [0.5f32, 1.5, 2.5, 9.0, -3.0, 0.75];
    let (mut v, mut want) = (0.0f32, Vec::new());
    for x in x {
        let u = 0.25 * v + x;
        let s = u.clamp(0.0, 4.0).round_ties_even();
        v = u - s;
        want.push(s as u8);
    }
    let x = Value::constant(tensor(&x, &[6, 1]));
    assert_eq!(levels(&lif(&mut Tape::off(), &x, None, &config).unwrap().spikes), want);
}

#[test]
fn constants_out_of_range_are_named() {
    let x = Value::constant(tensor(&[0.0; 2], &[1, 2]));
    let says = |config: LifConfig, what: &str| {
        let error = lif(&mut Tape::off(), &x, None, &config).unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    };
    says(bits(0, 0), "bits: are [0, 0], 0 bits; use 1 to 8");
    says(bits(5, 4), "bits: are [5, 4], 9 bits");
    says(bits(255, 255), "bits: are [255, 255], 510 bits");
    says(LifConfig { reset: Reset::Hard(0.0), ..bits(1, 1) }, "reset: is hard");
    says(LifConfig { strict: true, ..bits(1, 1) }, "strict: is true");
    says(LifConfig { surrogate: Surrogate::Atan, ..bits(1, 1) }, "surrogate: must be rectangle");
    says(LifConfig { levels: Levels::Counts(0), ..bits(1, 1) }, "levels: are 0");
    let adapting = |tau, gain| LifConfig {
        adaptation: Some(Adaptation { tau, gain }),
        ..LifConfig::default()
    };
    says(adapting(0.5, 1.0), "tau_threshold: is 0.5");
    says(adapting(2.0, f32::NAN), "threshold_gain: is NaN");
    says(LifConfig { levels: bits(1, 1).levels, ..adapting(2.0, 1.0) }, "reset: ");
    says(LifConfig { v_start: Some(f32::NAN), ..LifConfig::default() }, "v_start: is NaN");
    says(LifConfig { tau: f32::INFINITY, ..LifConfig::default() }, "tau: is inf");
    let wrong = tensor(&[0.0], &[1]);
    let layer = Layer { a0: Some(&wrong), ..Layer::default() };
    let run = |layer: &Layer<'_>| {
        let currents = [Current::Plain(&x)];
        let config = LifConfig::default();
        norm_layer(&mut Tape::off(), 1, &currents, layer, &config).unwrap_err().to_string()
    };
    assert!(run(&layer).starts_with("a0: expected shape [2]"), "{}", run(&layer));
    let right = tensor(&[0.0; 2], &[2]);
    let error = run(&Layer { a0: Some(&right), ..Layer::default() });
    assert!(error.starts_with("a0: is given to neurons"), "{error}");
    let pair = Value::constant(right);
    let error = run(&Layer { leak: Some(&pair), ..Layer::default() });
    assert!(error.starts_with("leak: expected shape [1]"), "{error}");
}

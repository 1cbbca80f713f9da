//! The neuron's GPU kernels, run on the host and compared with the specification and the fused operator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "../../snn-ops/tests/kernels/host.rs"]
mod host;

use candle_core::{DType, Tensor};
use host::{Arg, Kernels, bf16s, f32s, round_bf16};
use snn_neuron::{Current, Levels, LifConfig, Reset, Surrogate, norm_lif, reference};
use snn_ops::{Moments, Tape, Value, buffer, random};

const F32: u32 = 0;
const U8: u32 = 1;
const BF16: u32 = 2;

fn kernels(name: &str) -> Option<Kernels> {
    Kernels::compile(name, include_str!("../src/lif/lif.cu"))
}

fn neuron(config: &LifConfig) -> Arg {
    let (soft, v_reset) = match config.reset {
        Reset::Hard(v) => (false, v),
        Reset::Soft => (true, 0.0),
    };
    let gain = if config.decay_input { 1.0 / config.tau } else { 1.0 };
    let step = config.v_threshold * config.levels.unit();
    let most = f32::from(config.levels.most());
    let (levels, low, high) = match config.levels {
        Levels::Binary => (0, 0.5 * step, step * (most + 0.5)),
        Levels::Bits { .. } => (1, 0.5 * step, step * (most + 0.5)),
        Levels::Counts(_) => (2, 0.0, step * most),
    };
    let (decay, rest) = (1.0 - 1.0 / config.tau, v_reset / config.tau);
    let floats = [decay, gain, rest, config.v_threshold, v_reset, step, most, low, high];
    let at = Surrogate::ALL.iter().position(|&s| s == config.surrogate).unwrap() as u32;
    let words = [config.strict.into(), soft.into(), config.detach_reset.into(), at, levels];
    let bytes = floats.iter().flat_map(|v| v.to_ne_bytes());
    Arg::Value(bytes.chain(words.iter().flat_map(|v: &u32| v.to_ne_bytes())).collect())
}

/// The arguments that forward and backward share.
fn inputs(
    config: &LifConfig,
    [t_steps, x_steps, neurons, channels]: [usize; 4],
    currents: [[Arg; 4]; 2],
    v0: Arg,
) -> Vec<Arg> {
    let mut args = vec![neuron(config)];
    args.extend([t_steps, x_steps, neurons, channels].map(Arg::u64));
    args.extend(currents.into_iter().flatten());
    args.push(v0);
    args
}

fn plain(x: Arg, kind: u32) -> [Arg; 4] {
    [x, Arg::u32(kind), Arg::Null, Arg::Null]
}

#[test]
fn neuron_kernels_have_the_bits_of_the_specification() {
    let Some(kernels) = kernels("lif") else { return };
    let mut case = 0;
    for surrogate in Surrogate::ALL {
        for reset in [Reset::Hard(0.0), Reset::Hard(-0.25), Reset::Soft] {
            for bits in 0..8u32 {
                let config = LifConfig {
                    tau: [2.0, 1.0, 1.5, 4.0, 20.0][case % 5],
                    v_threshold: if bits & 1 == 0 { 0.5 } else { 1.0 },
                    reset,
                    detach_reset: bits & 2 == 0,
                    decay_input: bits & 4 == 0,
                    strict: bits & 1 == 0,
                    surrogate,
                    ..LifConfig::default()
                };
                let (t, n) = (1 + case % 7, [1, 3, 255, 256, 257, 700][case % 6]);
                let kind = [F32, BF16][case % 2];
                case += 1;
                let mut rng = random::stream(31, "lif kernels", case as u64, 0);
                let mut draw = |n, mean| -> Vec<f32> {
                    let x = random::normal(&mut rng, n, mean, 1.0);
                    x.into_iter().map(|v| if kind == BF16 { round_bf16(v) } else { v }).collect()
                };
                let (mut x, v0, dy) = (draw(t * n, 0.4), draw(n, 0.0), draw(t * n, 0.0));
                x.iter_mut().step_by(5).for_each(|x| *x = (*x * 4.0).round() * config.v_threshold);
                let trace = reference::forward(&x, &v0, &config);
                let dx = reference::backward(&trace, &dy, &config);

                let store = |v: &[f32]| if kind == BF16 { Arg::bf16s(v) } else { Arg::f32s(v) };
                let currents = [plain(store(&x), kind), plain(Arg::Null, F32)];
                let shared = inputs(&config, [t, t, n, 1], currents, Arg::f32s(&v0));
                let args = [&shared[..], &[Arg::room(t * n), Arg::room(4 * n)]].concat();
                let got = kernels.run("lif_forward", n, &args);
                assert_eq!(got[0], trace.spikes, "{config:?}");
                assert_eq!(f32s(&got[1]), trace.v_last, "{config:?}");

                let gradient = [store(&dy), Arg::u32(kind), Arg::room(4 * t * n)];
                let room = [Arg::room([4, 0, 2][kind as usize] * t * n), Arg::u32(kind)];
                let args = [&shared[..], &gradient, &room].concat();
                let got = kernels.run("lif_backward", n, &args);
                assert_eq!(f32s(&got[0]), trace.membrane, "{config:?}");
                match kind {
                    BF16 => {
                        let dx: Vec<f32> = dx.into_iter().map(round_bf16).collect();
                        assert_eq!(bf16s(&got[1]), dx, "{config:?}");
                    }
                    _ => assert_eq!(f32s(&got[1]), dx, "{config:?}"),
                }
            }
        }
    }
}

/// Spikes of several levels, cut and rounded.
#[test]
fn kernels_of_several_levels_have_the_bits_of_the_specification() {
    let Some(kernels) = kernels("lif-levels") else { return };
    let bits = |whole, fraction| Levels::Bits { whole, fraction };
    let all = [bits(2, 0), bits(1, 1), bits(2, 1), bits(0, 3), bits(8, 0), Levels::Counts(4)];
    for (case, levels) in (0..).zip(all.into_iter().flat_map(|levels| [levels; 2])) {
        let config = LifConfig {
            tau: [2.0, 4.0 / 3.0, f32::INFINITY][case % 3],
            v_threshold: [1.0, 0.7][case % 2],
            reset: Reset::Soft,
            detach_reset: case % 2 == 0,
            decay_input: false,
            strict: false,
            surrogate: Surrogate::Rectangle,
            levels,
            ..LifConfig::default()
        };
        let (t, n) = (1 + case % 5, [1, 3, 255, 257][case % 4]);
        let mut rng = random::stream(33, "levels", case as u64, 0);
        let mut draw = |n, mean| random::normal(&mut rng, n, mean, 1.5);
        let (mut x, v0, dy) = (draw(t * n, 0.9), draw(n, 0.0), draw(t * n, 0.0));
        x.iter_mut().step_by(3).for_each(|x| *x = (*x * 4.0).round() * 0.25 * config.v_threshold);
        let trace = reference::forward(&x, &v0, &config);
        let currents = [plain(Arg::f32s(&x), F32), plain(Arg::Null, F32)];
        let shared = inputs(&config, [t, t, n, 1], currents, Arg::f32s(&v0));
        let args = [&shared[..], &[Arg::room(t * n), Arg::room(4 * n)]].concat();
        let got = kernels.run("lif_forward", n, &args);
        assert_eq!(got[0], trace.spikes, "{config:?}");
        assert_eq!(f32s(&got[1]), trace.v_last, "{config:?}");
        let room = [Arg::room(4 * t * n), Arg::room(4 * t * n), Arg::u32(F32)];
        let args = [&shared[..], &[Arg::f32s(&dy), Arg::u32(F32)], &room].concat();
        let got = kernels.run("lif_backward", n, &args);
        assert_eq!(f32s(&got[1]), reference::backward(&trace, &dy, &config), "{config:?}");
    }
}

/// One normalised and one plain current, in sequence and repeated: what a residual block has.
#[test]
fn fused_kernels_have_the_bits_of_the_fused_operator() {
    let Some(kernels) = kernels("norm-lif") else { return };
    let config = LifConfig::default();
    for (t, x_steps, pixels, channels) in [(4, 4, 37, 7), (3, 1, 50, 3), (1, 1, 1, 1)] {
        let neurons = pixels * channels;
        let mut rng = random::stream(32, "fused kernels", t as u64, 0);
        let mut draw = |n| random::normal(&mut rng, n, 0.5, 1.0);
        let (x, weight, bias) = (draw(x_steps * neurons), draw(channels), draw(channels));
        let dy = draw(t * neurons);
        let spikes: Vec<u8> = draw(x_steps * neurons).iter().map(|&v| u8::from(v > 1.0)).collect();
        let moments = Moments::of(buffer::Data::F32(&x), channels).unwrap();

        let mut tape = Tape::new();
        let shape = vec![x_steps, pixels, channels];
        let vector = |v: &[f32]| buffer::tensor(v.to_vec(), channels).unwrap();
        let a = Value::constant(buffer::tensor(x.clone(), shape.clone()).unwrap());
        let b = buffer::tensor(spikes.iter().map(|&s| f32::from(s)).collect(), shape).unwrap();
        let b = tape.leaf("b", b);
        let (w, s) = (Value::constant(vector(&weight)), Value::constant(vector(&bias)));
        let norm = Current::Norm { x: &a, weight: &w, bias: &s, running: Some(&moments) };
        let currents = [norm, Current::Plain(&b)];
        let output = norm_lif(&mut tape, t, &currents, None, &config).unwrap();
        let flat = |t: &Tensor| t.to_dtype(DType::F32).unwrap().flatten_all().unwrap();
        let seed = buffer::tensor(dy.clone(), output.spikes.dims()).unwrap();
        let mut dz = Vec::new();
        tape.backward([(&output.spikes, seed)], &mut |_, g| {
            dz = flat(&g).to_vec1::<f32>().unwrap();
            Ok(())
        })
        .unwrap();

        let (scale, shift) = moments.affine(&weight, &bias);
        let normed = [Arg::f32s(&x), Arg::u32(F32), Arg::f32s(&scale), Arg::f32s(&shift)];
        let currents = [normed, plain(Arg::Buffer(spikes), U8)];
        let shared = inputs(&config, [t, x_steps, neurons, channels], currents, Arg::Null);
        let args = [&shared[..], &[Arg::room(t * neurons), Arg::room(4 * neurons)]].concat();
        let got = kernels.run("lif_forward", neurons, &args);
        let sent = output.spikes.tensor().flatten_all().unwrap().to_vec1::<u8>().unwrap();
        assert_eq!(got[0], sent, "{t} {x_steps}");
        assert_eq!(f32s(&got[1]), flat(&output.v_last).to_vec1::<f32>().unwrap());
        let room = [Arg::room(4 * t * neurons), Arg::room(4 * x_steps * neurons), Arg::u32(F32)];
        let args = [&shared[..], &[Arg::f32s(&dy), Arg::u32(F32)], &room].concat();
        assert_eq!(f32s(&kernels.run("lif_backward", neurons, &args)[1]), dz, "{t} {x_steps}");
    }
}

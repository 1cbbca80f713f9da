//! The GPU kernels' arithmetic, run on the host and compared with the operators bit for bit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod host;

use candle_core::{DType, Tensor};
use host::{Arg, Kernels, bf16s, f32s, f64s, round_bf16};
use snn_ops::buffer::{self, Data};
use snn_ops::{
    Moments, Normalized, Pool2d, Result, Tape, Value, avg_pool2d, cuda, global_avg_pool,
    global_max_pool, max_pool2d, random,
};

const F32: u32 = 0;
const U8: u32 = 1;
const BF16: u32 = 2;

fn normal(name: &str, n: usize, mean: f32) -> Vec<f32> {
    random::normal(&mut random::stream(21, name, 0, 0), n, mean, 1.0)
}

#[test]
fn a_launch_has_a_thread_for_every_element_and_less_than_a_block_too_many() {
    for threads in [1, 255, 256, 257, 100_000] {
        let launched = cuda::blocks(threads).unwrap() as usize * cuda::BLOCK as usize;
        assert!(launched >= threads && launched - threads < cuda::BLOCK as usize, "{threads}");
    }
    assert!(cuda::blocks(0).is_err() && cuda::blocks(usize::MAX).is_err());
}

#[test]
fn norm_kernels_have_the_bits_of_the_operators() {
    let Some(kernels) = Kernels::compile("norm", include_str!("../../src/norm/norm.cu")) else {
        return;
    };
    // The operators' own number of pieces; the kernels take any.
    const PIECES: usize = 64;
    for (rows, channels) in [(1, 1), (7, 3), (300, 5), (4099, 17), (20_000, 1), (65, 257)] {
        let x = normal("x", rows * channels, 3.0);
        let counts: Vec<u8> = x.iter().map(|v| v.abs() as u8).collect();
        let short: Vec<f32> = x.iter().map(|&v| round_bf16(v)).collect();
        let dy = normal("dy", rows * channels, 0.0);
        let (weight, bias) = (normal("w", channels, 1.0), normal("b", channels, 0.0));
        for (kind, x_arg, data) in [
            (F32, Arg::f32s(&x), Data::F32(&x)),
            (U8, Arg::Buffer(counts.clone()), Data::U8(&counts)),
            (BF16, Arg::bf16s(&short), Data::F32(&short)),
        ] {
            let extent = [Arg::u64(rows), Arg::u64(channels), Arg::u64(PIECES)];
            let input = [x_arg.clone(), Arg::u32(kind)];
            let sums_room = [Arg::room(16 * PIECES * channels)];
            let args = [&input[..], &extent, &sums_room].concat();
            let sums = kernels.run("moments_partial", PIECES * channels, &args).remove(0);
            let room = [Arg::room(8 * channels), Arg::room(8 * channels)];
            let args = [&input[..], &[Arg::Buffer(sums)], &extent, &room].concat();
            let got = kernels.run("moments_finish", channels, &args);
            let moments = Moments::of(data, channels).unwrap();
            assert_eq!((f64s(&got[0]), f64s(&got[1])), (moments.mean.clone(), moments.var.clone()));

            let statistics = [Arg::f64s(&moments.mean), Arg::f64s(&moments.var)];
            let affine = [Arg::f32s(&weight), Arg::f32s(&bias), Arg::u64(channels)];
            let room = [Arg::room(4 * channels), Arg::room(4 * channels)];
            let got =
                kernels.run("norm_affine", channels, &[&statistics[..], &affine, &room].concat());
            assert_eq!((f32s(&got[0]), f32s(&got[1])), moments.affine(&weight, &bias));

            for fixed in [false, true] {
                let (norm, count) = match fixed {
                    false => (Normalized::new(&moments), rows as f64),
                    true => (Normalized::fixed(&moments), f64::INFINITY),
                };
                let wide = data.widened(&mut Vec::new()).to_vec();
                let sums = norm.gradient_sums(&wide, &dy);
                let gradient = [Arg::f32s(&dy), Arg::u32(F32)];
                let room = [Arg::f64s(&moments.mean)];
                let args = [&input[..], &gradient, &room, &extent, &sums_room].concat();
                let partial = kernels.run("gradient_partial", PIECES * channels, &args).remove(0);
                let args = [
                    &[Arg::Buffer(partial)],
                    &statistics[..],
                    &[Arg::f32s(&weight), Arg::f64(count), Arg::u64(channels), Arg::u64(PIECES)],
                    &[Arg::room(4 * channels), Arg::room(4 * channels), Arg::room(12 * channels)],
                ]
                .concat();
                let got = kernels.run("gradient_finish", channels, &args);
                let narrow = |s: &[f64]| s.iter().map(|&v| v as f32).collect::<Vec<f32>>();
                assert_eq!(f32s(&got[0]), narrow(&sums[channels..]));
                assert_eq!(f32s(&got[1]), narrow(&sums[..channels]));

                let mut dx = dy.clone();
                norm.input_gradient_in_place(data, &weight, &sums, &mut dx);
                let args = [
                    &[Arg::Buffer(got[2].clone())],
                    &input[..],
                    &gradient,
                    &[Arg::u64(dx.len()), Arg::u64(channels)],
                    &[Arg::room(4 * dx.len()), Arg::u32(F32)],
                ]
                .concat();
                assert_eq!(f32s(&kernels.run("input_gradient", dx.len(), &args)[0]), dx);
            }
        }
    }
}

/// What the operator gives for `x`, and for the gradient `dy` of its output.
fn operator(
    x: &Tensor,
    dy: &[f32],
    f: impl Fn(&mut Tape, &Value) -> Result<Value>,
) -> (Vec<f32>, Vec<f32>) {
    let mut tape = Tape::new();
    let leaf = tape.leaf("x", x.clone());
    let y = f(&mut tape, &leaf).unwrap();
    let flat = |t: &Tensor| {
        t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let seed = buffer::tensor(dy[..y.tensor().elem_count()].to_vec(), y.dims()).unwrap();
    let mut dx = Vec::new();
    let out = flat(y.tensor());
    tape.backward([(&y, seed)], &mut |_, g| {
        dx = flat(&g);
        Ok(())
    })
    .unwrap();
    (out, dx)
}

#[test]
fn pooling_kernels_have_the_bits_of_the_operators() {
    let Some(kernels) = Kernels::compile("pool", include_str!("../../src/pool/pool.cu")) else {
        return;
    };
    let mut pools: Vec<_> = [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 1, 0), (2, 3, 1), (4, 2, 2)]
        .map(|(kernel, stride, padding)| Some(Pool2d::square(kernel, stride, padding)))
        .into();
    // Not square, and over whole images.
    pools.push(Some(Pool2d { kernel: [1, 4], stride: [1, 3], padding: [0, 2] }));
    pools.push(Some(Pool2d { kernel: [5, 2], stride: [3, 1], padding: [2, 0] }));
    pools.push(None);
    for (case, config) in pools.into_iter().enumerate() {
        let (n, h, w, c) = [(1, 5, 7, 1), (3, 6, 4, 5), (2, 9, 9, 17)][case % 3];
        // Few values, so that maxima tie.
        let x: Vec<f32> =
            normal("pool", n * h * w * c, 1.0).iter().map(|v| v.abs().floor()).collect();
        let dy: Vec<f32> =
            normal("pool dy", x.len() * 4, 0.0).into_iter().map(round_bf16).collect();
        let counts: Vec<u8> = x.iter().map(|&v| v as u8).collect();
        let whole = Pool2d { kernel: [h, w], stride: [1, 1], padding: [0, 0] };
        let Pool2d { kernel, stride, padding } = config.unwrap_or(whole);
        let out = [h, w].into_iter().zip(kernel).zip(stride).zip(padding);
        let out: Vec<usize> = out.map(|(((n, k), s), p)| (n + 2 * p - k) / s + 1).collect();
        let fields = [&kernel[..], &stride, &padding, &[h, w], &out, &[c]].concat();
        let pool = Arg::Value(fields.iter().flat_map(|&v| (v as u32).to_ne_bytes()).collect());
        let outputs = n * out[0] * out[1] * c;
        let dims = vec![n, h, w, c];
        for (kind, x_arg, tensor) in [
            (F32, Arg::f32s(&x), buffer::tensor(x.clone(), dims.clone()).unwrap()),
            (BF16, Arg::bf16s(&x), buffer::tensor(x.clone(), dims.clone()).unwrap()),
            (
                U8,
                Arg::Buffer(counts.clone()),
                buffer::tensor(counts.clone(), dims.clone()).unwrap(),
            ),
        ] {
            let (y, dx) = operator(&tensor, &dy, |tape, x| match config {
                Some(pool) => avg_pool2d(tape, x, pool),
                None => global_avg_pool(tape, x),
            });
            let shape = [pool.clone(), Arg::u64(n)];
            let input = [x_arg.clone(), Arg::u32(kind)];
            let args = [&input[..], &shape, &[Arg::room(4 * outputs)]].concat();
            assert_eq!(f32s(&kernels.run("average_forward", outputs, &args)[0]), y, "{config:?}");
            let gradient = |kind: u32| match kind {
                BF16 => [Arg::bf16s(&dy[..outputs]), Arg::u32(BF16)],
                _ => [Arg::f32s(&dy[..outputs]), Arg::u32(F32)],
            };
            let room = [Arg::room(4 * x.len()), Arg::u32(F32)];
            let args = [&gradient(kind)[..], &shape, &room].concat();
            assert_eq!(f32s(&kernels.run("average_backward", x.len(), &args)[0]), dx, "{config:?}");
            let room = [Arg::room(2 * x.len()), Arg::u32(BF16)];
            let args = [&gradient(kind)[..], &shape, &room].concat();
            let rounded: Vec<f32> = dx.iter().map(|&v| round_bf16(v)).collect();
            assert_eq!(bf16s(&kernels.run("average_backward", x.len(), &args)[0]), rounded);

            let (y, dx) = operator(&tensor, &dy, |tape, x| match config {
                Some(pool) => max_pool2d(tape, x, pool),
                None => global_max_pool(tape, x),
            });
            let size = [4, 1, 2][kind as usize];
            let room = [Arg::room(size * outputs), Arg::room(4 * outputs)];
            let got = kernels.run("max_forward", outputs, &[&input[..], &shape, &room].concat());
            let maxima = match kind {
                F32 => f32s(&got[0]),
                U8 => got[0].iter().map(|&v| f32::from(v)).collect(),
                _ => bf16s(&got[0]),
            };
            assert_eq!(maxima, y, "{config:?}");
            let winners = [Arg::Buffer(got[1].clone())];
            let room = [Arg::room(4 * x.len()), Arg::u32(F32)];
            let args = [&gradient(kind)[..], &winners, &shape, &room].concat();
            assert_eq!(f32s(&kernels.run("max_backward", x.len(), &args)[0]), dx, "{config:?}");
        }
    }
}

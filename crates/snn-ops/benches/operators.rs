//! Single operators at the layers of ResNet-19: 32 images, which is T = 4 and batch 8, of spikes at a rate of 0.15.
//!
//! `cargo bench -p snn-ops`, or `-- conv` for some of it. A gradient's time includes the tape's copy of the seed; rates of
//! convolution and linear count multiply-accumulates, the others outputs.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::hint::black_box;
use std::time::Duration;

use candle_core::Tensor;
use criterion::{BatchSize, Criterion, Throughput};
use snn_ops::{
    Conv2d, Pool2d, Result, Tape, Value, avg_pool2d, buffer, conv2d, global_avg_pool, linear,
    max_pool2d, random,
};

fn main() {
    snn_ops::on_pool(run).unwrap();
}

fn run() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    convolutions(&mut criterion);
    pooling(&mut criterion);
    linear_head(&mut criterion);
    criterion.final_summary();
}

fn normal(shape: &[usize]) -> Tensor {
    let n = shape.iter().product();
    let values = random::normal(&mut random::stream(0, "bench", 0, 0), n, 0.0, 1.0);
    buffer::tensor(values, shape).unwrap()
}

fn spikes(shape: &[usize]) -> Tensor {
    let mut rng = random::stream(0, "bench", 0, 1);
    let fires = |_| u8::from(random::unit(&mut rng) < 0.15);
    buffer::tensor((0..shape.iter().product()).map(fires).collect::<Vec<_>>(), shape).unwrap()
}

/// Times `f`, and for each leaf the backward pass that gives its gradient alone.
fn passes(
    criterion: &mut Criterion,
    name: &str,
    work_per_output: usize,
    leaves: &[(&str, Tensor)],
    f: impl Fn(&mut Tape, &[Value]) -> Result<Value>,
) {
    let constants: Vec<Value> = leaves.iter().map(|(_, t)| Value::constant(t.clone())).collect();
    let y = f(&mut Tape::off(), &constants).unwrap();
    let seed = normal(y.dims());
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements((seed.elem_count() * work_per_output) as u64));
    group.bench_function("forward", |b| b.iter(|| f(&mut Tape::off(), &constants).unwrap()));
    for (i, (leaf, tensor)) in leaves.iter().enumerate() {
        let record = || {
            let mut tape = Tape::new();
            let mut values = constants.clone();
            values[i] = tape.leaf(*leaf, tensor.clone());
            let y = f(&mut tape, &values).unwrap();
            (tape, y)
        };
        let differentiate = |(tape, y): (Tape, Value)| {
            tape.backward([(&y, seed.clone())], &mut |_, gradient| {
                black_box(gradient);
                Ok(())
            })
            .unwrap();
        };
        group.bench_function(format!("{leaf} gradient"), |b| {
            b.iter_batched(record, differentiate, BatchSize::PerIteration);
        });
    }
}

fn convolutions(criterion: &mut Criterion) {
    // Channels in and out, side of the input, kernel, stride.
    for (c, o, side, kernel, stride) in [
        (128, 128, 32, 3, 1),
        (128, 256, 32, 3, 2),
        (128, 256, 32, 1, 2),
        (256, 256, 16, 3, 1),
        (512, 512, 8, 3, 1),
    ] {
        let name = format!("conv {kernel}x{kernel}/{stride} {c}-{o} at {side}x{side}");
        let leaves =
            [("input", spikes(&[32, side, side, c])), ("weight", normal(&[o, c, kernel, kernel]))];
        let config = Conv2d::square(stride, kernel / 2);
        passes(criterion, &name, c * kernel * kernel, &leaves, |tape, values| {
            conv2d(tape, &values[0], &values[1], config)
        });
    }
}

fn pooling(criterion: &mut Criterion) {
    let leaves = [("input", spikes(&[32, 32, 32, 128]))];
    let overlapping = Pool2d::square(3, 2, 1);
    passes(criterion, "max pool 3x3/2 128 at 32x32", 1, &leaves, |tape, values| {
        max_pool2d(tape, &values[0], overlapping)
    });
    passes(criterion, "average pool 2x2 128 at 32x32", 1, &leaves, |tape, values| {
        avg_pool2d(tape, &values[0], Pool2d::tiled(2))
    });
    let leaves = [("input", spikes(&[32, 8, 8, 512]))];
    passes(criterion, "global average pool 512 at 8x8", 1, &leaves, |tape, values| {
        global_avg_pool(tape, &values[0])
    });
}

fn linear_head(criterion: &mut Criterion) {
    let leaves = [("input", normal(&[4, 8, 512])), ("weight", normal(&[256, 512]))];
    let bias = Value::constant(normal(&[256]));
    passes(criterion, "linear 512-256", 512, &leaves, |tape, values| {
        linear(tape, &values[0], &values[1], &bias)
    });
}

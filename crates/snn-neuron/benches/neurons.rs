//! Layers of neurons of ResNet-19 at T = 4 and batch 8, with batch norm and without.
//!
//! `cargo bench -p snn-neuron`, or `-- norm` for some of it. A backward pass gives every gradient, and its time includes the
//! tape's copy of the seed; rates count neurons times steps.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::hint::black_box;
use std::time::Duration;

use candle_core::Tensor;
use criterion::{BatchSize, Criterion, Throughput};
use snn_neuron::{Current, LifConfig, lif, norm_lif};
use snn_ops::{Tape, Value, buffer, random};

fn main() {
    snn_ops::on_pool(run).unwrap();
}

fn run() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for shape in [[4, 8, 32, 32, 128], [4, 8, 8, 8, 512]] {
        let config = LifConfig::default();
        layer(&mut criterion, "LIF", shape, |tape, x| lif(tape, x, None, &config).unwrap().spikes);
        let (weight, bias) = (normal(&shape[4..]), normal(&shape[4..]));
        layer(&mut criterion, "norm and LIF", shape, |tape, x| {
            let weight = &tape.leaf("weight", weight.clone());
            let bias = &tape.leaf("bias", bias.clone());
            let currents = [Current::Norm { x, weight, bias, running: None }];
            norm_lif(tape, shape[0], &currents, None, &config).unwrap().spikes
        });
    }
    criterion.final_summary();
}

fn normal(shape: &[usize]) -> Tensor {
    let n = shape.iter().product();
    let values = random::normal(&mut random::stream(0, "bench", 0, 0), n, 0.0, 1.0);
    buffer::tensor(values, shape).unwrap()
}

/// Times `f` of a current of `shape`, `[T, N, H, W, C]`, and its backward pass.
fn layer(
    criterion: &mut Criterion,
    name: &str,
    shape: [usize; 5],
    f: impl Fn(&mut Tape, &Value) -> Value,
) {
    let (x, seed) = (normal(&shape), normal(&shape));
    let mut group = criterion.benchmark_group(format!("{name} {shape:?}"));
    group.throughput(Throughput::Elements(x.elem_count() as u64));
    let constant = Value::constant(x.clone());
    group.bench_function("forward", |b| b.iter(|| f(&mut Tape::off(), &constant)));
    let record = || {
        let mut tape = Tape::new();
        let x = tape.leaf("x", x.clone());
        let spikes = f(&mut tape, &x);
        (tape, spikes)
    };
    let differentiate = |(tape, spikes): (Tape, Value)| {
        tape.backward([(&spikes, seed.clone())], &mut |_, gradient| {
            black_box(gradient);
            Ok(())
        })
        .unwrap();
    };
    group.bench_function("backward", |b| {
        b.iter_batched(record, differentiate, BatchSize::PerIteration);
    });
}

//! Where the time of a step goes: the operators' tracing spans, summed by name, pass and shape, and beside them the
//! rates of arithmetic and of memory that this processor reaches in the same run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A span's operator and pass, and its shape.
type Key = (String, String);

#[derive(Clone, Copy, Default)]
struct Sum {
    seconds: f64,
    gflop: f64,
    calls: usize,
}

static SUMS: Mutex<BTreeMap<Key, Sum>> = Mutex::new(BTreeMap::new());

fn sums() -> std::sync::MutexGuard<'static, BTreeMap<Key, Sum>> {
    SUMS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Sums the life of every span of the operators.
struct Recorder;

/// A span's fields, and when it was entered.
struct Running {
    key: Key,
    gflop: f64,
    since: Instant,
}

#[derive(Default)]
struct Fields {
    pass: String,
    shape: String,
    gflop: f64,
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "gflop" {
            self.gflop = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "pass" => self.pass = value.into(),
            "shape" => self.shape = value.into(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let name = format!("{} {}", attributes.metadata().name(), fields.pass);
        let key = (name.trim_end().to_string(), fields.shape);
        let running = Running { key, gflop: fields.gflop, since: Instant::now() };
        span.extensions_mut().insert(running);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(running) = span.extensions_mut().remove::<Running>() else { return };
        let mut sums = sums();
        let sum = sums.entry(running.key).or_default();
        sum.seconds += running.since.elapsed().as_secs_f64();
        sum.gflop += running.gflop;
        sum.calls += 1;
    }
}

/// The layer that hears the operators' spans and nothing else.
pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    Recorder.with_filter(filter_fn(|of| of.is_span() && of.target().starts_with("snn_")))
}

/// Drops what the warm-up left.
pub(crate) fn forget() {
    sums().clear();
}

/// A table of where the time went, of `runs` runs that took `total` seconds together.
pub(crate) fn report(total: f64, runs: usize) -> anyhow::Result<String> {
    let sums = std::mem::take(&mut *sums());
    let mut by_name: BTreeMap<&str, Sum> = BTreeMap::new();
    for ((name, _), sum) in &sums {
        let all = by_name.entry(name).or_default();
        all.seconds += sum.seconds;
        all.gflop += sum.gflop;
        all.calls += sum.calls;
    }
    let known: f64 = by_name.values().map(|sum| sum.seconds).sum();
    by_name.insert("everything else", Sum { seconds: total - known, ..Sum::default() });
    let mut text = format!(
        "\nnow, on these threads: {:.0} GFLOP/s multiplying f32 matrices, {:.1} GB/s read and written\n\n",
        matrix_rate()?,
        copy_rate(),
    );
    let mut line = |name: &str, sum: Sum| {
        let rate = match sum.gflop > 0.0 {
            true => format!("{:8.0} GFLOP/s", sum.gflop / sum.seconds),
            false => String::new(),
        };
        let (share, ms) = (100.0 * sum.seconds / total, 1e3 * sum.seconds / runs as f64);
        let _ =
            writeln!(text, "{share:5.1} % {ms:8.1} ms {:4} x {rate:16}  {name}", sum.calls / runs);
    };
    by_name.iter().for_each(|(name, sum)| line(name, *sum));
    let mut layers: Vec<_> = sums.iter().collect();
    layers.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    layers.iter().for_each(|((name, shape), sum)| {
        line(format!("{name}, {shape}").trim_end_matches(", "), **sum)
    });
    text.push_str("\nGFLOP/s count every term of a sum; kernels that skip zeros can pass the processor's own.");
    Ok(text)
}

/// GFLOP/s of a product of two large f32 matrices, the best of four.
fn matrix_rate() -> anyhow::Result<f64> {
    const N: usize = 1536;
    let a = Tensor::ones((N, N), DType::F32, &Device::Cpu)?;
    let mut best = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        a.matmul(&a)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(2e-9 * (N * N * N) as f64 / best)
}

/// GB/s of a copy far larger than the caches, reads and writes both counted, the best of four.
fn copy_rate() -> f64 {
    const CHUNK: usize = 1 << 20;
    let from = vec![1f32; 1 << 26];
    let mut to = vec![0f32; from.len()];
    let mut best = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        to.par_chunks_mut(CHUNK)
            .zip(from.par_chunks(CHUNK))
            .for_each(|(to, from)| to.copy_from_slice(from));
        best = best.min(start.elapsed().as_secs_f64());
    }
    2e-9 * (4 * from.len()) as f64 / best
}

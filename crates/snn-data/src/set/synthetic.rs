//! Generated data sets: a pattern of blobs for each class, and noise; for tests and first trials.

use rand_chacha::ChaCha8Rng;

use super::config::DataConfig;
use super::held::reserved;
use super::opening::Opening;
use super::recordings::configured;
use crate::limits::product;
use crate::preprocess::{Preprocess, Recordings};
use crate::random::{between, stream, unit};
use crate::samples::Samples;
use crate::{Dataset, Error, Limits, Representation, Result, Splits};

const CLASSES: usize = 10;
const BLOBS: usize = 3;
/// Samples of a side, and bytes of them, at most: more would be drawn for minutes, and held.
const MOST: usize = 1 << 20;
const MOST_BYTES: u64 = 1 << 32;

/// Images `[3, size, size]`, 32 pixels by default; `limit_train` and `limit_test` are the numbers made (512, 128).
///
/// The classes' patterns are the same for every seed; the seed draws the noise.
pub(super) fn images(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    let size = config.size.unwrap_or(32);
    let patterns = patterns(3, size)?;
    let draw = |class: usize, rng: &mut ChaCha8Rng| -> Vec<u8> {
        let pattern = patterns.get(class).map_or(&[][..], Vec::as_slice);
        pattern
            .iter()
            .map(|&level| (40.0 + 150.0 * level + 40.0 * (unit(rng) - 0.5)).clamp(0.0, 255.0) as u8)
            .collect()
    };
    let part = |n, side| {
        let (labels, pixels) = generate(opening, side, &[n, 3, size, size], draw)?;
        Dataset::from_images(
            &config.name,
            "synthetic/generated",
            class_names(),
            labels,
            [3, size, size],
            pixels,
            (&[0.5; 3], &[0.25; 3]),
        )
    };
    splits(config, part)
}

/// Event frames `[T, 2, size, size]`, 32 pixels by default, of blobs that move one pixel a step.
pub(super) fn events(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    if config.representation != Representation::Counts {
        let why =
            format!("{} are made of events, and here counts are drawn", config.representation);
        return Err(Error::config("representation", why));
    }
    let (size, t_steps) = (config.size.unwrap_or(32), config.t_steps);
    let patterns = patterns(2, size)?;
    let draw = |class: usize, rng: &mut ChaCha8Rng| -> Vec<u8> {
        let pattern = patterns.get(class).map_or(&[][..], Vec::as_slice);
        let mut counts = Vec::with_capacity(t_steps * pattern.len());
        for t in 0..t_steps {
            for plane in pattern.chunks_exact(size * size) {
                for row in plane.chunks_exact(size) {
                    let moved = row.iter().cycle().skip(t % size).take(size);
                    // A count is the sum of three chances, at most 3.
                    counts.extend(moved.map(|&level| {
                        (0..3).map(|_| u8::from(unit(rng) < 0.02 + 0.7 * level)).sum::<u8>()
                    }));
                }
            }
        }
        counts
    };
    let part = |n, side| {
        let (labels, counts) = generate(opening, side, &[n, t_steps, 2, size, size], draw)?;
        let shape = vec![t_steps, 2, size, size];
        let framing = configured(config, Recordings::new(t_steps, size, size));
        let (name, split) = (&config.name, "synthetic/generated");
        let (samples, preprocess) = (Samples::Counts(counts), Preprocess::Recordings(framing));
        Dataset::new(name, split, class_names(), labels, shape, samples, preprocess)
    };
    splits(config, part)
}

fn class_names() -> Vec<String> {
    (0..CLASSES).map(|class| format!("pattern-{class}")).collect()
}

fn splits(
    config: &DataConfig,
    part: impl Fn(usize, &'static str) -> Result<Dataset>,
) -> Result<Splits> {
    Ok(Splits {
        train: part(config.limit_train.unwrap_or(512), "synthetic-train")?,
        test: part(config.limit_test.unwrap_or(128), "synthetic-test")?,
    })
}

/// Samples of `shape` `[N, ...]`, the classes taking turns.
fn generate(
    opening: &Opening<'_>,
    side: &str,
    shape: &[usize],
    draw: impl Fn(usize, &mut ChaCha8Rng) -> Vec<u8>,
) -> Result<(Vec<u32>, Vec<u8>)> {
    let n = shape.first().copied().unwrap_or(0);
    let bytes = shape.iter().try_fold(1u64, |bytes, &side| bytes.checked_mul(side as u64));
    if n > MOST || bytes.is_none_or(|bytes| bytes > MOST_BYTES) {
        let gigabytes = bytes.map_or(f64::INFINITY, |bytes| bytes as f64 / 1e9);
        let why = format!(
            "{n} generated samples take {gigabytes:.1} GB; ask for at most {MOST} samples and {:.1} GB",
            MOST_BYTES as f64 / 1e9
        );
        return Err(Error::config("limit_train, limit_test", why));
    }
    let mut values = reserved(shape)?;
    let mut labels = Vec::with_capacity(n);
    for index in 0..n {
        opening.report(index, n)?;
        let class = index % CLASSES;
        values.extend(draw(class, &mut stream(opening.config.seed, side, 0, index as u64)));
        labels.push(class as u32);
    }
    Ok((labels, values))
}

/// For each class `[channels, size, size]` levels in [0, 1]: blobs at fixed random places.
fn patterns(channels: usize, size: usize) -> Result<Vec<Vec<f32>>> {
    product("size", &[CLASSES, channels, size, size], Limits::default().sample_values)?;
    let pattern = |class: usize| {
        let mut rng = stream(0, "synthetic-pattern", 0, class as u64);
        let mut levels = Vec::with_capacity(channels * size * size);
        for _ in 0..channels {
            let blobs: [(f32, f32); BLOBS] =
                std::array::from_fn(|_| (between(&mut rng, 0.1, 0.9), between(&mut rng, 0.1, 0.9)));
            levels.extend((0..size * size).map(|at| {
                let row = ((at / size) as f32 + 0.5) / size as f32;
                let column = ((at % size) as f32 + 0.5) / size as f32;
                let near = blobs.iter().map(|(y, x)| (row - y).powi(2) + (column - x).powi(2));
                // A rational bell: the same bits on every platform, which exp does not promise.
                near.map(|square| 1.0 / (1.0 + square / 0.01).powi(2)).fold(0.0, f32::max)
            }));
        }
        levels
    };
    Ok((0..CLASSES).map(pattern).collect())
}

//! Data sets that are held in memory: pictures from packed files, and small recordings.

use rayon::prelude::*;

use super::choice::{choose, pick};
use super::opening::Opening;
use crate::limits::product;
use crate::preprocess::{Pictures, Preprocess, Recordings};
use crate::samples::Samples;
use crate::{Dataset, Error, EventStream, Limits, Result};

/// Recordings decoded at a time, so that a large set is never in memory twice.
const BLOCK: usize = 512;

/// Images `[N, C, H, W]` before any choice.
pub(super) struct Images {
    pub(super) labels: Vec<u32>,
    pub(super) shape: [usize; 3],
    pub(super) pixels: Vec<u8>,
}

/// The chosen images at the configured size.
pub(super) fn image_set(
    opening: &Opening<'_>,
    split: &str,
    class_names: Vec<String>,
    images: &Images,
    limit: Option<usize>,
    moments: (&[f32], &[f32]),
) -> Result<Dataset> {
    let config = opening.config;
    let [channels, height, width] = images.shape;
    let side = config.size.map_or((height, width), |size| (size, size));
    let chosen = choose(&images.labels, limit);
    let shape = [channels, side.0, side.1];
    let pictures = Pictures { stored: Some([height, width]), ..Pictures::new(shape, moments) };
    let n = channels * height * width;
    let mut pixels = reserved(&[chosen.len(), channels, side.0, side.1])?;
    for (done, &index) in chosen.iter().enumerate() {
        if done.is_multiple_of(BLOCK) {
            opening.report(done, chosen.len())?;
        }
        let image = images.pixels.get(index * n..(index + 1) * n).unwrap_or(&[]);
        if side == (height, width) {
            pixels.extend_from_slice(image);
        } else {
            pixels.extend(pictures.unpacked(image, (height, width)));
        }
    }
    let (labels, samples) = (pick(&images.labels, &chosen), Samples::Pixels(pixels));
    let preprocess = Preprocess::Pictures(pictures);
    let shape = shape.to_vec();
    let set = Dataset::new(&config.name, split, class_names, labels, shape, samples, preprocess)?;
    Ok(set.with_members(chosen.iter(), &[]))
}

/// The recordings that `read` gives for `chosen`, framed as `recordings` says, in parallel.
///
/// A recording without events has no class to learn: `read` refuses it.
pub(super) fn event_set(
    opening: &Opening<'_>,
    split: &str,
    class_names: Vec<String>,
    labels: Vec<u32>,
    chosen: &[usize],
    recordings: Recordings,
    read: impl Fn(usize) -> Result<EventStream> + Sync,
) -> Result<Dataset> {
    let config = opening.config;
    let one = |&index: &usize| recordings.frames(&read(index)?);
    let shape = recordings.shape().to_vec();
    let mut all = Samples::Counts(reserved(&[&[chosen.len()], shape.as_slice()].concat())?);
    for (i, block) in chosen.chunks(BLOCK).enumerate() {
        opening.report(i * BLOCK, chosen.len())?;
        let block: Vec<Result<Samples>> = block.par_iter().map(one).collect();
        for sample in block {
            all = all.joined(sample?);
        }
    }
    let preprocess = Preprocess::Recordings(recordings);
    let set = Dataset::new(&config.name, split, class_names, labels, shape, all, preprocess)?;
    Ok(set.with_members(chosen.iter(), &[]))
}

/// An empty vector for the bytes of `[N, ...]`, refused where limits or memory cannot hold them.
///
/// Memory that is reserved and not used costs nothing; without it the set would be copied as it grows.
pub(super) fn reserved(shape: &[usize]) -> Result<Vec<u8>> {
    let limits = Limits::default();
    let sample = shape.get(1..).unwrap_or(&[]);
    product("sample size", sample, limits.sample_values)?;
    let bytes = product("samples and their size", shape, limits.set_bytes)?;
    let mut out = Vec::new();
    out.try_reserve_exact(bytes).map_err(|_| {
        let why = format!("{bytes} bytes are not there; use fewer or smaller samples");
        Error::config("memory", why)
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_beyond_the_limits_are_refused() {
        assert!(reserved(&[10, 3, 4]).is_ok_and(|bytes| bytes.capacity() >= 120));
        for shape in [&[usize::MAX, 3][..], &[1, 1 << 20, 1 << 20], &[1 << 20, 1 << 20]] {
            assert!(matches!(reserved(shape), Err(Error::Config { .. })), "{shape:?}");
        }
    }
}

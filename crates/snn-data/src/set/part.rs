//! What the data sets share: finding folders, choosing samples, naming splits, putting samples together.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Opening;
use super::recordings::Resize;
use crate::dataset::{Samples, counts};
use crate::limits::product;
use crate::{DataConfig, Dataset, DatasetName, Error, EventStream, Limits, Result, fit, frames};

/// Recordings decoded at a time, so that a large set is never in memory twice.
const BLOCK: usize = 512;

/// Images `[N, C, H, W]` before any choice.
pub(super) struct Images {
    pub(super) labels: Vec<u32>,
    pub(super) shape: [usize; 3],
    pub(super) pixels: Vec<u8>,
}

/// The first of `dir/<subfolder>`... and `dir` that `holds` accepts.
pub(super) fn folder(
    config: &DataConfig,
    name: DatasetName,
    subfolders: &[&str],
    what: &str,
    holds: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    let source = name.listing().map_or("", |listing| listing.source);
    let remedy =
        format!("name the folder of {name} with --data DIR: {source}", name = name.as_str());
    let dir = config.dir.clone().unwrap_or_default();
    if config.dir.is_none() {
        return Err(Error::Missing { path: "data folder".into(), what: what.into(), remedy });
    }
    let mut candidates = subfolders.iter().map(|sub| dir.join(sub)).chain([dir.clone()]);
    candidates.find(|path| holds(path)).ok_or_else(|| Error::Missing {
        path: dir,
        what: what.into(),
        remedy,
    })
}

/// The places of the first `limit` samples when the classes take turns, in the original order.
pub(super) fn choose(labels: &[u32], limit: Option<usize>) -> Vec<usize> {
    let Some(limit) = limit.filter(|&limit| limit < labels.len()) else {
        return (0..labels.len()).collect();
    };
    let mut seen = std::collections::BTreeMap::<u32, usize>::new();
    let mut turns: Vec<(usize, u32, usize)> = Vec::with_capacity(labels.len());
    for (index, &label) in labels.iter().enumerate() {
        let turn = seen.entry(label).or_default();
        turns.push((*turn, label, index));
        *turn += 1;
    }
    turns.sort_unstable();
    let mut chosen: Vec<usize> = turns.into_iter().take(limit).map(|(.., index)| index).collect();
    chosen.sort_unstable();
    chosen
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
            let planes: Vec<f32> = image.iter().map(|&pixel| pixel.into()).collect();
            let planes = fit(&planes, (height, width), side);
            pixels.extend(planes.iter().map(|&x| x.round() as u8));
        }
    }
    let labels = pick(&images.labels, &chosen);
    let shape = [channels, side.0, side.1];
    let set =
        Dataset::from_images(&config.name, split, class_names, labels, shape, pixels, moments)?;
    Ok(set.with_members(chosen.iter()))
}

/// The recordings that `read` gives for `chosen`, framed in `side` (rows, columns), in parallel.
///
/// A recording without events has no class to learn: `read` refuses it.
pub(super) fn event_set(
    opening: &Opening<'_>,
    split: &str,
    class_names: Vec<String>,
    labels: Vec<u32>,
    chosen: &[usize],
    side: (usize, usize),
    read: impl Fn(usize) -> Result<EventStream> + Sync,
) -> Result<Dataset> {
    let config = opening.config;
    let one = |&index: &usize| prepared(&read(index)?, config, side, fit);
    let mut all = Samples::Counts(reserved(&[chosen.len(), config.t_steps, 2, side.0, side.1])?);
    for (i, block) in chosen.chunks(BLOCK).enumerate() {
        opening.report(i * BLOCK, chosen.len())?;
        let block: Vec<Result<Samples>> = block.par_iter().map(one).collect();
        for sample in block {
            all = joined(all, sample?);
        }
    }
    let shape = vec![config.t_steps, 2, side.0, side.1];
    let set = Dataset::new(&config.name, split, class_names, labels, shape, all)?;
    Ok(set.with_members(chosen.iter()))
}

/// A recording as the frames of a sample of `side` (rows, columns).
pub(super) fn prepared(
    stream: &EventStream,
    config: &DataConfig,
    side: (usize, usize),
    resize: Resize,
) -> Result<Samples> {
    let x = frames(stream, config.t_steps, config.frames_by)?;
    let x = resize(&x, (stream.height.into(), stream.width.into()), side);
    Ok(counts(&x).map_or(Samples::Frames(x), Samples::Counts))
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

/// One after the other: bytes as long as both are.
fn joined(all: Samples, next: Samples) -> Samples {
    let wide = |bytes: Vec<u8>| bytes.into_iter().map(f32::from).collect::<Vec<f32>>();
    match (all, next) {
        (Samples::Frames(mut all), Samples::Frames(next)) => {
            all.extend(next);
            Samples::Frames(all)
        }
        (Samples::Frames(mut all), Samples::Counts(next) | Samples::Pixels(next)) => {
            all.extend(next.into_iter().map(f32::from));
            Samples::Frames(all)
        }
        (Samples::Counts(all) | Samples::Pixels(all), Samples::Frames(next)) => {
            let mut all = wide(all);
            all.extend(next);
            Samples::Frames(all)
        }
        (
            Samples::Counts(mut all) | Samples::Pixels(mut all),
            Samples::Counts(next) | Samples::Pixels(next),
        ) => {
            all.extend(next);
            Samples::Counts(all)
        }
        // Held samples are not made of others.
        (all, _) => all,
    }
}

pub(super) fn pick(labels: &[u32], chosen: &[usize]) -> Vec<u32> {
    chosen.iter().filter_map(|&index| labels.get(index)).copied().collect()
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_takes_the_first_of_every_class() {
        let labels = [0, 0, 0, 1, 1, 2];
        assert_eq!(choose(&labels, Some(3)), [0, 3, 5]);
        assert_eq!(choose(&labels, Some(4)), [0, 1, 3, 5]);
        assert_eq!(choose(&labels, Some(9)), [0, 1, 2, 3, 4, 5]);
        assert_eq!(choose(&labels, None).len(), 6);
    }

    #[test]
    fn sets_beyond_the_limits_are_refused() {
        assert!(reserved(&[10, 3, 4]).is_ok_and(|bytes| bytes.capacity() >= 120));
        for shape in [&[usize::MAX, 3][..], &[1, 1 << 20, 1 << 20], &[1 << 20, 1 << 20]] {
            assert!(matches!(reserved(shape), Err(Error::Config { .. })), "{shape:?}");
        }
    }

    #[test]
    fn bytes_widen_only_when_they_must() {
        let bytes = || Samples::Counts(vec![1, 2]);
        let wide = || Samples::Frames(vec![0.5]);
        assert_eq!(joined(bytes(), bytes()), Samples::Counts(vec![1, 2, 1, 2]));
        assert_eq!(joined(bytes(), wide()), Samples::Frames(vec![1.0, 2.0, 0.5]));
        assert_eq!(joined(wide(), bytes()), Samples::Frames(vec![0.5, 1.0, 2.0]));
    }
}

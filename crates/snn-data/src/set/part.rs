//! What the data sets share: finding folders, choosing samples, naming splits, putting samples together.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::dataset::{Samples, counts};
use crate::{DataConfig, Dataset, DatasetName, Error, EventStream, Result, fit, frames};

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
    let remedy = format!("name the folder of {name}: {source}", name = name.as_str());
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

/// A folder's entries in order: by the number that the name is, else by name.
pub(super) fn entries(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Error::io(dir))? {
        let path = entry.map_err(Error::io(dir))?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)) {
            found.push(path);
        }
    }
    found.sort_by_cached_key(|path| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (stem.parse::<u64>().unwrap_or(u64::MAX), stem)
    });
    Ok(found)
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

/// `<base>/official` for the whole set, else what part of it there is, and what the limits leave.
pub(super) fn split_name(
    base: &str,
    name: DatasetName,
    train: &[u32],
    test: &[u32],
    config: &DataConfig,
) -> String {
    let whole = match name.listing() {
        // The catalog's figures for the embedded set are those of the subset.
        _ if name == DatasetName::FashionMnist => (60_000, 10_000),
        Some(listing) => (listing.train, listing.test),
        None => (0, 0),
    };
    let mut per_class = std::collections::BTreeMap::<u32, usize>::new();
    for &label in train {
        *per_class.entry(label).or_default() += 1;
    }
    let mut counts = per_class.into_values();
    let first = counts.next().unwrap_or(0);
    let part = if (train.len(), test.len()) == whole {
        "official".to_owned()
    } else if counts.all(|n| n == first) {
        format!("subset-{first}-per-class")
    } else {
        format!("subset-{}-{}", train.len(), test.len())
    };
    limited(format!("{base}/{part}"), train.len(), test.len(), config)
}

/// The split's name with the limits that bite.
pub(super) fn limited(split: String, train: usize, test: usize, config: &DataConfig) -> String {
    let left = |n: usize, limit: Option<usize>| limit.map_or(n, |limit| limit.min(n));
    let (new_train, new_test) = (left(train, config.limit_train), left(test, config.limit_test));
    if (new_train, new_test) == (train, test) {
        return split;
    }
    format!("{split}+limit-{new_train}-{new_test}")
}

/// The chosen images at the configured size.
pub(super) fn image_set(
    config: &DataConfig,
    split: &str,
    class_names: Vec<String>,
    images: &Images,
    limit: Option<usize>,
    moments: (&[f32], &[f32]),
) -> Result<Dataset> {
    let [channels, height, width] = images.shape;
    let side = config.size.map_or((height, width), |size| (size, size));
    let chosen = choose(&images.labels, limit);
    let n = channels * height * width;
    let mut pixels = Vec::with_capacity(chosen.len() * channels * side.0 * side.1);
    for &index in &chosen {
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
    Dataset::from_images(&config.name, split, class_names, labels, shape, pixels, moments)
}

/// The recordings that `read` gives for `chosen`, framed at the configured size, in parallel.
pub(super) fn event_set(
    config: &DataConfig,
    split: &str,
    class_names: Vec<String>,
    labels: Vec<u32>,
    chosen: &[usize],
    (height, width): (usize, usize),
    read: impl Fn(usize) -> Result<EventStream> + Sync,
) -> Result<Dataset> {
    let side = config.size.map_or((height, width), |size| (size, size));
    let one = |&index: &usize| -> Result<Samples> {
        let x = frames(&read(index)?, config.t_steps, config.frames_by)?;
        let x = if side == (height, width) { x } else { fit(&x, (height, width), side) };
        Ok(counts(&x).map_or(Samples::Frames(x), Samples::Counts))
    };
    let mut bytes = Vec::new();
    // Memory that is reserved and not used costs nothing; without it the set would be copied as it grows.
    let sample = config.t_steps * 2 * side.0 * side.1;
    let _ = bytes.try_reserve_exact(sample.saturating_mul(chosen.len()));
    let mut all = Samples::Counts(bytes);
    for block in chosen.chunks(BLOCK) {
        let block: Vec<Result<Samples>> = block.par_iter().map(one).collect();
        for sample in block {
            all = joined(all, sample?);
        }
    }
    let shape = vec![config.t_steps, 2, side.0, side.1];
    Dataset::new(&config.name, split, class_names, labels, shape, all)
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
    fn split_names_say_what_is_there() {
        let config = DataConfig::new("mnist", None);
        let name = |train: &[u32], config: &DataConfig| {
            split_name("mnist", DatasetName::Mnist, train, &[0, 1], config)
        };
        assert_eq!(name(&[0, 1, 0, 1], &config), "mnist/subset-2-per-class");
        assert_eq!(name(&[0, 1, 0], &config), "mnist/subset-3-2");
        let limited = DataConfig { limit_train: Some(2), limit_test: Some(5), ..config };
        assert_eq!(name(&[0, 1, 0], &limited), "mnist/subset-3-2+limit-2-2");
        let (train, test) = (vec![0; 60_000], vec![0; 10_000]);
        let name =
            split_name("mnist", DatasetName::Mnist, &train, &test, &DataConfig::new("mnist", None));
        assert_eq!(name, "mnist/official");
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

//! ImageNet in Parquet shards, as the Hugging Face Hub has it: `train-NNNNN-of-NNNNN.parquet` and `validation-...`.
//! `test-...` has no labels.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::choice::choose;
use super::contents;
use super::files::{name, named};
use super::known::Known;
use super::opening::Opening;
use super::photographs::{about, pictures};
use crate::format::{Shard, open_file, parquet, picture};
use crate::hash::hex;
use crate::limits::product;
use crate::preprocess::Preprocess;
use crate::samples::{Samples, Source};
use crate::split::{self, name_of};
use crate::{Dataset, Error, Limits, Result, Splits};

/// The labels are the places of the sorted wnids; the shards' names for them are not read.
const NUM_CLASSES: usize = 1_000;

/// Rows and columns of a sample when the configuration names none.
const SIZE: usize = 224;

pub(super) fn imagenet(opening: &Opening<'_>, dir: &Path) -> Result<Splits> {
    let config = opening.config;
    let train = Shards::open(opening, named(dir, "train-", "parquet")?)?;
    let test = Shards::open(opening, named(dir, "validation-", "parquet")?)?;
    let split = &name_of(split::IMAGENET, (train.labels.len(), test.labels.len()), config);
    Ok(Splits {
        train: train.dataset(opening, dir, split, config.limit_train)?,
        test: test.dataset(opening, dir, split, config.limit_test)?,
    })
}

/// The pictures of some shards, each read when it is asked for.
#[derive(Debug)]
struct Shards {
    shards: Vec<(PathBuf, Shard)>,
    /// Of each shard what it held when the set was opened.
    known: Vec<Known>,
    /// Of each picture its class, and its shard and row.
    labels: Vec<u32>,
    places: Vec<(usize, usize)>,
}

impl Shards {
    fn open(opening: &Opening<'_>, paths: Vec<PathBuf>) -> Result<Self> {
        let (mut shards, mut labels, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let total = paths.len();
        for (i, path) in paths.into_iter().enumerate() {
            opening.report(i, total)?;
            let (mut file, _) = open_file(&path)?;
            let shard = parquet(&mut file, &Limits::default(), &path)?;
            for (row, &got) in shard.labels().iter().enumerate() {
                if got as usize >= NUM_CLASSES {
                    let (record, num_classes) = (row as u64, NUM_CLASSES);
                    return Err(Error::Label { path, record, got, num_classes });
                }
                labels.push(got);
                places.push((i, row));
            }
            shards.push((path, shard));
        }
        Ok(Self { shards, known: Vec::new(), labels, places })
    }

    /// The data set of the pictures that `limit` leaves.
    fn dataset(
        self,
        opening: &Opening<'_>,
        root: &Path,
        split: &str,
        limit: Option<usize>,
    ) -> Result<Dataset> {
        let config = opening.config;
        let size = config.size.unwrap_or(SIZE);
        let shape = [3, size, size];
        product("sample size", &shape, Limits::default().sample_values)?;
        let chosen = choose(&self.labels, limit);
        let labels: Vec<u32> = chosen.iter().filter_map(|&i| self.labels.get(i)).copied().collect();
        let places: Vec<_> = chosen.iter().filter_map(|&i| self.places.get(i)).copied().collect();
        let names: Vec<String> = places.iter().filter_map(|&place| self.name(place)).collect();
        let paths: Vec<&Path> = self.shards.iter().map(|(path, _)| path.as_path()).collect();
        let known = contents::known(opening, root, &paths, None)?;
        let head = |version: u8| {
            let mut hash = Sha256::new();
            hash.update(format!("snn-data-shards-v{version}\n{}\n", about(config, size)));
            hash
        };
        // What results of older versions know of the data: lengths and names.
        let mut former = head(1);
        for path in &paths {
            former.update(format!("{} {}\n", name(path), open_file(path)?.1));
        }
        let mut hash = head(2);
        known.iter().for_each(|known| hash.update(format!("{}\n", hex(&known.content))));
        for (label, ((shard, row), name)) in labels.iter().zip(places.iter().zip(&names)) {
            former.update(format!("{label} {name}\n"));
            hash.update(format!("{label} {shard} {row}\n"));
        }
        let (hash, former) = (hex(&hash.finalize()), hex(&former.finalize()));
        let samples = Samples::OnDemand(Arc::new(Self { places, known, ..self }));
        let classes = (0..NUM_CLASSES).map(|class| class.to_string()).collect();
        let preprocess = Preprocess::Pictures(pictures(config, size));
        let (shape, name) = (shape.to_vec(), &config.name);
        let set = Dataset::new(name, split, classes, labels, shape, samples, preprocess)?;
        Ok(set.with_members(names.iter(), &[]).with_hashes(hash, former))
    }

    fn name(&self, (shard, row): (usize, usize)) -> Option<String> {
        Some(format!("{} row {row}", name(&self.shards.get(shard)?.0)))
    }
}

impl Source for Shards {
    fn sample(&self, index: usize) -> Result<Samples> {
        let found = self.places.get(index);
        let found = found
            .and_then(|&(shard, row)| Some((self.shards.get(shard)?, self.known.get(shard)?, row)));
        let Some(((path, shard), known, row)) = found else {
            return Err(Error::config("index", format!("there is no sample {index}")));
        };
        known.check(path)?;
        let limits = Limits::default();
        // A file of its own for each: threads would move each other's place in a shared one.
        let (mut file, _) = open_file(path)?;
        let bytes = shard.picture(&mut file, row, &limits, path)?;
        let about = format!("{} row {row}", path.display());
        picture(&bytes, &limits, Path::new(&about)).map(Samples::Image)
    }
}

//! Data sets by name.

mod cifar;
mod mnist;
mod part;
mod recorded;
mod synthetic;

use std::path::PathBuf;

use crate::{DatasetName, Error, FrameBy, Result, Splits};

/// Which data set to open and how its samples are made.
///
/// This crate reads no environment variable and has no folder of its own: the caller names the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct DataConfig {
    /// A name of [`catalog`](crate::catalog()).
    pub name: String,
    /// The folder with the files, or a folder with that one inside; for `fashion_mnist` and
    /// `fashion_mnist_dvs` the repository's `data` folder. Generated sets need none.
    pub dir: Option<PathBuf>,
    /// Frames of an event recording, 1 to 4096; images ignore it.
    pub t_steps: usize,
    /// Rows and columns of a sample, by [`fit`](crate::fit()); the files' own when absent.
    pub size: Option<usize>,
    /// How recordings are cut into frames.
    pub frames_by: FrameBy,
    /// Use that many training samples, the first of every class; all when absent.
    pub limit_train: Option<usize>,
    /// The same of test samples.
    pub limit_test: Option<usize>,
    /// Seed of generated and simulated samples.
    pub seed: u64,
}

impl DataConfig {
    /// The data set `name` with T = 10, frames by time, the files' own size, all samples and seed 0.
    pub fn new(name: &str, dir: Option<PathBuf>) -> Self {
        Self {
            name: name.into(),
            dir,
            t_steps: 10,
            size: None,
            frames_by: FrameBy::Time,
            limit_train: None,
            limit_test: None,
            seed: 0,
        }
    }

    fn check(&self) -> Result<()> {
        if !(1..=4096).contains(&self.t_steps) {
            let why = format!("{} is out of range; give 1 to 4096", self.t_steps);
            return Err(Error::config("t_steps", why));
        }
        if let Some(size) = self.size.filter(|size| !(1..=4096).contains(size)) {
            let why = format!("{size} is out of range; give 1 to 4096");
            return Err(Error::config("size", why));
        }
        if self.limit_train == Some(0) || self.limit_test == Some(0) {
            return Err(Error::config(
                "limit_train, limit_test",
                "0 is out of range; give at least 1",
            ));
        }
        Ok(())
    }
}

/// Opens a data set: reads, decodes and frames all of its samples, in parallel.
///
/// # Errors
/// [`Error::Config`] for an unknown name or a setting out of range, [`Error::Unreadable`] for a set that this version
/// does not read, [`Error::Missing`] when the files are not there, and what the readers of the files report.
///
/// # Determinism
/// A function of the files and `config`.
pub fn open(config: &DataConfig) -> Result<Splits> {
    let name: DatasetName = config.name.parse()?;
    config.check()?;
    let splits = match name {
        DatasetName::FashionMnist => mnist::fashion(config),
        DatasetName::FashionMnistDvs => mnist::fashion_dvs(config),
        DatasetName::Mnist => mnist::digits(config),
        DatasetName::Cifar10 => cifar::ten(config),
        DatasetName::Cifar100 => cifar::hundred(config),
        DatasetName::NMnist => recorded::nmnist(config),
        DatasetName::PokerDvs => recorded::poker(config),
        DatasetName::Synthetic => synthetic::images(config),
        DatasetName::SyntheticEvents => synthetic::events(config),
        other => {
            let source = other.listing().map_or("", |listing| listing.source);
            let remedy = format!("its files come from {source}");
            Err(Error::Unreadable { what: format!("data set {}", other.as_str()), remedy })
        }
    }?;
    for (part, split) in [("training samples", &splits.train), ("test samples", &splits.test)] {
        if split.is_empty() {
            let path = config.dir.clone().unwrap_or_default();
            let remedy = "its files hold none: copy the data set's folder again".into();
            return Err(Error::Missing { path, what: part.into(), remedy });
        }
    }
    Ok(splits)
}

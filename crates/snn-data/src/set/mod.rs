//! Data sets by name.

mod cifar;
mod clouds;
mod dvs;
mod files;
mod gesture;
mod listed;
mod lists;
mod mnist;
mod on_demand;
mod part;
mod pictures;
mod recorded;
mod recordings;
#[cfg(feature = "parquet")]
mod shards;
#[cfg(feature = "hdf5")]
mod shd;
mod synthetic;
mod vibration;

use std::cell::RefCell;
use std::path::PathBuf;

use crate::frame::check_t_steps;
use crate::split;
use crate::{CacheConfig, DatasetName, Error, FrameBy, MAX_SIZE, Result, Splits};

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
    /// Frames of an event recording, 1 to [`MAX_T_STEPS`](crate::MAX_T_STEPS); images ignore it.
    pub t_steps: usize,
    /// Rows and columns of a sample, by [`fit`](crate::fit()), 1 to [`MAX_SIZE`]; the files' own when absent. Of a
    /// signal the samples of a window, of a point cloud its points, 1,024 when absent; of SHD the groups into which its
    /// 700 channels are joined.
    pub size: Option<usize>,
    /// How recordings are cut into frames.
    pub frames_by: FrameBy,
    /// One of the data set's [`Split`](crate::Split)s, by name or by rule; the first when absent.
    pub split: Option<String>,
    /// Use that many training samples, the first of every class; all when absent.
    pub limit_train: Option<usize>,
    /// The same of test samples.
    pub limit_test: Option<usize>,
    /// Where prepared samples of sets that are not held in memory are kept; nowhere when absent.
    pub cache: Option<CacheConfig>,
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
            split: None,
            limit_train: None,
            limit_test: None,
            cache: None,
            seed: 0,
        }
    }

    fn check(&self) -> Result<()> {
        check_t_steps(self.t_steps)?;
        if let Some(size) = self.size.filter(|size| !(1..=MAX_SIZE).contains(size)) {
            let why = format!("{size} is out of range; give 1 to {MAX_SIZE}");
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

/// How far the opening of a data set is: samples of the training or the test side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Samples that are ready.
    pub done: usize,
    /// Samples of this side.
    pub total: usize,
}

/// A request to open a data set, as the readers of single sets get it.
struct Opening<'a> {
    config: &'a DataConfig,
    watch: RefCell<&'a mut dyn FnMut(Progress) -> bool>,
}

impl Opening<'_> {
    fn report(&self, done: usize, total: usize) -> Result<()> {
        let mut watch = self.watch.borrow_mut();
        if watch(Progress { done, total }) { Ok(()) } else { Err(Error::Stopped) }
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
    open_with(config, &mut |_| true)
}

/// The same, for long openings: `watch` is called now and then, on this thread, and stops the opening by `false`.
///
/// # Errors
/// As [`open`], and [`Error::Stopped`].
pub fn open_with(config: &DataConfig, watch: &mut dyn FnMut(Progress) -> bool) -> Result<Splits> {
    let name: DatasetName = config.name.parse()?;
    config.check()?;
    let split = split::chosen(name.listing().map_or(&[], |listing| listing.splits), config)?;
    let opening = &Opening { config, watch: RefCell::new(watch) };
    let splits = match name {
        DatasetName::FashionMnist => mnist::fashion(opening),
        DatasetName::FashionMnistDvs => mnist::fashion_dvs(opening),
        DatasetName::Mnist => mnist::digits(opening),
        DatasetName::Cifar10 => cifar::ten(opening),
        DatasetName::Cifar100 => cifar::hundred(opening),
        DatasetName::NMnist => recorded::nmnist(opening),
        DatasetName::PokerDvs => recorded::poker(opening),
        DatasetName::DvsCifar10 => dvs::cifar10(opening),
        DatasetName::NCaltech101 => dvs::ncaltech101(opening),
        DatasetName::DvsGesture => gesture::dvs_gesture(opening),
        DatasetName::NCars => gesture::ncars(opening),
        DatasetName::ImageNet => pictures::imagenet(opening),
        DatasetName::TinyImageNet => pictures::tiny_imagenet(opening),
        DatasetName::Cub200 => pictures::cub200(opening),
        DatasetName::StanfordDogs => pictures::stanford_dogs(opening),
        DatasetName::StanfordCars => pictures::stanford_cars(opening),
        DatasetName::ImageFolder => pictures::any(opening),
        #[cfg(feature = "hdf5")]
        DatasetName::Shd => shd::digits(opening),
        #[cfg(not(feature = "hdf5"))]
        DatasetName::Shd => {
            let source = name.listing().map_or("", |listing| listing.source);
            let remedy = format!("build snn-data with its feature `hdf5`; the files: {source}");
            Err(Error::Unreadable { what: "data set shd".into(), remedy })
        }
        DatasetName::Cwru => vibration::cwru(opening),
        DatasetName::Mfpt => vibration::mfpt(opening),
        DatasetName::Jnu => vibration::jnu(opening),
        DatasetName::ModelNet10 => clouds::modelnet(opening, true),
        DatasetName::ModelNet40 => clouds::modelnet(opening, false),
        DatasetName::LidarObjects => clouds::lidar(opening),
        DatasetName::PointFolder => clouds::any(opening),
        DatasetName::Synthetic => synthetic::images(opening),
        DatasetName::SyntheticEvents => synthetic::events(opening),
    }?;
    for (part, split) in [("training samples", &splits.train), ("test samples", &splits.test)] {
        if split.is_empty() {
            let path = config.dir.clone().unwrap_or_default();
            let remedy = "its files hold none: copy the data set's folder again".into();
            return Err(Error::Missing { path, what: part.into(), remedy });
        }
    }
    // Sets whose files are divided already can only be what they are.
    let read = splits.train.split();
    if config.split.is_some() && !read.starts_with(split.name) {
        let why = format!("the files are those of {read}, not of {}", split.name);
        return Err(Error::config("split", why));
    }
    Ok(splits)
}

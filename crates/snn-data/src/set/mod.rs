//! Data sets by name.

mod choice;
mod cifar;
mod clouds;
mod config;
mod contents;
mod division;
mod dvs;
mod files;
mod folder;
mod gesture;
mod held;
mod known;
mod listed;
mod lists;
mod mnist;
mod on_demand;
mod opening;
mod photographs;
mod pictures;
mod recorded;
mod recordings;
#[cfg(feature = "parquet")]
mod shards;
#[cfg(feature = "hdf5")]
mod shd;
mod synthetic;
mod vibration;
mod windows;

pub use config::{DataConfig, Normalize};
pub use opening::Opened;

use opening::Opening;

use crate::preprocess::Preprocess;
use crate::split;
use crate::transform::Interpolation;
use crate::{DatasetName, Error, Kind, Result, Splits};

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

/// Opens a data set as [`open`] does, for long openings: `watch` is called now and then, on this thread, and stops the
/// opening by `false`.
///
/// # Errors
/// As [`open`], and [`Error::Stopped`].
pub fn open_with(config: &DataConfig, watch: &mut dyn FnMut(Opened) -> bool) -> Result<Splits> {
    let name: DatasetName = config.name.parse()?;
    config.check()?;
    let split = split::chosen(name.listing().map_or(&[], |listing| listing.splits), config)?;
    let opening = &Opening::new(config, watch);
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
    if splits.train.kind() != name.kind() {
        let (row, read) = (name.kind().name(), splits.train.kind().name());
        let why =
            format!("the catalog's row of {} says {row}, its reader gives {read}", config.name);
        return Err(Error::config("name", why));
    }
    for (part, split) in [("training samples", &splits.train), ("test samples", &splits.test)] {
        if split.is_empty() {
            let path = config.dir.clone().unwrap_or_default();
            let remedy = "its files hold none: copy the data set's folder again".into();
            return Err(Error::Missing { path, what: part.into(), remedy });
        }
    }
    let of_signals = [
        ("stride", config.stride.is_some()),
        ("train_snr", config.train_snr.is_some()),
        ("test_snr", config.test_snr.is_some()),
    ];
    for (field, asked) in of_signals {
        if asked && splits.train.kind() != Kind::Signals {
            let why = format!("is for signals, which {} has not; leave it out", config.name);
            return Err(Error::config(field, why));
        }
    }
    if config.radius.is_some() && splits.train.kind() != Kind::Points {
        let why = format!("{} has no point clouds; leave it out", config.name);
        return Err(Error::config("radius", why));
    }
    let is_of_files = match splits.train.preprocess() {
        Preprocess::Pictures(pictures) => pictures.stored.is_none(),
        Preprocess::Recordings(_) | Preprocess::Signals(_) | Preprocess::Clouds(_) => false,
    };
    if config.interpolation != Interpolation::default() && !is_of_files {
        let why = format!(
            "{} has no pictures in files of their own to resize; leave it out",
            config.name
        );
        return Err(Error::config("interpolation", why));
    }
    let is_cifar = matches!(name, DatasetName::Cifar10 | DatasetName::Cifar100);
    if config.normalize == Normalize::Braincog && !is_cifar {
        let why = format!("BrainCog normalizes {} as it is done here; leave it out", config.name);
        return Err(Error::config("normalize", why));
    }
    // Sets whose files are divided already can only be what they are.
    let read = splits.train.split();
    if config.split.is_some() && !read.starts_with(split.name) {
        let why = format!("the files are those of {read}, not of {}", split.name);
        return Err(Error::config("split", why));
    }
    Ok(splits)
}

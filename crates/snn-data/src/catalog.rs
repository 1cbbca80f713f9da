//! The data sets known by name: what they are, how they are split, where they come from. What is known of a set before it
//! is opened stands in its one row here; how it is read, in `set`.

use std::str::FromStr;

use crate::split::{self, Split};
use crate::{Error, Kind, Result};

/// A data set's name as recipes and commands spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[allow(missing_docs)] // Each is the name itself; `catalog` says what it is.
pub enum DatasetName {
    Cifar10,
    Cifar100,
    ImageNet,
    TinyImageNet,
    ImageFolder,
    Cub200,
    StanfordDogs,
    StanfordCars,
    DvsCifar10,
    NCaltech101,
    DvsGesture,
    NCars,
    Shd,
    NMnist,
    PokerDvs,
    Mnist,
    FashionMnist,
    FashionMnistDvs,
    Cwru,
    Mfpt,
    Jnu,
    ModelNet10,
    ModelNet40,
    LidarObjects,
    PointFolder,
    Synthetic,
    SyntheticEvents,
}

/// What is known about a data set before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The name as an enum.
    pub id: DatasetName,
    /// The name as recipes spell it.
    pub name: &'static str,
    /// What its samples are, which says too whether they go on in time.
    pub kind: Kind,
    /// What a sample is, in words.
    pub what: &'static str,
    /// The ways to divide it that have names, the default first; never empty.
    pub splits: &'static [Split],
    /// Classes; 0 where the folder decides.
    pub num_classes: usize,
    /// Where to get it and how the folder looks.
    pub source: &'static str,
    /// On what terms it is had.
    pub terms: Terms,
    /// Whether this version reads it.
    pub readable: bool,
}

/// On what terms a data set is had, as its publisher says; a summary, and no advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its licence by the Hub's identifier, where it has one that lets others build on it, such as `mit`.
    pub license: Option<&'static str>,
    /// In words.
    pub what: &'static str,
}

impl Terms {
    const GENERATED: Self = Self::of("none: it is generated");
    const UNKNOWN: Self = Self::of("not known here; ask its publisher");

    const fn of(what: &'static str) -> Self {
        Self { license: None, what }
    }

    const fn licensed(license: &'static str, what: &'static str) -> Self {
        Self { license: Some(license), what }
    }
}

/// Every data set known by name, in the order in which they are listed.
pub fn catalog() -> &'static [Listing] {
    CATALOG
}

impl DatasetName {
    /// The name as recipes spell it.
    pub fn as_str(self) -> &'static str {
        self.listing().map_or("", |listing| listing.name)
    }

    /// What its samples are.
    pub fn kind(self) -> Kind {
        // The tests hold a row to every name.
        self.listing().map_or(Kind::Images, |listing| listing.kind)
    }

    /// The catalog's line.
    pub fn listing(self) -> Option<&'static Listing> {
        CATALOG.iter().find(|listing| listing.id == self)
    }
}

impl FromStr for DatasetName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if let Some(listing) = CATALOG.iter().find(|listing| listing.name == name) {
            return Ok(listing.id);
        }
        let known: Vec<&str> = CATALOG.iter().map(|listing| listing.name).collect();
        let why = format!("{name:?} is not a known data set; use one of {}", known.join(", "));
        Err(Error::config("name", why))
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of a table")]
const fn row(
    id: DatasetName,
    name: &'static str,
    kind: Kind,
    what: &'static str,
    splits: &'static [Split],
    num_classes: usize,
    source: &'static str,
    terms: Terms,
) -> Listing {
    Listing { id, name, kind, what, splits, num_classes, source, terms, readable: true }
}

const fn spike_trains(listing: Listing) -> Listing {
    Listing { readable: cfg!(feature = "hdf5"), ..listing }
}

const fn photographs(listing: Listing) -> Listing {
    Listing { readable: cfg!(feature = "image"), ..listing }
}

const CATALOG: &[Listing] = &[
    row(
        DatasetName::FashionMnist,
        "fashion_mnist",
        Kind::Images,
        "28x28 gray images of clothing",
        split::FASHION_MNIST,
        10,
        "data/fashion-mnist of the repository holds a part of it; the whole set (60000/10000) from github.com/zalandoresearch/fashion-mnist, IDX files in one folder",
        Terms::licensed("mit", "MIT, copyright 2017 Zalando SE"),
    ),
    row(
        DatasetName::FashionMnistDvs,
        "fashion_mnist_dvs",
        Kind::Events,
        "32x32 event recordings simulated from Fashion-MNIST by a moving camera",
        split::FASHION_MNIST,
        10,
        "simulated when opened from the files of fashion_mnist",
        Terms::licensed("mit", "those of Fashion-MNIST: MIT, copyright 2017 Zalando SE"),
    ),
    row(
        DatasetName::Synthetic,
        "synthetic",
        Kind::Images,
        "generated color blobs and noise",
        split::SYNTHETIC,
        10,
        "generated; any size and number",
        Terms::GENERATED,
    ),
    row(
        DatasetName::SyntheticEvents,
        "synthetic_events",
        Kind::Events,
        "generated moving event blobs and noise",
        split::SYNTHETIC,
        10,
        "generated; any size and number",
        Terms::GENERATED,
    ),
    row(
        DatasetName::Mnist,
        "mnist",
        Kind::Images,
        "28x28 gray images of digits",
        split::MNIST,
        10,
        "yann.lecun.com/exdb/mnist: the four IDX files, plain or .gz, in one folder",
        Terms::of("none stated by its publisher"),
    ),
    row(
        DatasetName::Cifar10,
        "cifar10",
        Kind::Images,
        "32x32 color images",
        split::CIFAR10,
        10,
        "www.cs.toronto.edu/~kriz/cifar.html, binary version: data_batch_1..5.bin and test_batch.bin",
        Terms::of("none stated; its page asks to cite the technical report"),
    ),
    row(
        DatasetName::Cifar100,
        "cifar100",
        Kind::Images,
        "32x32 color images",
        split::CIFAR100,
        100,
        "www.cs.toronto.edu/~kriz/cifar.html, binary version: train.bin and test.bin",
        Terms::of("none stated; its page asks to cite the technical report"),
    ),
    row(
        DatasetName::NMnist,
        "nmnist",
        Kind::Events,
        "34x34 event recordings of digits",
        split::NMNIST,
        10,
        "www.garrickorchard.com/datasets/n-mnist: folders Train/<digit> and Test/<digit> of .bin files",
        Terms::licensed("cc-by-sa-4.0", "CC BY-SA 4.0"),
    ),
    row(
        DatasetName::PokerDvs,
        "poker_dvs",
        Kind::Events,
        "35x35 event recordings of card pips",
        split::POKER_DVS,
        4,
        "POKER-DVS: the 131 .aedat files in one folder; or Tonic's pips_train.tar.gz and pips_test.tar.gz, unpacked",
        Terms::UNKNOWN,
    ),
    row(
        DatasetName::Cwru,
        "cwru",
        Kind::Signals,
        "vibration of a bearing at 12 kHz, windows of 1024 samples",
        split::CWRU,
        10,
        "engineering.case.edu/bearingdatacenter: the .mat files 97 to 100 and 105 to 237 at 12 kHz, drive end; or .npz files named <rpm>_<fault>_DE12.npz with an array DE",
        Terms::UNKNOWN,
    ),
    row(
        DatasetName::Mfpt,
        "mfpt",
        Kind::Signals,
        "vibration of a bearing at 48.8 kHz, windows of 1024 samples",
        split::MFPT,
        3,
        "www.mfpt.org/fault-data-sets: the .mat files baseline, OuterRaceFault and InnerRaceFault",
        Terms::UNKNOWN,
    ),
    row(
        DatasetName::Jnu,
        "jnu",
        Kind::Signals,
        "vibration of a bearing at 50 kHz, windows of 1024 samples",
        split::JNU,
        4,
        "Jiangnan University bearing data: the twelve .csv files n, ib, ob and tb at 600, 800 and 1000 rpm",
        Terms::UNKNOWN,
    ),
    row(
        DatasetName::ModelNet10,
        "modelnet10",
        Kind::Points,
        "1024 points on the surface of a mesh",
        split::MODELNET10,
        10,
        "modelnet.cs.princeton.edu: ModelNet10.zip, unpacked to <class>/train and <class>/test of .off files",
        Terms::of("for academic research; the models belong to their authors"),
    ),
    row(
        DatasetName::ModelNet40,
        "modelnet40",
        Kind::Points,
        "1024 points on the surface of a mesh",
        split::MODELNET40,
        40,
        "modelnet.cs.princeton.edu: ModelNet40.zip, unpacked to <class>/train and <class>/test of .off files",
        Terms::of("for academic research; the models belong to their authors"),
    ),
    row(
        DatasetName::LidarObjects,
        "lidar_objects",
        Kind::Points,
        "1024 points of an object in a lidar scan",
        split::LIDAR_OBJECTS,
        5,
        "499 .xyz files named 000 to 499, of class number / 100, in one folder",
        Terms::UNKNOWN,
    ),
    row(
        DatasetName::PointFolder,
        "point_folder",
        Kind::Points,
        "1024 points of a mesh or cloud of your own",
        split::POINT_FOLDER,
        0,
        "your folder: train/<class> and test/<class> of .off or .xyz files",
        Terms::of("yours to know"),
    ),
    row(
        DatasetName::DvsCifar10,
        "dvs_cifar10",
        Kind::Events,
        "128x128 event recordings of CIFAR-10 images",
        split::DVS_CIFAR10,
        10,
        "figshare.com/articles/dataset/CIFAR10-DVS_New/4724671: ten .zip files, unpacked to <class>/cifar10_<class>_<number>.aedat",
        Terms::licensed("cc-by-4.0", "CC BY 4.0"),
    ),
    row(
        DatasetName::NCaltech101,
        "ncaltech101",
        Kind::Events,
        "event recordings of Caltech-101 images",
        split::NCALTECH101,
        101,
        "www.garrickorchard.com/datasets/n-caltech101: the folder Caltech101 of <class>/image_NNNN.bin",
        Terms::licensed("cc-by-4.0", "CC BY 4.0"),
    ),
    row(
        DatasetName::DvsGesture,
        "dvs_gesture",
        Kind::Events,
        "128x128 event recordings of hand gestures",
        split::DVS_GESTURE,
        11,
        "research.ibm.com/interactive/dvsgesture: DvsGesture.tar.gz, unpacked to trials_to_*.txt, .aedat and _labels.csv files",
        Terms::licensed("cc-by-4.0", "CC BY 4.0"),
    ),
    row(
        DatasetName::NCars,
        "ncars",
        Kind::Events,
        "120x100 event recordings of cars and of what is none",
        split::NCARS,
        2,
        "www.prophesee.ai/dataset-n-cars: n-cars_train and n-cars_test of cars/*.dat and background/*.dat",
        Terms::UNKNOWN,
    ),
    spike_trains(row(
        DatasetName::Shd,
        "shd",
        Kind::Events,
        "spoken digits as spikes of 700 channels",
        split::SHD,
        20,
        "zenkelab.org/resources/spiking-heidelberg-datasets-shd: shd_train.h5 and shd_test.h5, plain or .gz",
        Terms::licensed("cc-by-4.0", "CC BY 4.0"),
    )),
    photographs(row(
        DatasetName::ImageNet,
        "imagenet",
        Kind::Images,
        "photographs of 1,000 classes",
        split::IMAGENET,
        1_000,
        "www.image-net.org: the archives of ILSVRC2012, unpacked to train/<wnid> and val/<wnid> of .JPEG files; or huggingface.co/datasets/ILSVRC/imagenet-1k: the folder data of train-*.parquet and validation-*.parquet",
        Terms::of("for non-commercial research and education alone"),
    )),
    photographs(row(
        DatasetName::TinyImageNet,
        "tiny_imagenet",
        Kind::Images,
        "64x64 photographs of 200 classes",
        split::TINY_IMAGENET,
        200,
        "cs231n.stanford.edu/tiny-imagenet-200.zip, unpacked",
        Terms::of("of ImageNet: for non-commercial research and education alone"),
    )),
    photographs(row(
        DatasetName::ImageFolder,
        "image_folder",
        Kind::Images,
        "pictures of your own",
        split::IMAGE_FOLDER,
        0,
        "your folder: train/<class> and test/<class> or val/<class> of .jpg or .png files",
        Terms::of("yours to know"),
    )),
    photographs(row(
        DatasetName::Cub200,
        "cub200",
        Kind::Images,
        "photographs of 200 bird species",
        split::CUB200,
        200,
        "www.vision.caltech.edu/datasets/cub_200_2011: CUB_200_2011.tgz, unpacked",
        Terms::of("for non-commercial research and education alone"),
    )),
    photographs(row(
        DatasetName::StanfordDogs,
        "stanford_dogs",
        Kind::Images,
        "photographs of 120 dog breeds",
        split::STANFORD_DOGS,
        120,
        "vision.stanford.edu/aditya86/ImageNetDogs: images.tar and lists.tar, unpacked",
        Terms::of("of ImageNet: for non-commercial research and education alone"),
    )),
    photographs(row(
        DatasetName::StanfordCars,
        "stanford_cars",
        Kind::Images,
        "photographs of 196 car models",
        split::STANFORD_CARS,
        196,
        "github.com/pytorch/vision/issues/7545: cars_train, cars_test, devkit and cars_test_annos_withlabels.mat",
        Terms::of("for non-commercial research and education alone"),
    )),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_round_trips() {
        for listing in catalog() {
            assert_eq!(listing.name.parse::<DatasetName>().unwrap(), listing.id);
            assert_eq!(listing.id.as_str(), listing.name);
        }
        for name in catalog().iter().map(|listing| listing.id) {
            assert_eq!(name.listing().map(|listing| listing.kind), Some(name.kind()));
        }
        let error = "cifar11".parse::<DatasetName>().unwrap_err().to_string();
        assert!(error.contains("cifar11") && error.contains("cifar100"), "{error}");
    }
}

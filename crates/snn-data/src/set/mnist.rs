//! MNIST and Fashion-MNIST, and the recordings simulated from the latter.

use std::path::{Path, PathBuf};

use super::choice::{choose, pick};
use super::files::is_file;
use super::folder::{folder, owned};
use super::held::{Images, event_set, image_set};
use super::opening::Opening;
use super::recordings::configured;
use crate::format::{gunzip, idx, read_file};
use crate::preprocess::Recordings;
use crate::random::stream;
use crate::split::{self, Split, name_of};
use crate::{
    Camera, DataConfig, Dataset, DatasetName, Error, FormatFault, Limits, Result, Splits, simulate,
};

const FASHION: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Mean and deviation of all training pixels of the whole sets, divided by 255.
const FASHION_MOMENTS: (&[f32], &[f32]) = (&[0.2860], &[0.3530]);
const MNIST_MOMENTS: (&[f32], &[f32]) = (&[0.1307], &[0.3081]);

pub(super) fn digits(opening: &Opening<'_>) -> Result<Splits> {
    let (train, test, split) = read(opening.config, &MNIST, &FASHION_MNIST)?;
    let set =
        |images, limit| image_set(opening, &split, owned(&DIGITS), images, limit, MNIST_MOMENTS);
    let config = opening.config;
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

pub(super) fn fashion(opening: &Opening<'_>) -> Result<Splits> {
    let (train, test, split) = read(opening.config, &FASHION_MNIST, &MNIST)?;
    let set =
        |images, limit| image_set(opening, &split, owned(&FASHION), images, limit, FASHION_MOMENTS);
    let config = opening.config;
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

/// The recording of image `index` is drawn by stream (seed, "simulate-train" or "simulate-test", 0, `index`).
pub(super) fn fashion_dvs(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    let (train, test, split) = read(config, &FASHION_MNIST, &MNIST)?;
    let set = |images: &Images, limit, purpose: &str| -> Result<Dataset> {
        let camera = Camera::default();
        let [_, height, width] = images.shape;
        let chosen = choose(&images.labels, limit);
        let labels = pick(&images.labels, &chosen);
        let (rows, columns) = (camera.height.into(), camera.width.into());
        let sensor = Some((camera.width, camera.height));
        let recordings = Recordings { sensor, ..Recordings::new(config.t_steps, rows, columns) };
        let framing = configured(config, recordings);
        event_set(opening, &split, owned(&FASHION), labels, &chosen, framing, |index| {
            let n = height * width;
            let image = images.pixels.get(index * n..(index + 1) * n).unwrap_or(&[]);
            let mut rng = stream(config.seed, purpose, 0, index as u64);
            simulate(image, (height, width), &camera, &mut rng)
        })
    };
    Ok(Splits {
        train: set(&train, config.limit_train, "simulate-train")?,
        test: set(&test, config.limit_test, "simulate-test")?,
    })
}

/// One of the two sets, whose files have the same names and sizes.
struct Kind {
    name: DatasetName,
    splits: &'static [Split],
    subfolders: &'static [&'static str],
    /// The first labels of the training and of the test file, which tell the sets apart.
    first: [[u32; 10]; 2],
}

const MNIST: Kind = Kind {
    name: DatasetName::Mnist,
    splits: split::MNIST,
    subfolders: &["mnist", "MNIST/raw"],
    first: [[5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]],
};
const FASHION_MNIST: Kind = Kind {
    name: DatasetName::FashionMnist,
    splits: split::FASHION_MNIST,
    subfolders: &["fashion-mnist", "fashion_mnist", "FashionMNIST/raw"],
    first: [[9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]],
};

/// The training and test images of `kind` and the split's name; the files of `other` are refused.
fn read(config: &DataConfig, kind: &Kind, other: &Kind) -> Result<(Images, Images, String)> {
    let dir = folder(config, kind.name, kind.subfolders, FIRST, is_there)?;
    let (train, test) = (images(&dir, "train")?, images(&dir, "t10k")?);
    for (side, first) in [&train, &test].into_iter().zip(&other.first) {
        if side.labels.starts_with(first) {
            let (asked, found) = (kind.name.as_str(), other.name.as_str());
            return Err(Error::Mismatch { path: dir, asked, found });
        }
    }
    let split = name_of(kind.splits, (train.labels.len(), test.labels.len()), config);
    Ok((train, test, split))
}

const FIRST: &str = "train-images-idx3-ubyte[.gz]";

fn is_there(dir: &Path) -> Result<bool> {
    Ok(found(dir, "train-images-idx3-ubyte")?.is_some())
}

/// The plain file or the compressed one, also as `train-images.idx3-ubyte`, which some unpackers make of it, and in a folder
/// of its own name, which others do.
fn found(dir: &Path, name: &str) -> Result<Option<PathBuf>> {
    let dotted = name.replacen("-idx", ".idx", 1);
    for name in [name.to_owned(), format!("{name}.gz"), dotted.clone(), format!("{dotted}.gz")] {
        let path = dir.join(&name);
        for path in [path.join(&name), path] {
            if is_file(&path)? {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

fn file(dir: &Path, name: &str) -> Result<PathBuf> {
    found(dir, name)?.ok_or_else(|| Error::Missing {
        path: dir.into(),
        what: format!("{name}[.gz]"),
        remedy: "put the four IDX files into one folder".into(),
    })
}

fn images(dir: &Path, side: &str) -> Result<Images> {
    let limits = Limits::default();
    let path = file(dir, &format!("{side}-images-idx3-ubyte"))?;
    let bytes = read_file(&path, &limits)?;
    let bytes = gunzip(&bytes, &limits, &path)?;
    let pixels = idx(&bytes, &limits, &path)?;
    let &[n, height, width] = pixels.dims.as_slice() else {
        let (expected, got) = (3, pixels.dims.len() as u64);
        let fault = FormatFault::Count { what: "dimensions of an image file", expected, got };
        return Err(Error::format(&path, 3, fault));
    };
    let path = file(dir, &format!("{side}-labels-idx1-ubyte"))?;
    let bytes = read_file(&path, &limits)?;
    let bytes = gunzip(&bytes, &limits, &path)?;
    let labels = idx(&bytes, &limits, &path)?;
    if labels.dims.as_slice() != [n] {
        let (expected, got) = (n as u64, labels.dims.first().map_or(0, |&n| n as u64));
        let fault = FormatFault::Count { what: "labels for the images", expected, got };
        return Err(Error::format(&path, 4, fault));
    }
    if let Some(record) = labels.data.iter().position(|&label| label >= 10) {
        let got = labels.data.get(record).map_or(0, |&label| label.into());
        return Err(Error::Label { path, record: record as u64, got, num_classes: 10 });
    }
    let labels = labels.data.iter().map(|&label| label.into()).collect();
    Ok(Images { labels, shape: [1, height, width], pixels: pixels.data.to_vec() })
}

//! MNIST and Fashion-MNIST, and the recordings simulated from the latter.

use std::path::{Path, PathBuf};

use super::part::{Images, choose, event_set, folder, image_set, owned, pick, split_name};
use crate::format::{gunzip, idx, read_file};
use crate::random::stream;
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

pub(super) fn digits(config: &DataConfig) -> Result<Splits> {
    // Both sets have the same file names, so the folder has to tell them apart.
    let is_mnist = |dir: &Path| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        !name.contains("fashion") && is_there(dir)
    };
    let dir = folder(config, DatasetName::Mnist, &["mnist", "MNIST/raw"], FIRST, is_mnist)?;
    let (train, test) = (images(&dir, "train")?, images(&dir, "t10k")?);
    let split = split_name("mnist", DatasetName::Mnist, &train.labels, &test.labels, config);
    let set =
        |images, limit| image_set(config, &split, owned(&DIGITS), images, limit, MNIST_MOMENTS);
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

pub(super) fn fashion(config: &DataConfig) -> Result<Splits> {
    let (train, test, split) = fashion_images(config)?;
    let set =
        |images, limit| image_set(config, &split, owned(&FASHION), images, limit, FASHION_MOMENTS);
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

/// The recording of image `index` is drawn by stream (seed, "simulate-train" or "simulate-test", 0, `index`).
pub(super) fn fashion_dvs(config: &DataConfig) -> Result<Splits> {
    let (train, test, split) = fashion_images(config)?;
    let set = |images: &Images, limit, purpose: &str| -> Result<Dataset> {
        let camera = Camera::default();
        let [_, height, width] = images.shape;
        let chosen = choose(&images.labels, limit);
        let labels = pick(&images.labels, &chosen);
        let side = (usize::from(camera.height), usize::from(camera.width));
        event_set(config, &split, owned(&FASHION), labels, &chosen, side, |index| {
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

fn fashion_images(config: &DataConfig) -> Result<(Images, Images, String)> {
    let name = DatasetName::FashionMnist;
    let is_fashion = |dir: &Path| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name != "mnist" && is_there(dir)
    };
    let subfolders = ["fashion-mnist", "fashion_mnist", "FashionMNIST/raw"];
    let dir = folder(config, name, &subfolders, FIRST, is_fashion)?;
    let (train, test) = (images(&dir, "train")?, images(&dir, "t10k")?);
    let split = split_name("fashion-mnist", name, &train.labels, &test.labels, config);
    Ok((train, test, split))
}

const FIRST: &str = "train-images-idx3-ubyte[.gz]";

fn is_there(dir: &Path) -> bool {
    file(dir, "train-images-idx3-ubyte").is_ok()
}

/// The plain file or the compressed one.
fn file(dir: &Path, name: &str) -> Result<PathBuf> {
    let found = [name.to_owned(), format!("{name}.gz")].into_iter().map(|name| dir.join(name));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| Error::Missing {
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

//! Sets of photographs, one file each: which files, in which order, of which class and side. The files are decoded when
//! a sample is asked for.

use std::path::{Path, PathBuf};

use super::Opening;
use super::files::{Item, classes, entries, folders, items_of, listed, name};
use super::listed::Listed;
use super::lists;
use super::on_demand::Prepare;
use super::part::folder;
#[cfg(feature = "parquet")]
use super::shards::imagenet as of_shards;
use crate::dataset::{Kind, Samples};
use crate::split::{self, Split, name_of};
use crate::{Dataset, DatasetName, Result, Splits};

/// Mean and deviation of ImageNet's training pixels, which its successors are normalized by too.
pub(super) const MOMENTS: (&[f32], &[f32]) = (&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);

/// A set's files before any choice.
pub(super) struct Pictures {
    pub(super) root: PathBuf,
    pub(super) class_names: Vec<String>,
    pub(super) train: Vec<Item>,
    pub(super) test: Vec<Item>,
}

/// ImageNet: `train/<wnid>/*.JPEG` and `val/<wnid>/*.JPEG`, or Parquet shards, also those in `data/`.
/// Where a folder holds both, the pictures are taken: they load faster and need no feature.
pub(super) fn imagenet(opening: &Opening<'_>) -> Result<Splits> {
    let what =
        "train/<wnid> and val/<wnid> of .JPEG files, or train-*.parquet and validation-*.parquet,";
    let subfolders = ["imagenet", "ILSVRC2012", "imagenet-1k/data", "data"];
    let by_shard = |dir: &Path| {
        ["train", "validation"]
            .iter()
            .all(|side| shards(dir, side).is_ok_and(|found| !found.is_empty()))
    };
    let holds = |dir: &Path| by_folder(dir) || by_shard(dir);
    let dir = folder(opening.config, DatasetName::ImageNet, &subfolders, what, holds)?;
    if by_folder(&dir) {
        return splits(opening, split::IMAGENET, 224, of_folders(dir)?);
    }
    of_shards(opening, &dir)
}

/// A side's Parquet files, `<side>-NNNNN-of-NNNNN.parquet`.
pub(super) fn shards(dir: &Path, side: &str) -> Result<Vec<PathBuf>> {
    let mut found = entries(dir, "parquet")?;
    found.retain(|path| name(path).strip_prefix(side).is_some_and(|rest| rest.starts_with('-')));
    Ok(found)
}

#[cfg(not(feature = "parquet"))]
fn of_shards(_: &Opening<'_>, dir: &Path) -> Result<Splits> {
    let what = format!("{}: Parquet shards", dir.display());
    let remedy = "build snn-data with its feature `parquet`".into();
    Err(crate::Error::Unreadable { what, remedy })
}

/// Any folder: `train/<class>` and `test/<class>` or `val/<class>` of `.jpg`, `.jpeg` or `.png` files.
pub(super) fn any(opening: &Opening<'_>) -> Result<Splits> {
    let what = "train/<class> and test/<class> of .jpg or .png files";
    let dir = folder(opening.config, DatasetName::ImageFolder, &[], what, by_folder)?;
    splits(opening, split::IMAGE_FOLDER, 224, of_folders(dir)?)
}

/// Tiny ImageNet: `train/<wnid>/images/*.JPEG`; `val/images/*.JPEG` of the classes in `val/val_annotations.txt`. The
/// published `test` has no labels.
pub(super) fn tiny_imagenet(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| dir.join("val/val_annotations.txt").is_file();
    let subfolders = ["tiny-imagenet-200", "tiny-imagenet", "tiny_imagenet", "tiny-imagenet-10"];
    let what = "train/<wnid>/images and val/val_annotations.txt";
    let root = folder(opening.config, DatasetName::TinyImageNet, &subfolders, what, holds)?;
    splits(opening, split::TINY_IMAGENET, 64, lists::tiny_imagenet(root)?)
}

/// CUB-200-2011: `images/` and four lists.
pub(super) fn cub200(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| dir.join("train_test_split.txt").is_file();
    let subfolders = ["CUB_200_2011", "cub-20/CUB_200_2011", "cub200"];
    let what = "images.txt, image_class_labels.txt, train_test_split.txt, classes.txt and images/";
    let root = folder(opening.config, DatasetName::Cub200, &subfolders, what, holds)?;
    splits(opening, split::CUB200, 224, lists::cub200(root)?)
}

/// Stanford Dogs: `Images/` with `train_list.mat` and `test_list.mat` beside it or in `lists/`.
pub(super) fn stanford_dogs(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| {
        dir.join("train_list.mat").is_file() || dir.join("lists/train_list.mat").is_file()
    };
    let subfolders = ["stanford-dogs", "stanford_dogs", "StanfordDogs"];
    let what = "train_list.mat, test_list.mat and Images/";
    let root = folder(opening.config, DatasetName::StanfordDogs, &subfolders, what, holds)?;
    splits(opening, split::STANFORD_DOGS, 224, lists::stanford_dogs(root)?)
}

/// Stanford Cars: `cars_train/`, `cars_test/` and the annotations of the devkit with the test labels.
pub(super) fn stanford_cars(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| lists::cars_file(dir, "cars_train_annos.mat").is_some();
    let subfolders = ["stanford_cars", "stanford-cars", "StanfordCars"];
    let what = "cars_train_annos.mat, cars_test_annos_withlabels.mat, cars_train/ and cars_test/";
    let root = folder(opening.config, DatasetName::StanfordCars, &subfolders, what, holds)?;
    splits(opening, split::STANFORD_CARS, 224, lists::stanford_cars(root)?)
}

fn by_folder(dir: &Path) -> bool {
    dir.join("train").is_dir() && test_side(dir).is_some()
}

fn test_side(dir: &Path) -> Option<PathBuf> {
    ["test", "val"].into_iter().map(|side| dir.join(side)).find(|path| {
        // A test folder without labels, as ImageNet's, is none to measure on.
        folders(path).is_ok_and(|folders| !folders.is_empty())
    })
}

/// The classes are the training side's folders, sorted with capitals first.
fn of_folders(root: PathBuf) -> Result<Pictures> {
    let (train, test) = (root.join("train"), test_side(&root).unwrap_or_default());
    let class_names = classes(&train, &test)?;
    let side = |dir: &Path| items_of(class_names.iter().map(|class| dir.join(class)), images);
    let (train, test) = (side(&train)?, side(&test)?);
    Ok(Pictures { root, class_names, train, test })
}

/// The pictures of a folder in natural order.
pub(super) fn images(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = listed(dir)?;
    found.retain(|path| {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        matches!(extension.as_str(), "jpg" | "jpeg" | "png")
    });
    Ok(found)
}

fn splits(
    opening: &Opening<'_>,
    known: &[Split],
    size: usize,
    pictures: Pictures,
) -> Result<Splits> {
    let config = opening.config;
    let Pictures { root, class_names, train, test } = pictures;
    let split = name_of(known, (train.len(), test.len()), config);
    let size = config.size.unwrap_or(size);
    let listed = Listed {
        opening,
        root: &root,
        split: &split,
        class_names: &class_names,
        shape: &[3, size, size],
        kind: Kind::Images,
        about: &format!("{}: {size} x {size}", config.name),
        // A training sample is another crop in every epoch.
        cache: None,
    };
    let set = |items: &[Item], limit| -> Result<Dataset> {
        let prepare: Prepare = Box::new(|bytes, _| Ok(Box::new(|item| decode(bytes, item))));
        Ok(listed.dataset(items, limit, prepare)?.with_moments(MOMENTS))
    };
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

/// The picture at its own size, in red, green and blue.
#[cfg(feature = "image")]
fn decode(bytes: &[u8], item: &Item) -> Result<Samples> {
    crate::format::picture(bytes, &crate::Limits::default(), &item.path).map(Samples::Image)
}

#[cfg(not(feature = "image"))]
fn decode(_: &[u8], item: &Item) -> Result<Samples> {
    let what = format!("{}: a JPEG or PNG picture", item.path.display());
    let remedy = "build with the feature `image`".into();
    Err(crate::Error::Unreadable { what, remedy })
}

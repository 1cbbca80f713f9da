//! The sets of photographs by name: which files, in which order, of which class and side.

use std::path::Path;

use super::files::{is_file, is_folder, named};
use super::folder::{all, folder};
use super::lists;
use super::opening::Opening;
use super::photographs::{by_folder, of_folders, splits};
#[cfg(feature = "parquet")]
use super::shards::imagenet as of_shards;
use crate::{DatasetName, Result, Splits, split};

/// ImageNet: `train/<wnid>/*.JPEG` and `val/<wnid>/*.JPEG`, or Parquet shards, also those in `data/`.
/// Where a folder holds both, the pictures are taken: they load faster and need no feature.
pub(super) fn imagenet(opening: &Opening<'_>) -> Result<Splits> {
    let what =
        "train/<wnid> and val/<wnid> of .JPEG files, or train-*.parquet and validation-*.parquet,";
    let subfolders = ["imagenet", "ILSVRC2012", "imagenet-1k/data", "data"];
    let by_shard = |dir: &Path| {
        all(["train-", "validation-"], |side| Ok(!named(dir, side, "parquet")?.is_empty()))
    };
    let holds = |dir: &Path| Ok(by_folder(dir)? || by_shard(dir)?);
    let dir = folder(opening.config, DatasetName::ImageNet, &subfolders, what, holds)?;
    if by_folder(&dir)? {
        return splits(opening, split::IMAGENET, 224, of_folders(dir)?);
    }
    of_shards(opening, &dir)
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

/// Tiny ImageNet: `train/<wnid>/images/*.JPEG`; `val/images/*.JPEG` of the classes in `val/val_annotations.txt`, or sorted
/// into folders of classes, as many do it. The published `test` has no labels.
pub(super) fn tiny_imagenet(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| {
        Ok(is_file(&dir.join("val/val_annotations.txt"))?
            || (is_folder(&dir.join("train"))? && lists::is_sorted(&dir.join("val"))?))
    };
    let subfolders = ["tiny-imagenet-200", "tiny-imagenet", "tiny_imagenet", "tiny-imagenet-10"];
    let what = "train/<wnid>/images and val/val_annotations.txt";
    let root = folder(opening.config, DatasetName::TinyImageNet, &subfolders, what, holds)?;
    splits(opening, split::TINY_IMAGENET, 64, lists::tiny_imagenet(root)?)
}

/// CUB-200-2011: `images/` and four lists.
pub(super) fn cub200(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| is_file(&dir.join("train_test_split.txt"));
    let subfolders = ["CUB_200_2011", "cub-20/CUB_200_2011", "cub200"];
    let what = "images.txt, image_class_labels.txt, train_test_split.txt, classes.txt and images/";
    let root = folder(opening.config, DatasetName::Cub200, &subfolders, what, holds)?;
    splits(opening, split::CUB200, 224, lists::cub200(root)?)
}

/// Stanford Dogs: `Images/` with `train_list.mat` and `test_list.mat` beside it or in `lists/`.
pub(super) fn stanford_dogs(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| {
        Ok(is_file(&dir.join("train_list.mat"))? || is_file(&dir.join("lists/train_list.mat"))?)
    };
    let subfolders = ["stanford-dogs", "stanford_dogs", "StanfordDogs"];
    let what = "train_list.mat, test_list.mat and Images/";
    let root = folder(opening.config, DatasetName::StanfordDogs, &subfolders, what, holds)?;
    splits(opening, split::STANFORD_DOGS, 224, lists::stanford_dogs(root)?)
}

/// Stanford Cars: `cars_train/`, `cars_test/` and the annotations of the devkit with the test labels.
pub(super) fn stanford_cars(opening: &Opening<'_>) -> Result<Splits> {
    let holds = |dir: &Path| Ok(lists::cars_file(dir, "cars_train_annos.mat")?.is_some());
    let subfolders = ["stanford_cars", "stanford-cars", "StanfordCars"];
    let what = "cars_train_annos.mat, cars_test_annos_withlabels.mat, cars_train/ and cars_test/";
    let root = folder(opening.config, DatasetName::StanfordCars, &subfolders, what, holds)?;
    splits(opening, split::STANFORD_CARS, 224, lists::stanford_cars(root)?)
}

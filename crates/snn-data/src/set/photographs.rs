//! Sets of photographs, one file each, decoded when a sample is asked for.

use std::path::{Path, PathBuf};

use super::files::{Item, classes, folders, items_of, listed};
use super::listed::Listed;
use super::on_demand::Prepare;
use super::opening::Opening;
use crate::preprocess::{Pictures, Preprocess, decode};
use crate::samples::Samples;
use crate::split::{Split, name_of};
use crate::{Dataset, Limits, Result, Splits};

/// Mean and deviation of ImageNet's training pixels, which its successors are normalized by too.
pub(super) const MOMENTS: (&[f32], &[f32]) = (&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);

/// A set's files before any choice.
pub(super) struct Photographs {
    pub(super) root: PathBuf,
    pub(super) class_names: Vec<String>,
    pub(super) train: Vec<Item>,
    pub(super) test: Vec<Item>,
}

/// Whether a folder holds a training and a test side of folders.
pub(super) fn by_folder(dir: &Path) -> bool {
    dir.join("train").is_dir() && test_side(dir).is_some()
}

fn test_side(dir: &Path) -> Option<PathBuf> {
    ["test", "val"].into_iter().map(|side| dir.join(side)).find(|path| {
        // A test folder without labels, as ImageNet's, is none to measure on.
        folders(path).is_ok_and(|folders| !folders.is_empty())
    })
}

/// The classes are the training side's folders, sorted with capitals first.
pub(super) fn of_folders(root: PathBuf) -> Result<Photographs> {
    let (train, test) = (root.join("train"), test_side(&root).unwrap_or_default());
    let class_names = classes(&train, &test)?;
    let side = |dir: &Path| items_of(class_names.iter().map(|class| dir.join(class)), images);
    let (train, test) = (side(&train)?, side(&test)?);
    Ok(Photographs { root, class_names, train, test })
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

/// Both sides, of which a sample has `size` pixels a side when the configuration names no other number.
pub(super) fn splits(
    opening: &Opening<'_>,
    known: &[Split],
    size: usize,
    photographs: Photographs,
) -> Result<Splits> {
    let config = opening.config;
    let Photographs { root, class_names, train, test } = photographs;
    let split = name_of(known, (train.len(), test.len()), config);
    let size = config.size.unwrap_or(size);
    let listed = Listed {
        opening,
        root: &root,
        split: &split,
        class_names: &class_names,
        preprocess: &Preprocess::Pictures(Pictures::new([3, size, size], MOMENTS)),
        about: &format!("{}: {size} x {size}", config.name),
        // A training sample is another crop in every epoch.
        cache: None,
    };
    let set = |items: &[Item], limit| -> Result<Dataset> {
        let prepare: Prepare = Box::new(|bytes, _| {
            let image = |item: &Item| decode(bytes, &Limits::default(), &item.path);
            Ok(Box::new(move |item| image(item).map(Samples::Image)))
        });
        listed.dataset(items, limit, prepare)
    };
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

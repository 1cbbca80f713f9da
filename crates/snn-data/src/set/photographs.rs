//! Sets of photographs, one file each, decoded when a sample is asked for.

use std::path::{Path, PathBuf};

use super::files::{Item, classes, folders, is_folder, items_of, known_as, listed, passed_over};
use super::folder::unpacked;
use super::listed::Listed;
use super::on_demand::Prepare;
use super::opening::Opening;
use crate::preprocess::{Pictures, Preprocess, decode, whole};
use crate::samples::Samples;
use crate::split::{Split, name_of};
use crate::transform::Interpolation;
use crate::{DataConfig, Dataset, Limits, Result, Splits};

/// Mean and deviation of ImageNet's training pixels, which its successors are normalized by too.
pub(super) const MOMENTS: (&[f32], &[f32]) = (&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);

/// A set's files before any choice.
pub(super) struct Photographs {
    pub(super) root: PathBuf,
    pub(super) class_names: Vec<String>,
    pub(super) train: Vec<Item>,
    pub(super) test: Vec<Item>,
    /// Where the classes are the folders of the root: what else lies in them, in words.
    pub(super) of_folders: Option<Vec<String>>,
}

/// Whether a folder holds a training and a test side of folders.
pub(super) fn by_folder(dir: &Path) -> Result<bool> {
    Ok(is_folder(&dir.join("train"))? && test_side(dir)?.is_some())
}

fn test_side(dir: &Path) -> Result<Option<&'static str>> {
    for side in ["test", "val"] {
        let path = dir.join(side);
        // A test folder without labels, as ImageNet's, is none to measure on.
        if is_folder(&path)? && !folders(&path)?.is_empty() {
            return Ok(Some(side));
        }
    }
    Ok(None)
}

/// The classes are the training side's folders, sorted with capitals first.
pub(super) fn of_folders(root: PathBuf) -> Result<Photographs> {
    let test_side = test_side(&root)?.unwrap_or("test");
    let train = unpacked(&root.join("train"), true)?;
    let test = unpacked(&root.join(test_side), true)?;
    let class_names = classes(&train, &test)?;
    let side = |dir: &Path, usual| -> Result<Vec<Item>> {
        let items = items_of(class_names.iter().map(|class| dir.join(class)), images)?;
        Ok(known_as(items, dir, usual))
    };
    let of_classes = [&train, &test].map(|side| class_names.iter().map(|class| side.join(class)));
    let of_classes: Vec<PathBuf> = of_classes.into_iter().flatten().collect();
    let others = passed_over(&of_classes, &EXTENSIONS)?;
    let (train, test) = (side(&train, "train")?, side(&test, test_side)?);
    Ok(Photographs { root, class_names, train, test, of_folders: Some(Vec::from_iter(others)) })
}

/// What pictures' names end with.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// The pictures of a folder in natural order.
pub(super) fn images(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = listed(dir)?;
    found.retain(|path| {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        EXTENSIONS.contains(&extension.as_str())
    });
    Ok(found)
}

/// What is done with a picture of such a set.
pub(super) fn pictures(config: &DataConfig, size: usize) -> Pictures {
    let interpolation = config.interpolation;
    Pictures { interpolation, ..Pictures::new([3, size, size], MOMENTS) }
}

/// What decides the samples beside the files.
pub(super) fn about(config: &DataConfig, size: usize) -> String {
    let name = &config.name;
    match config.interpolation {
        Interpolation::Bilinear => format!("{name}: {size} x {size}"),
        Interpolation::Bicubic => format!("{name}: {size} x {size} bicubic"),
        Interpolation::Nearest => format!("{name}: {size} x {size} nearest"),
    }
}

/// Both sides, of which a sample has `size` pixels a side when the configuration names no other number.
pub(super) fn splits(
    opening: &Opening<'_>,
    known: &[Split],
    size: usize,
    photographs: Photographs,
) -> Result<Splits> {
    let config = opening.config;
    let Photographs { root, class_names, train, test, of_folders } = photographs;
    let split = name_of(known, (train.len(), test.len()), config);
    let size = config.size.unwrap_or(size);
    let listed = Listed {
        opening,
        root: &root,
        split: &split,
        class_names: &class_names,
        preprocess: &Preprocess::Pictures(pictures(config, size)),
        about: &about(config, size),
        // A training sample is another crop in every epoch.
        cache: None,
        whole: Some(whole),
        of_folders: of_folders.as_deref(),
    };
    let set = |side, items: &[Item], limit| -> Result<Dataset> {
        let prepare: Prepare = Box::new(|bytes, _| {
            let image = |item: &Item| decode(bytes, &Limits::default(), &item.path);
            Ok(Box::new(move |item| image(item).map(Samples::Image)))
        });
        listed.dataset(side, items, limit, prepare)
    };
    Ok(Splits {
        train: set("training", &train, config.limit_train)?,
        test: set("test", &test, config.limit_test)?,
    })
}

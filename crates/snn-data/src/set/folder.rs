//! Where a data set's files lie, and what its classes are called.

use std::fs;
use std::path::{Path, PathBuf};

use super::config::DataConfig;
use super::files::{is_file, is_folder, name as last};
use crate::{DatasetName, Error, Result};

/// The first folder that `holds` accepts, of `dir/<subfolder>`... and `dir`; where the configuration names no folder, of
/// `root/<subfolder>`..., `root/<name>` and `root/<name>/<subfolder>`... in each of its roots. An archive's own folder in
/// the folder that it was unpacked to, `X/X`, is looked into as well.
pub(super) fn folder(
    config: &DataConfig,
    name: DatasetName,
    subfolders: &[&str],
    what: &str,
    holds: impl Fn(&Path) -> Result<bool>,
) -> Result<PathBuf> {
    let below = |dir: &Path, names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| dir.join(name)).collect()
    };
    let (mut places, mut said) = (Vec::new(), Vec::new());
    match &config.dir {
        Some(dir) => {
            places.extend(below(dir, subfolders));
            places.push(dir.clone());
        }
        None => {
            let mut own = subfolders.to_vec();
            if !own.contains(&name.as_str()) {
                own.push(name.as_str());
            }
            for root in &config.roots {
                said.extend(below(root, &own).iter().map(|place| place.display().to_string()));
                places.extend(below(root, &own));
                places.extend(below(&root.join(name.as_str()), subfolders));
            }
        }
    }
    for place in &places {
        let twice = place.file_name().map(|name| place.join(name));
        for path in [Some(place), twice.as_ref()].into_iter().flatten() {
            if is_folder(path)? && holds(path)? {
                return Ok(path.clone());
            }
        }
    }
    let source = name.listing().map_or("", |listing| listing.source);
    let name_it = format!("name the folder of {}: {source}", name.as_str());
    let (path, looked) = match &config.dir {
        Some(dir) => (dir.clone(), String::new()),
        None if places.is_empty() => ("data folder".into(), String::new()),
        None => ("data folder".into(), format!("looked in {}; ", said.join(", "))),
    };
    let advice = places.iter().find_map(|place| advice(name, place));
    let remedy = format!("{looked}{}", advice.unwrap_or(name_it));
    Err(Error::Missing { path, what: what.into(), remedy })
}

/// What to do with what lies in a folder in place of the set.
fn advice(name: DatasetName, dir: &Path) -> Option<String> {
    for (set, entry, todo) in OTHER_FORMS {
        if *set == name && dir.join(entry).exists() {
            return Some(format!("{} {todo}", dir.join(entry).display()));
        }
    }
    let has = |dir: PathBuf, is: &dyn Fn(&str) -> bool| {
        let mut all = fs::read_dir(dir).into_iter().flatten().flatten();
        all.find(|entry| is(&last(&entry.path()).to_lowercase())).map(|entry| entry.path())
    };
    let flat = has(dir.join("val"), &|name| name.starts_with("ilsvrc2012_val_"));
    if let Some(picture) = flat.filter(|_| name == DatasetName::ImageNet) {
        let todo = "lies in val itself: move the pictures of val into folders of their classes";
        return Some(format!("{} {todo}", picture.display()));
    }
    let is_archive = |name: &str| {
        [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".7z", ".rar"]
            .iter()
            .any(|e| name.ends_with(e))
    };
    let archive = has(dir.into(), &is_archive)?;
    Some(format!("{} lies there: unpack it, each archive in its place", archive.display()))
}

/// Forms in which sets are found too and not read: the set, a file or folder of it, and what to do.
const OTHER_FORMS: &[(DatasetName, &str, &str)] = &[
    (
        DatasetName::Cifar10,
        "cifar-10-batches-py",
        "is the version for Python: fetch the binary version, or `snn data get cifar10`",
    ),
    (
        DatasetName::Cifar100,
        "cifar-100-python",
        "is the version for Python: fetch the binary version, or `snn data get cifar100`",
    ),
    (
        DatasetName::DvsGesture,
        "ibmGestureTrain",
        "is Tonic's conversion: this set is read from its publisher's DvsGesture.tar.gz",
    ),
];

/// A side's folder, or the one in it of the same name and the only one there, as unpacking `Train.zip` into `Train`
/// leaves it. Where the side holds folders of classes, a class of the side's name is none.
pub(super) fn unpacked(side: &Path, of_classes: bool) -> Result<PathBuf> {
    let Some(inner) = side.file_name().map(|name| side.join(name)) else { return Ok(side.into()) };
    if !is_folder(side)? || !is_folder(&inner)? || is_file(&inner)? {
        return Ok(side.into());
    }
    let only = super::files::folders(side)? == [inner.clone()];
    let is_side = !of_classes || !super::files::folders(&inner)?.is_empty();
    Ok(if only && is_side { inner } else { side.into() })
}

/// Whether `is` of each.
pub(super) fn all<T>(
    them: impl IntoIterator<Item = T>,
    is: impl Fn(T) -> Result<bool>,
) -> Result<bool> {
    for one in them {
        if !is(one)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Names of classes as a data set has them.
pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

//! The lists that come with sets of photographs: texts and MATLAB files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{Item, folders, is_file, is_folder, name, natural};
use super::folder::unpacked;
use super::photographs::{Photographs, images};
use crate::format::{Mat, mat, read_file};
use crate::{Error, FormatFault, Limits, Result};

/// Whether the pictures of Tiny ImageNet's `val` lie in folders of their classes.
pub(super) fn is_sorted(val: &Path) -> Result<bool> {
    Ok(is_folder(val)? && folders(val)?.iter().any(|path| name(path) != "images"))
}

/// The pictures of a class, in its folder or in `images` there.
fn of_class(class: &Path, label: u32) -> Result<Vec<Item>> {
    let inner = class.join("images");
    let paths = images(if is_folder(&inner)? { &inner } else { class })?;
    Ok(paths.into_iter().map(|path| Item::new(path, label)).collect())
}

pub(super) fn tiny_imagenet(root: PathBuf) -> Result<Photographs> {
    let train = root.join("train");
    let class_names: Vec<String> = folders(&train)?.iter().map(|path| name(path)).collect();
    let mut items = Vec::new();
    for (label, class) in (0..).zip(&class_names) {
        let folder = train.join(class);
        let usual = format!("train/{class}/images");
        items.extend(by_file(of_class(&folder, label)?, &usual));
    }
    let train = items;
    let val = root.join("val");
    if !is_folder(&val.join("images"))? {
        let mut test = Vec::new();
        for (label, class) in (0..).zip(&class_names) {
            let folder = val.join(class);
            if is_folder(&folder)? {
                test.extend(by_file(of_class(&folder, label)?, "val/images"));
            }
        }
        // In the order of the published folder, so that the members are the same.
        test.sort_by_cached_key(|item| natural(&name(&item.path)));
        return Ok(Photographs { root, class_names, train, test, of_folders: None });
    }
    let annotations = root.join("val/val_annotations.txt");
    let mut classes = BTreeMap::new();
    for (number, line) in lines(&annotations)?.iter().enumerate() {
        let mut words = line.split_ascii_whitespace();
        let (Some(file), Some(class)) = (words.next(), words.next()) else {
            return Err(line_error(&annotations, number, "a file and its class"));
        };
        let label = class_names.iter().position(|known| known == class);
        let label = label.ok_or_else(|| line_error(&annotations, number, "a class of train/"))?;
        classes.insert(file.to_owned(), label as u32);
    }
    let labeled = |path: PathBuf| {
        let label = classes.get(&name(&path)).copied();
        label.map(|label| Item::new(path, label))
    };
    let test = images(&root.join("val/images"))?.into_iter().filter_map(labeled).collect();
    Ok(Photographs { root, class_names, train, test, of_folders: None })
}

/// The items by the names of their files in the publisher's folder `usual`.
fn by_file(mut items: Vec<Item>, usual: &str) -> Vec<Item> {
    for item in &mut items {
        item.known_as = Some(format!("{usual}/{}", name(&item.path)));
    }
    items
}

/// `<id> <path>`, `<id> <class from 1>`, `<id> <1 for training>` and `<class from 1> <name>`.
pub(super) fn cub200(root: PathBuf) -> Result<Photographs> {
    let class_names: Vec<String> = pairs(&root.join("classes.txt"))?.into_values().collect();
    let labels_file = root.join("image_class_labels.txt");
    let labels = pairs(&labels_file)?;
    let sides_file = root.join("train_test_split.txt");
    let sides = pairs(&sides_file)?;
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (id, path) in pairs(&root.join("images.txt"))? {
        let label = labels.get(&id).and_then(|label| label.parse::<usize>().ok());
        let label = label.and_then(|label| label.checked_sub(1));
        let Some(label) = label.filter(|&label| label < class_names.len()) else {
            return Err(id_error(&labels_file, id, "a class of classes.txt"));
        };
        let item = Item::new(root.join("images").join(inside(&root, &path)?), label as u32);
        match sides.get(&id).map(String::as_str) {
            Some("1") => train.push(item),
            Some("0") => test.push(item),
            _ => return Err(id_error(&sides_file, id, "1 for training or 0 for test")),
        }
    }
    Ok(Photographs { root, class_names, train, test, of_folders: None })
}

/// `file_list`, cells of paths below `Images`, and `labels` from 1; a class's name follows the first dash of its folder.
pub(super) fn stanford_dogs(root: PathBuf) -> Result<Photographs> {
    let mut names = BTreeMap::new();
    let mut side = |list: &str| -> Result<Vec<Item>> {
        let (beside, inside_lists) = (root.join(list), root.join("lists").join(list));
        let path = if is_file(&inside_lists)? { inside_lists } else { beside };
        let variables = variables(&path)?;
        let files = match variables.get("file_list") {
            Some(Mat::Cells(files)) => files,
            _ => return Err(mat_error(&path, "file_list is not there")),
        };
        let labels = variables.get("labels").and_then(Mat::numbers).unwrap_or(&[]);
        if labels.len() != files.len() {
            return Err(mat_error(&path, "labels and file_list are not of one length"));
        }
        let mut items = Vec::new();
        for (file, &label) in files.iter().zip(labels) {
            let file = file.text().ok_or_else(|| mat_error(&path, "a file's name is no text"))?;
            let label =
                class_of(label, 120).ok_or_else(|| mat_error(&path, "a label is not 1 to 120"))?;
            let class = file.split('/').next().unwrap_or(file);
            let class = class.split_once('-').map_or(class, |(_, name)| name);
            names.insert(label, class.to_owned());
            items.push(Item::new(root.join("Images").join(inside(&root, file)?), label));
        }
        Ok(items)
    };
    let (train, test) = (side("train_list.mat")?, side("test_list.mat")?);
    let last = names.last_key_value().map_or(0, |(&label, _)| label + 1);
    let class_name = |label| names.get(&label).cloned().unwrap_or_else(|| format!("class-{label}"));
    let class_names = (0..last).map(class_name).collect();
    Ok(Photographs { root, class_names, train, test, of_folders: None })
}

/// `annotations` of `fname` and `class` from 1; the names are in `cars_meta.mat`.
pub(super) fn stanford_cars(root: PathBuf) -> Result<Photographs> {
    let wanted = |file: &str, remedy: &str| {
        cars_file(&root, file)?.ok_or_else(|| Error::Missing {
            path: root.clone(),
            what: file.into(),
            remedy: remedy.into(),
        })
    };
    let side = |file: &str, folder: &str, remedy: &str| -> Result<Vec<Item>> {
        let path = wanted(file, remedy)?;
        let variables = variables(&path)?;
        let field = |name| variables.get("annotations").and_then(|all| all.field(name));
        let (Some(files), Some(classes)) = (field("fname"), field("class")) else {
            return Err(mat_error(&path, "annotations of fname and class are not there"));
        };
        let pictures = unpacked(&root.join(folder), false)?;
        let item = |(file, class): (&Mat, &Mat)| {
            let label = class.numbers().and_then(|class| class_of(*class.first()?, 196));
            let label = label.ok_or_else(|| mat_error(&path, "a class is not 1 to 196"))?;
            let file = file.text().ok_or_else(|| mat_error(&path, "a file's name is no text"))?;
            let known_as = Some(format!("{folder}/{file}"));
            Ok(Item { known_as, ..Item::new(pictures.join(inside(&root, file)?), label) })
        };
        files.iter().zip(classes).map(item).collect()
    };
    let devkit = "unpack car_devkit.tgz";
    let train = side("cars_train_annos.mat", "cars_train", devkit)?;
    let labeled = "the devkit's own test annotations have no classes: fetch this file beside it";
    let test = side("cars_test_annos_withlabels.mat", "cars_test", labeled)?;
    let meta = wanted("cars_meta.mat", devkit)?;
    let class_names = match variables(&meta)?.remove("class_names") {
        Some(Mat::Cells(names)) => names.iter().filter_map(Mat::text).map(str::to_owned).collect(),
        _ => return Err(mat_error(&meta, "class_names is not there")),
    };
    Ok(Photographs { root, class_names, train, test, of_folders: None })
}

/// A file of the devkit, in the folder itself or in one of two places it is unpacked to.
pub(super) fn cars_file(root: &Path, file: &str) -> Result<Option<PathBuf>> {
    let places = [
        root.join(file),
        root.join("devkit").join(file),
        root.join("car_devkit/devkit").join(file),
    ];
    for path in places {
        if is_file(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn variables(path: &Path) -> Result<BTreeMap<String, Mat>> {
    let limits = Limits::default();
    Ok(mat(&read_file(path, &limits)?, &limits, path)?.into_iter().collect())
}

/// A class counted from 1 as one counted from 0.
fn class_of(number: f64, num_classes: u32) -> Option<u32> {
    (0..num_classes).find(|&label| f64::from(label + 1) == number)
}

/// A relative path that stays below its folder.
fn inside<'a>(root: &Path, path: &'a str) -> Result<&'a str> {
    use std::path::Component::Normal;
    if !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Normal(_))) {
        return Ok(path);
    }
    let remedy = "the list leads out of the folder: fetch the data set again".into();
    Err(Error::Missing { path: root.into(), what: path.into(), remedy })
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let bytes = read_file(path, &Limits { file_bytes: 1 << 26, ..Limits::default() })?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

/// Lines of a number and a text, in the order of the numbers.
fn pairs(path: &Path) -> Result<BTreeMap<u64, String>> {
    let mut pairs = BTreeMap::new();
    for (number, line) in lines(path)?.iter().enumerate() {
        let pair =
            line.trim().split_once(' ').and_then(|(id, text)| Some((id.parse().ok()?, text)));
        let (id, text) = pair.ok_or_else(|| line_error(path, number, "a number and a text"))?;
        pairs.insert(id, text.trim().to_owned());
    }
    Ok(pairs)
}

fn line_error(path: &Path, number: usize, needed: &'static str) -> Error {
    Error::Missing {
        path: path.into(),
        what: format!("{needed} in line {}", number + 1),
        remedy: "fetch the data set again".into(),
    }
}

fn id_error(path: &Path, id: u64, needed: &'static str) -> Error {
    let what = format!("{needed} for the picture {id}");
    Error::Missing { path: path.into(), what, remedy: "fetch the data set again".into() }
}

fn mat_error(path: &Path, why: &'static str) -> Error {
    Error::format(path, 0, FormatFault::Header { why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_their_folder() {
        let root = Path::new("r");
        assert_eq!(inside(root, "a/b.jpg").unwrap(), "a/b.jpg");
        for wrong in ["", "../b.jpg", "a/../../b.jpg", "/b.jpg", "./../b"] {
            assert!(inside(root, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn classes_count_from_one() {
        assert_eq!((class_of(1.0, 196), class_of(196.0, 196)), (Some(0), Some(195)));
        for wrong in [0.0, 197.0, 1.5, -1.0, f64::NAN] {
            assert_eq!(class_of(wrong, 196), None);
        }
    }
}

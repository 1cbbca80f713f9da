//! The files of a data set that keeps each sample in a file: which there are, in which order, of which class.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// One sample's file, or the part of a recording that is one.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) label: u32,
    /// The times in microseconds that belong to it; all when absent.
    pub(super) window: Option<Range<u64>>,
}

impl Item {
    pub(super) fn new(path: PathBuf, label: u32) -> Self {
        Self { path, label, window: None }
    }

    /// The path below `root` with slashes, and the window: the same on every machine.
    pub(super) fn name(&self, root: &Path) -> String {
        let path = self.path.strip_prefix(root).unwrap_or(&self.path);
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let window = self.window.as_ref();
        let window = window.map_or(String::new(), |w| format!(" {}-{}", w.start, w.end));
        format!("{}{window}", parts.join("/"))
    }
}

/// The files that `list` finds in the folders of the classes, in label order; a class without a folder has none.
pub(super) fn items_of(
    folders: impl IntoIterator<Item = PathBuf>,
    list: impl Fn(&Path) -> Result<Vec<PathBuf>>,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for (label, folder) in (0..).zip(folders) {
        let paths = if folder.is_dir() { list(&folder)? } else { Vec::new() };
        items.extend(paths.into_iter().map(|path| Item::new(path, label)));
    }
    Ok(items)
}

/// The names of the folders in `train`, which are the classes; `test` may have no other one.
pub(super) fn classes(train: &Path, test: &Path) -> Result<Vec<String>> {
    let classes: Vec<String> = folders(train)?.iter().map(|path| name(path)).collect();
    for extra in folders(test)?.iter().map(|path| name(path)) {
        if classes.binary_search(&extra).is_err() {
            let remedy =
                format!("{} has the class {extra}: use folders of one set", test.display());
            return Err(Error::Missing { path: train.into(), what: extra, remedy });
        }
    }
    Ok(classes)
}

/// A folder's files of an extension in natural order; the directory's own order never matters.
pub(super) fn entries(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = listed(dir)?;
    found.retain(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)));
    Ok(found)
}

/// A folder's files of an extension whose names begin with `prefix`, in natural order.
pub(super) fn named(dir: &Path, prefix: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = entries(dir, extension)?;
    found.retain(|path| name(path).starts_with(prefix));
    Ok(found)
}

/// A folder's folders in the order of their names' bytes, capitals first, as class lists are sorted.
pub(super) fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = listed(dir)?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}

/// The entries of a folder in natural order, hidden ones left out.
pub(super) fn listed(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let entry = entry.map_err(Error::io(dir))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    found.sort_by_cached_key(|path| natural(&name(path)));
    Ok(found)
}

/// The last part of a path, as text.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What names are sorted by so that 2 comes before 10: texts and the numbers after them, then the name itself.
pub(super) fn natural(name: &str) -> (Vec<(String, u128)>, String) {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(digits);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        // More digits than a number has come last, and then by name.
        parts.push((text.to_owned(), number.parse().unwrap_or(u128::MAX)));
        rest = after;
    }
    (parts, name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names =
            ["cat_10.aedat", "cat_9.aedat", "bird_2.aedat", "cat_09.aedat", "cat_1", "00002.bin"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(
            names,
            ["00002.bin", "bird_2.aedat", "cat_1", "cat_09.aedat", "cat_9.aedat", "cat_10.aedat"]
        );
    }

    #[test]
    fn names_are_relative_and_say_the_window() {
        let mut item = Item::new("/a/b/c.aedat".into(), 3);
        assert_eq!(item.name(Path::new("/a")), "b/c.aedat");
        item.window = Some(5..9);
        assert_eq!(item.name(Path::new("/a")), "b/c.aedat 5-9");
    }
}

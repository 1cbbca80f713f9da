//! The files of a data set that keeps each sample in a file: which there are, in which order, of which class.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::dataset::hex;
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

/// A hash of the items' names, labels and lengths, and of what else decides the samples.
pub(super) fn listing_hash(items: &[Item], root: &Path, about: &str) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("snn-data-files-v1\n{about}\n"));
    let (mut missing, mut first) = (0, None);
    for item in items {
        match fs::metadata(&item.path) {
            Ok(about) => {
                hash.update(format!("{} {} {}\n", item.label, about.len(), item.name(root)));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing += 1;
                first.get_or_insert(item);
            }
            Err(error) => return Err(Error::io(&item.path)(error)),
        }
    }
    let Some(first) = first else { return Ok(hex(&hash.finalize())) };
    let what = format!("{missing} of {} listed files, the first of them this,", items.len());
    let remedy = "copy the data set's folder again".into();
    Err(Error::Missing { path: first.path.clone(), what, remedy })
}

/// A folder's files of an extension in natural order; the directory's own order never matters.
pub(super) fn entries(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = listed(dir)?;
    found.retain(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)));
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
fn natural(name: &str) -> (Vec<(String, u128)>, String) {
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

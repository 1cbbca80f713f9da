//! The files of a data set that keeps each sample in a file: which there are, in which order, of which class.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
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
    /// Where its publisher has it below the set's folder, where that is elsewhere: it is the same member.
    pub(super) known_as: Option<String>,
}

impl Item {
    pub(super) fn new(path: PathBuf, label: u32) -> Self {
        Self { path, label, window: None, known_as: None }
    }

    /// The path below `root` with slashes, and the window: the same on every machine.
    pub(super) fn name(&self, root: &Path) -> String {
        let window = self.window.as_ref();
        let window = window.map_or(String::new(), |w| format!(" {}-{}", w.start, w.end));
        let path = self.known_as.clone().unwrap_or_else(|| below(root, &self.path));
        format!("{path}{window}")
    }
}

/// A path below `root`, with slashes.
fn below(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The items of a folder by the names that they have in the publisher's folder `usual`.
pub(super) fn known_as(mut items: Vec<Item>, folder: &Path, usual: &str) -> Vec<Item> {
    for item in &mut items {
        item.known_as = Some(format!("{usual}/{}", below(folder, &item.path)));
    }
    items
}

/// The files that `list` finds in the folders of the classes, in label order; a class without a folder has none.
pub(super) fn items_of(
    folders: impl IntoIterator<Item = PathBuf>,
    list: impl Fn(&Path) -> Result<Vec<PathBuf>>,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for (label, folder) in (0..).zip(folders) {
        let paths = if is_folder(&folder)? { list(&folder)? } else { Vec::new() };
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

/// Whether a folder has a file of an extension.
pub(super) fn has(dir: &Path, extension: &str) -> Result<bool> {
    Ok(is_folder(dir)? && !entries(dir, extension)?.is_empty())
}

/// A folder's folders in the order of their names' bytes, capitals first, as class lists are sorted.
///
/// A link that leads nowhere and a name that is not UTF-8 are errors: a class would be missing, or have another's name.
pub(super) fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in listed(dir)? {
        if is_folder(&path)? {
            if path.file_name().is_some_and(|name| name.to_str().is_none()) {
                let remedy = "rename the folder: its name is not UTF-8".into();
                return Err(Error::Missing { path, what: "the name of a class".into(), remedy });
            }
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a folder lies there, or a link to one.
pub(super) fn is_folder(path: &Path) -> Result<bool> {
    Ok(about(path)?.is_some_and(|about| about.is_dir()))
}

/// Whether a file lies there, or a link to one.
pub(super) fn is_file(path: &Path) -> Result<bool> {
    Ok(about(path)?.is_some_and(|about| about.is_file()))
}

/// What lies there; nothing is no error, but what cannot be told is, and a link that leads nowhere.
fn about(path: &Path) -> Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(about) => Ok(Some(about)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            if fs::symlink_metadata(path).is_err() {
                return Ok(None);
            }
            let (what, remedy) = ("what this link leads to", "mend the link, or remove it");
            Err(Error::Missing { path: path.into(), what: what.into(), remedy: remedy.into() })
        }
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// The entries of a folder in natural order, hidden ones left out, and those that macOS packs beside them.
pub(super) fn listed(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let entry = entry.map_err(Error::io(dir))?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && name != "__MACOSX" {
            found.push(entry.path());
        }
    }
    found.sort_by_cached_key(|path| natural(&name(path)));
    Ok(found)
}

/// Files among those of the classes that are not read, in one line; nothing where there are none.
pub(super) fn passed_over<'a>(
    folders: impl IntoIterator<Item = &'a PathBuf>,
    extensions: &[&str],
) -> Result<Option<String>> {
    let mut others = BTreeMap::<String, usize>::new();
    let mut example = None;
    for dir in folders {
        if !is_folder(dir)? {
            continue;
        }
        for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
            let path = entry.map_err(Error::io(dir))?.path();
            let (file, extension) = (name(&path), path.extension().unwrap_or_default());
            let extension = extension.to_string_lossy().to_lowercase();
            let is_known = extensions.contains(&extension.as_str());
            // What systems leave in folders by themselves.
            let is_noise =
                file.starts_with('.') || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(&&*file);
            if !is_known && !is_noise {
                *others.entry(extension).or_default() += 1;
                example.get_or_insert(path);
            }
        }
    }
    let Some(example) = example else { return Ok(None) };
    let (n, mut kinds) = (others.values().sum::<usize>(), Vec::new());
    for (extension, n) in others {
        let kind =
            if extension.is_empty() { "without extension".into() } else { format!(".{extension}") };
        kinds.push(format!("{n} {kind}"));
    }
    Ok(Some(format!(
        "{}: {n} entries of the classes' folders are not read ({}), this among them; files of .{} are",
        example.display(),
        kinds.join(", "),
        extensions.join(", .")
    )))
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

//! The folders of a cache and what lies in them; links are none of it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The file of a folder that says what the folder holds; its time of change is that of the last opening.
pub(super) const ABOUT: &str = "about";
/// What the name of a file begins with that knows the contents of a data set's files; the hash of their folder follows.
pub(crate) const CONTENTS: &str = "contents-";
/// Bytes of such a file at most.
pub(super) const MOST_ABOUT: u64 = 1 << 16;
/// A temporary file as old as that was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folders of a cache: those named by a hash that say what they hold.
pub(super) fn folders(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let is_ours = name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit);
        if is_ours && is_folder(&path)? && path.join(ABOUT).is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The files beside the folders in which the contents of data sets' files are known, with their bytes.
pub(super) fn contents(dir: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let hash = name.as_encoded_bytes().strip_prefix(CONTENTS.as_bytes());
        let hash = hash.and_then(|rest| rest.get(..32));
        let is_ours = hash.is_some_and(|hash| hash.iter().all(u8::is_ascii_hexdigit));
        // Of a link, the link itself.
        let about = entry.metadata().ok().filter(|about| is_ours && !about.is_dir());
        found.extend(about.map(|about| (entry.path(), about.len())));
    }
    Ok(found)
}

/// Whether a folder of the cache lies there, and not a link to somebody else's.
pub(super) fn is_folder(path: &Path) -> std::io::Result<bool> {
    match fs::symlink_metadata(path) {
        // Another process may clear the cache meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        about => Ok(about?.is_dir()),
    }
}

/// The files of a folder and their bytes; what another process takes away meanwhile does not count.
pub(super) fn files(folder: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(about) = entry.metadata() else { continue };
        let path = entry.path();
        let age = about.modified().ok().and_then(|time| time.elapsed().ok());
        if path.extension().is_some_and(|e| e == "tmp") && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(&path);
        } else {
            found.push((path, about.len()));
        }
    }
    Ok(found)
}

/// Removes a folder and returns the bytes. Its description goes last, so that what a killed process leaves is still known
/// for a part of the cache; what another process removes or adds meanwhile is no error.
pub(super) fn remove(folder: &Path) -> std::io::Result<u64> {
    let gone = |removed: std::io::Result<()>| match removed {
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) =>
        {
            Ok(())
        }
        removed => removed,
    };
    let mut bytes = 0;
    let mut found = match files(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        found => found?,
    };
    found.sort_by_key(|(path, _)| path.ends_with(ABOUT));
    for (path, n) in found {
        gone(fs::remove_file(path))?;
        bytes += n;
    }
    gone(fs::remove_dir(folder))?;
    Ok(bytes)
}

pub(super) fn size(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for folder in folders(dir)? {
        bytes += files(&folder).unwrap_or_default().iter().map(|(_, n)| n).sum::<u64>();
    }
    bytes += contents(dir)?.iter().map(|(_, n)| n).sum::<u64>();
    Ok(bytes)
}

pub(super) fn used_at(folder: &Path) -> SystemTime {
    let about = fs::metadata(folder.join(ABOUT));
    about.and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

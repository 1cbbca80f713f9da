//! Files that are either whole or absent, whatever happens meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use tempfile::{Builder, NamedTempFile};

use crate::{Error, Result};

const TEMP_SUFFIX: &str = ".tmp";
const RANDOM_CHARACTERS: usize = 6;

/// Writes `bytes` to `path`: after success they are on the disk; after a failure the old file is as it was, or, when
/// only the directory could not be synced, the new one may have taken its place.
///
/// The bytes go to a new file `.<name>.<random>.tmp` beside the target, are synced, and are renamed over it; then the
/// directory is synced. A symbolic link is followed, an old file's permissions are kept, and a new file gets those that
/// the umask allows. What is no regular file (a pipe, a device) is written to as it is. A failed sync is not tried
/// again, as the operating system may have dropped the data.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let old = match std::fs::metadata(path) {
        Ok(old) if old.is_dir() => return Err(Error::io(path)(ErrorKind::IsADirectory.into())),
        Ok(old) if !old.is_file() => {
            let mut file = OpenOptions::new().write(true).open(path).map_err(Error::io(path))?;
            return file.write_all(bytes).map_err(Error::io(path));
        }
        old => old.ok(),
    };
    // The file itself, where the path is a link to it.
    let target = match old {
        Some(_) => path.canonicalize().map_err(Error::io(path))?,
        None => path.to_path_buf(),
    };
    let replace = || {
        let mut temp = create_temp(&target)?;
        if let Some(old) = &old {
            temp.as_file().set_permissions(old.permissions())?;
        }
        temp.write_all(bytes)?;
        temp.as_file().sync_all()?;
        temp.persist(&target)?;
        Ok(())
    };
    replace().map_err(Error::io(path))?;
    sync_dir(directory(&target))
}

/// Writes a value as JSON with a line a field.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| Error::io(path)(e.into()))?;
    text.push(b'\n');
    write_atomic(path, &text)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir))
}

/// Makes a directory and its parents, each durable.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn create_dir(dir: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    missing.into_iter().try_for_each(|made| sync_dir(directory(made)))
}

/// Removes a file; one that is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// The file that a temporary file's name says it was to become, whoever was killed while writing it.
pub(crate) fn target_of(temp: &str) -> Option<&str> {
    let (target, random) = temp.strip_prefix('.')?.strip_suffix(TEMP_SUFFIX)?.rsplit_once('.')?;
    (random.len() == RANDOM_CHARACTERS).then_some(target)
}

fn create_temp(target: &Path) -> std::io::Result<NamedTempFile> {
    let name = target.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(TEMP_SUFFIX).rand_bytes(RANDOM_CHARACTERS);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory(target))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_replaced_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let other = dir.path().join("a.json.tmp");
        write_atomic(&other, b"a user's own").unwrap();
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read(&other).unwrap(), b"a user's own");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn writers_of_one_path_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::thread::scope(|scope| {
            for n in 0..8u8 {
                let path = &path;
                scope.spawn(move || write_atomic(path, &[n; 4096]).unwrap());
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() == 4096 && bytes.iter().all(|b| *b == bytes[0]));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn temporary_names_tell_their_target() {
        let dir = tempfile::tempdir().unwrap();
        let temp = create_temp(&dir.path().join("step-00000001.safetensors")).unwrap();
        let name = temp.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(target_of(name), Some("step-00000001.safetensors"));
        assert_eq!(target_of("result.json.tmp"), None);
        assert_eq!(target_of(".notes.tmp"), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        write_atomic(&file, b"old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        write_atomic(Path::new("/dev/null"), b"x").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn failure_names_the_path_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        // A directory in the target's place makes the rename fail.
        let path = dir.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        let error = write_atomic(&path, b"x").unwrap_err();
        assert!(error.exit_code() == 5 && error.to_string().contains("taken"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_atomic(&dir.path().join("no/such"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn mode_is_that_of_a_plain_new_file_or_of_the_old_one() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        write_atomic(&ours, b"x").unwrap();
        File::create(&plain).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&ours), mode(&plain));
        std::fs::set_permissions(&ours, PermissionsExt::from_mode(0o640)).unwrap();
        write_atomic(&ours, b"y").unwrap();
        assert_eq!(mode(&ours), 0o640);
    }
}

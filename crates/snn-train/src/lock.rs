//! One process per run directory.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Result};

const LOCK_FILE: &str = "lock";
/// How often a loser looks for the holder's process id, which is written just after the lock is taken.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Held while a run is alive. The operating system frees it when the process ends, however it ends.
///
/// The directory itself is locked beside the file, which anyone may delete.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    path: PathBuf,
    dir: Option<File>,
}

impl RunLock {
    /// Takes the lock of a run directory, which must exist.
    ///
    /// # Errors
    /// [`Error::Busy`] at once when another process holds it; [`Error::Io`] when the file cannot be used.
    pub fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy { pid: holder(&mut file), path });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(&path)(error)),
        }
        // Where directories cannot be locked, the file has to do.
        let locked = File::open(dir).ok().map(|dir| (dir.try_lock(), dir));
        let dir = match locked {
            Some((Err(TryLockError::WouldBlock), _)) => {
                return Err(Error::Busy { pid: None, path: dir.into() });
            }
            Some((Ok(()), dir)) => Some(dir),
            Some((Err(TryLockError::Error(_)), _)) | None => None,
        };
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(Error::io(&path))?;
        Ok(Self { file, path, dir })
    }

    /// Refuses to go on in a directory that has been deleted or put in another's place since.
    ///
    /// # Errors
    /// [`Error::Moved`] then, and [`Error::Io`] when it cannot be looked at.
    pub(crate) fn check(&self) -> Result<()> {
        let (Some(held), Some(now)) = (&self.dir, self.path.parent()) else { return Ok(()) };
        let held = held.metadata().map_err(Error::io(now))?;
        match std::fs::metadata(now) {
            Ok(is) if same(&held, &is) => Ok(()),
            Ok(_) => Err(Error::Moved { path: now.into() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Error::Moved { path: now.into() })
            }
            Err(error) => Err(Error::io(now)(error)),
        }
    }
}

#[cfg(unix)]
fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same(_: &Metadata, _: &Metadata) -> bool {
    true
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // An empty file cannot name a process that has gone; failing to empty it harms nobody.
        let _ = self.file.set_len(0);
    }
}

fn holder(file: &mut File) -> Option<u32> {
    for _ in 0..LOOKS {
        let mut text = String::new();
        if file.rewind().is_ok()
            && file.read_to_string(&mut text).is_ok()
            && let Some(pid) = text.strip_suffix('\n').and_then(|pid| pid.parse().ok())
        {
            return Some(pid);
        }
        std::thread::sleep(PAUSE);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = RunLock::acquire(dir.path()).unwrap();
        let error = RunLock::acquire(dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        drop(held);
        RunLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_holder_whose_file_was_deleted_still_holds() {
        let dir = tempfile::tempdir().unwrap();
        let held = RunLock::acquire(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join(LOCK_FILE)).unwrap();
        assert_eq!(RunLock::acquire(dir.path()).unwrap_err().exit_code(), 4);
        held.check().unwrap();
        drop(held);
        RunLock::acquire(dir.path()).unwrap().check().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_in_anothers_place_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let (dir, away) = (place.path().join("run"), place.path().join("away"));
        std::fs::create_dir(&dir).unwrap();
        let held = RunLock::acquire(&dir).unwrap();
        std::fs::rename(&dir, &away).unwrap();
        let gone = held.check().unwrap_err();
        std::fs::create_dir(&dir).unwrap();
        let other = held.check().unwrap_err();
        assert!(
            matches!((&gone, &other), (Error::Moved { .. }, Error::Moved { .. })),
            "{gone} {other}"
        );
        assert_eq!(other.exit_code(), 5);
    }

    #[test]
    fn of_many_starts_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let locks: Vec<_> = std::thread::scope(|scope| {
            let start = || scope.spawn(|| RunLock::acquire(dir.path()));
            let threads: Vec<_> = (0..20).map(|_| start()).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(locks.iter().filter(|lock| lock.is_ok()).count(), 1);
    }
}

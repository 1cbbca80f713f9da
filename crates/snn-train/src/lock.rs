//! One process per run directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::{Error, Result};

const LOCK_FILE: &str = "lock";
/// How often a loser looks for the holder's process id, which is written just after the lock is taken.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Held while a run is alive. The operating system frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    file: File,
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
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(Error::io(&path))?;
        Ok(Self { file })
    }
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

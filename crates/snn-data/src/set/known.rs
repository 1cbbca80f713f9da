//! Files as they were when their data set was opened: whoever reads one later learns when another has taken its place.

use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::format::{open_file, read_file};
use crate::{Error, Limits, Result};

/// The hash of a file's content.
pub(super) type Content = [u8; 32];

/// A file with the content that it had.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) content: Content,
    /// The stamp in which the file has that content; none while it is too young to vouch for it.
    stamp: Mutex<Option<Stamp>>,
}

impl Known {
    pub(super) fn new(content: Content, stamp: Option<Stamp>) -> Self {
        Self { content, stamp: Mutex::new(stamp) }
    }

    /// Whether the file's stamp says that it is the one that was opened; where it does not, its bytes may still be.
    pub(super) fn vouched(&self, stamp: Stamp) -> bool {
        *lock(&self.stamp) == Some(stamp)
    }

    /// The file's bytes, which are those it was opened with.
    ///
    /// # Errors
    /// [`Error::Changed`] when they are others, and as [`read_file`].
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let before = Stamp::of(path)?;
        let bytes = read_file(path, &Limits::default())?;
        let after = Stamp::of(path)?;
        if before != after || !self.vouched(after.0) {
            self.compare(path, Sha256::digest(&bytes).into(), (before, after))?;
        }
        Ok(bytes)
    }

    /// Refuses a file that is another than it was, reading it whole only where its stamp is another.
    #[cfg(feature = "parquet")]
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        let before = Stamp::of(path)?;
        if self.vouched(before.0) {
            return Ok(());
        }
        let content = content(path)?;
        self.compare(path, content, (before, Stamp::of(path)?))
    }

    fn compare(&self, path: &Path, content: Content, (before, after): (Aged, Aged)) -> Result<()> {
        if content != self.content {
            return Err(Error::Changed { path: path.into() });
        }
        if before == after && after.1 {
            *lock(&self.stamp) = Some(after.0);
        }
        Ok(())
    }
}

/// The hash of a file, which is not held in memory.
pub(super) fn content(path: &Path) -> Result<Content> {
    let (mut file, _) = open_file(path)?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(Error::io(path))?;
    Ok(hash.finalize().into())
}

/// What changes with a file's content, and with its place: a hash of path, length, time of modification, and of the
/// file's number and the time of its last change of any kind, which no program can set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(pub(super) [u8; 16]);

/// A stamp, and whether the last change is so long ago that another one would have another time.
type Aged = (Stamp, bool);

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Aged> {
        let about = fs::metadata(path).map_err(Error::io(path))?;
        let modified = about.modified().ok();
        let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let mut hash = Sha256::new();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(format!("\0{} {since:?} {:?}", about.len(), changed(&about)));
        let mut stamp = [0; 16];
        stamp.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        let age = modified.and_then(|time| time.elapsed().ok());
        Ok((Self(stamp), age.is_some_and(|age| age > Duration::from_secs(2))))
    }
}

#[cfg(unix)]
fn changed(about: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (about.ino(), about.ctime(), about.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}

/// A lock that a panic released guards nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

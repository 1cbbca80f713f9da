//! Samples made of their files when they are asked for, and kept in the cache where there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::files::Item;
use crate::cache::{Cache, CacheConfig};
use crate::dataset::{Samples, Source};
use crate::format::read_file;
use crate::{Error, Limits, Result};

/// Makes a sample of a file's bytes and nothing else.
pub(super) type Prepare = Box<dyn Fn(&[u8], &Item) -> Result<Samples> + Send + Sync>;

/// The samples of a data set that is not held in memory.
pub(super) struct OnDemand {
    items: Vec<Item>,
    prepare: Prepare,
    /// Values of a sample.
    n: usize,
    cache: Option<Cache>,
    /// Of each item's file the content's hash, and the state in which the file had it; the gestures of a recording share it.
    known: Vec<Arc<Mutex<Option<Known>>>>,
}

/// A file's state and the hash that its content then had.
type Known = (State, [u8; 32]);

impl OnDemand {
    /// `about` says everything but the files' contents that decides the samples of `n` values.
    pub(super) fn new(
        items: Vec<Item>,
        prepare: Prepare,
        n: usize,
        cache: Option<&CacheConfig>,
        about: String,
    ) -> Result<Self> {
        let cache = cache.map(|cache| Cache::open(cache, about)).transpose()?;
        let mut of_file: BTreeMap<&Path, Arc<_>> = BTreeMap::new();
        let known =
            items.iter().map(|item| Arc::clone(of_file.entry(&item.path).or_default())).collect();
        Ok(Self { items, prepare, n, cache, known })
    }
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemand").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

impl Source for OnDemand {
    fn sample(&self, index: usize) -> Result<Samples> {
        let (Some(item), Some(known)) = (self.items.get(index), self.known.get(index)) else {
            return Err(Error::config("index", format!("there is no sample {index}")));
        };
        let limits = Limits::default();
        let Some(cache) = &self.cache else {
            return (self.prepare)(&read_file(&item.path, &limits)?, item);
        };
        let part =
            item.window.as_ref().map_or(String::new(), |w| format!("-{}-{}", w.start, w.end));
        let state = State::of(&item.path)?;
        // A lock is held for the copy of a hash only, so that nobody can have panicked with it.
        let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *lock();
        let before = before.filter(|(then, _)| *then == state).map(|(_, content)| content);
        if let Some(content) = before
            && let Some(sample) = cache.get(&content, &part, self.n)
        {
            return Ok(sample);
        }
        let bytes = read_file(&item.path, &limits)?;
        let is_same = State::of(&item.path)? == state;
        let content = before.filter(|_| is_same).unwrap_or_else(|| Sha256::digest(&bytes).into());
        if is_same && state.is_settled() {
            *lock() = Some((state, content));
        }
        if let Some(sample) = cache.get(&content, &part, self.n) {
            return Ok(sample);
        }
        let sample = (self.prepare)(&bytes, item)?;
        cache.put(&content, &part, &sample);
        Ok(sample)
    }
}

/// What changes with a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    bytes: u64,
    modified: Option<SystemTime>,
    /// The file's number and the time of its last change of any kind, which no program can set back.
    changed: (u64, i64, i64),
}

impl State {
    fn of(path: &Path) -> Result<Self> {
        let about = fs::metadata(path).map_err(Error::io(path))?;
        let (bytes, modified) = (about.len(), about.modified().ok());
        Ok(Self { bytes, modified, changed: changed(&about) })
    }

    /// Whether the last change is so long ago that another one would have another time.
    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|time| time.elapsed().ok());
        age.is_some_and(|age| age > Duration::from_secs(2))
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

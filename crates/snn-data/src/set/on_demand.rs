//! Samples made of their files when they are asked for, and kept in the cache where there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::files::Item;
use crate::cache::{Cache, CacheConfig};
use crate::format::read_file;
use crate::samples::{Samples, Source};
use crate::{Error, Limits, Result};

/// Makes the samples of one file's items, each from its item alone.
pub(super) type Maker<'a> = Box<dyn Fn(&Item) -> Result<Samples> + 'a>;

/// Reads a file's bytes, and nothing else, into what makes its samples.
pub(super) type Prepare = Box<dyn for<'a> Fn(&'a [u8], &Path) -> Result<Maker<'a>> + Send + Sync>;

/// The samples of a data set that is not held in memory.
pub(super) struct OnDemand {
    items: Vec<Item>,
    prepare: Prepare,
    /// Values of a sample.
    n: usize,
    cached: Option<Cached>,
}

/// What is kept on disk, and of each item the file that it lies in.
struct Cached {
    cache: Cache,
    files: Vec<Arc<Recording>>,
}

/// A file of one item or, as gestures, of several.
#[derive(Default)]
struct Recording {
    items: Vec<usize>,
    /// The state in which the file was read last, and the hash that its content then had.
    known: Mutex<Option<(State, [u8; 32])>>,
    /// Held by whoever makes its samples: who wants another of them waits, and then finds it.
    making: Mutex<()>,
}

impl OnDemand {
    /// `about` says everything but the files' contents that decides the samples of `n` values.
    pub(super) fn new(
        items: Vec<Item>,
        prepare: Prepare,
        n: usize,
        cache: Option<&CacheConfig>,
        about: String,
    ) -> Self {
        let cached = cache
            .map(|cache| Cached { cache: Cache::open(cache, about), files: recordings(&items) });
        Self { cached, items, prepare, n }
    }

    /// The sample of an item from the cache, or else from its file, and then the file's other samples are kept too:
    /// to decode a recording takes longer than to make all its samples of it.
    fn cached(&self, cached: &Cached, item: &Item, file: &Recording) -> Result<Samples> {
        let Cached { cache, .. } = cached;
        let state = State::of(&item.path)?;
        let kept = |content: &[u8; 32]| cache.get(content, &part(item), self.n);
        let known = || lock(&file.known).filter(|(then, _)| *then == state).map(|known| known.1);
        if let Some(sample) = known().as_ref().and_then(kept) {
            return Ok(sample);
        }
        // Nothing below runs other tasks of a thread pool, which could ask for this lock again.
        let _making = lock(&file.making);
        if let Some(sample) = known().as_ref().and_then(kept) {
            return Ok(sample);
        }
        let bytes = read_file(&item.path, &Limits::default())?;
        let is_same = State::of(&item.path)? == state;
        let before = known().filter(|_| is_same);
        let content = before.unwrap_or_else(|| Sha256::digest(&bytes).into());
        if is_same && state.is_settled() {
            *lock(&file.known) = Some((state, content));
        }
        if let Some(sample) = kept(&content) {
            return Ok(sample);
        }
        let maker = (self.prepare)(&bytes, &item.path)?;
        let sample = maker(item)?;
        cache.put(&content, &part(item), &sample);
        for other in file.items.iter().filter_map(|&index| self.items.get(index)) {
            if cache.takes(&content, &part(other)) {
                // What is wrong with another sample is for those to know who ask for it.
                let _ = maker(other).map(|sample| cache.put(&content, &part(other), &sample));
            }
        }
        Ok(sample)
    }
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemand").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

impl Source for OnDemand {
    fn sample(&self, index: usize) -> Result<Samples> {
        let none = || Error::config("index", format!("there is no sample {index}"));
        let item = self.items.get(index).ok_or_else(none)?;
        if let Some(cached) = &self.cached {
            return self.cached(cached, item, cached.files.get(index).ok_or_else(none)?);
        }
        let bytes = read_file(&item.path, &Limits::default())?;
        (self.prepare)(&bytes, &item.path)?(item)
    }
}

/// Of each item its file, which knows all its items.
fn recordings(items: &[Item]) -> Vec<Arc<Recording>> {
    let mut of_file: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        of_file.entry(&item.path).or_default().push(index);
    }
    let mut files = vec![Arc::default(); items.len()];
    for items in of_file.into_values() {
        let file = Arc::new(Recording { items: items.clone(), ..Recording::default() });
        for index in items {
            if let Some(of_item) = files.get_mut(index) {
                *of_item = Arc::clone(&file);
            }
        }
    }
    files
}

/// The name of an item among those of its file.
fn part(item: &Item) -> String {
    item.window.as_ref().map_or(String::new(), |w| format!("-{}-{}", w.start, w.end))
}

/// A lock that a panic released guards nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

//! Recordings read, framed and resized when a sample is asked for, and kept in the cache where there is one.

use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::Opening;
use super::files::{Item, listing_hash};
use super::part::{choose, event_set, prepared};
use crate::cache::Cache;
use crate::dataset::{Samples, Source};
use crate::format::read_file;
use crate::{DataConfig, Dataset, Error, EventStream, FormatFault, Limits, Result};

/// Planes, their rows and columns, the rows and columns wanted.
pub(super) type Resize = fn(&[f32], (usize, usize), (usize, usize)) -> Vec<f32>;

/// How a data set's recordings are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// The name of the decoding, for the cache: it changes when `read` gives other events than before.
    pub(super) name: &'static str,
    pub(super) read: fn(&[u8], &Limits, &Path) -> Result<EventStream>,
    /// Brings frames of one size to another.
    pub(super) resize: Resize,
    /// Rows and columns of a sample when the configuration names none.
    pub(super) side: (usize, usize),
    /// Whether all samples are held in memory: for sets of small recordings.
    pub(super) in_memory: bool,
}

/// What the sets of recordings share.
pub(super) struct Recorded<'a, 'w> {
    pub(super) opening: &'a Opening<'w>,
    pub(super) root: &'a Path,
    pub(super) split: &'a str,
    pub(super) class_names: &'a [String],
    pub(super) reader: Reader,
}

impl Recorded<'_, '_> {
    /// The data set of the items that `limit` leaves.
    pub(super) fn dataset(&self, items: &[Item], limit: Option<usize>) -> Result<Dataset> {
        let (config, reader) = (self.opening.config, self.reader);
        let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
        let chosen = choose(&labels, limit);
        let items: Vec<Item> =
            chosen.iter().filter_map(|&index| items.get(index)).cloned().collect();
        let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
        let names: Vec<String> = items.iter().map(|item| item.name(self.root)).collect();
        let classes = self.class_names.to_vec();
        let side = config.size.map_or(reader.side, |size| (size, size));
        if reader.in_memory {
            let read =
                |index: usize| items.get(index).map_or_else(none, |item| reader.decode(item));
            let places: Vec<usize> = (0..items.len()).collect();
            let set =
                event_set(self.opening, self.split, classes, labels, &places, reader.side, read)?;
            return Ok(set.with_members(names.iter()));
        }
        let about = about(config, reader, side);
        let hash = listing_hash(&items, self.root, &about)?;
        let cache = config.cache.as_ref().map(|cache| Cache::open(cache, about)).transpose()?;
        let known = items.iter().map(|_| Mutex::new(None)).collect();
        let config = config.clone();
        let source = Recordings { items, reader, config, side, cache, known };
        let shape = vec![source.config.t_steps, 2, side.0, side.1];
        let name = source.config.name.clone();
        let samples = Samples::OnDemand(Arc::new(source));
        let set = Dataset::new(&name, self.split, classes, labels, shape, samples)?;
        Ok(set.with_members(names.iter()).with_hash(hash))
    }
}

fn none<T>() -> Result<T> {
    Err(Error::config("index", "there is no such sample"))
}

/// Everything but a file's content that decides its sample.
fn about(config: &DataConfig, reader: Reader, side: (usize, usize)) -> String {
    let (t_steps, by) = (config.t_steps, config.frames_by);
    format!("{}: {}, T = {t_steps} by {by:?}, {} x {}", config.name, reader.name, side.0, side.1)
}

impl Reader {
    fn decode(&self, item: &Item) -> Result<EventStream> {
        let limits = Limits::default();
        self.decode_bytes(&read_file(&item.path, &limits)?, item, &limits)
    }

    /// The events of the item; none are an error, because there is nothing to learn from.
    fn decode_bytes(&self, bytes: &[u8], item: &Item, limits: &Limits) -> Result<EventStream> {
        let mut stream = (self.read)(bytes, limits, &item.path)?;
        if let Some(window) = &item.window {
            stream.events.retain(|event| window.contains(&event.t_us));
        }
        if stream.events.is_empty() {
            return Err(Error::format(&item.path, 0, FormatFault::NoEvents));
        }
        Ok(stream)
    }
}

/// The samples of a data set that is not held in memory.
#[derive(Debug)]
struct Recordings {
    items: Vec<Item>,
    reader: Reader,
    config: DataConfig,
    side: (usize, usize),
    cache: Option<Cache>,
    /// Of each item's file the content's hash, and the state in which the file had it.
    known: Vec<Mutex<Option<Known>>>,
}

/// A file's state and the hash that its content then had.
type Known = (State, [u8; 32]);

impl Source for Recordings {
    fn sample(&self, index: usize) -> Result<Samples> {
        let (Some(item), Some(known)) = (self.items.get(index), self.known.get(index)) else {
            return none();
        };
        let limits = Limits::default();
        let Some(cache) = &self.cache else {
            return prepared(
                &self.reader.decode(item)?,
                &self.config,
                self.side,
                self.reader.resize,
            );
        };
        let n = self.config.t_steps * 2 * self.side.0 * self.side.1;
        let part =
            item.window.as_ref().map_or(String::new(), |w| format!("-{}-{}", w.start, w.end));
        let state = State::of(&item.path)?;
        // A lock is held for the copy of a hash only, so that nobody can have panicked with it.
        let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *lock();
        if let Some((_, content)) = before.filter(|(then, _)| *then == state)
            && let Some(sample) = cache.get(&content, &part, n)
        {
            return Ok(sample);
        }
        let bytes = read_file(&item.path, &limits)?;
        let content: [u8; 32] = Sha256::digest(&bytes).into();
        if state.is_settled() && State::of(&item.path)? == state {
            *lock() = Some((state, content));
        }
        if let Some(sample) = cache.get(&content, &part, n) {
            return Ok(sample);
        }
        let stream = self.reader.decode_bytes(&bytes, item, &limits)?;
        let sample = prepared(&stream, &self.config, self.side, self.reader.resize)?;
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

//! Samples made of their files when they are asked for, and kept in the cache where there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::files::Item;
use super::known::{Known, Stamp, lock};
use crate::cache::{Cache, CacheConfig};
use crate::samples::{Samples, Source};
use crate::{Error, Result};

/// Makes the samples of one file's items, each from its item alone.
pub(super) type Maker<'a> = Box<dyn Fn(&Item) -> Result<Samples> + 'a>;

/// Reads a file's bytes, and nothing else, into what makes its samples.
pub(super) type Prepare = Box<dyn for<'a> Fn(&'a [u8], &Path) -> Result<Maker<'a>> + Send + Sync>;

/// The samples of a data set that is not held in memory.
pub(super) struct OnDemand {
    items: Vec<Item>,
    /// Of each item the file that it lies in.
    files: Vec<Arc<File>>,
    prepare: Prepare,
    /// Values of a sample.
    n: usize,
    cache: Option<Cache>,
}

/// A file of one item or, as gestures, of several.
struct File {
    items: Vec<usize>,
    known: Known,
    /// Held by whoever makes its samples: who wants another of them waits, and then finds it.
    making: Mutex<()>,
}

/// The files of some items, each once, with the places of its items.
pub(super) fn files_of(items: &[Item]) -> BTreeMap<&Path, Vec<usize>> {
    let mut files: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        files.entry(&item.path).or_default().push(index);
    }
    files
}

impl OnDemand {
    /// `known` is what the files of [`files_of`] are, in that order; `about` says everything but the files' contents that
    /// decides the samples of `n` values.
    pub(super) fn new(
        items: Vec<Item>,
        known: Vec<Known>,
        prepare: Prepare,
        n: usize,
        cache: Option<&CacheConfig>,
        about: String,
    ) -> Self {
        let mut files: Vec<Option<Arc<File>>> = vec![None; items.len()];
        for (items, known) in files_of(&items).into_values().zip(known) {
            let file = Arc::new(File { items, known, making: Mutex::default() });
            for &index in &file.items {
                if let Some(of_item) = files.get_mut(index) {
                    *of_item = Some(Arc::clone(&file));
                }
            }
        }
        let files = files.into_iter().flatten().collect();
        let cache = cache.map(|cache| Cache::open(cache, about));
        Self { items, files, prepare, n, cache }
    }

    /// The sample of an item from the cache, or else from its file, and then the file's other samples are kept too:
    /// to decode a recording takes longer than to make all its samples of it.
    fn cached(&self, cache: &Cache, item: &Item, file: &File) -> Result<Samples> {
        let content = &file.known.content;
        let kept = || cache.get(content, &part(item), self.n);
        let stamp = Stamp::of(&item.path)?.0;
        if let Some(sample) = file.known.vouched(stamp).then(kept).flatten() {
            return Ok(sample);
        }
        // Nothing below runs other tasks of a thread pool, which could ask for this lock again.
        let _making = lock(&file.making);
        if let Some(sample) = file.known.vouched(stamp).then(kept).flatten() {
            return Ok(sample);
        }
        let bytes = file.known.read(&item.path)?;
        if let Some(sample) = kept() {
            return Ok(sample);
        }
        let maker = (self.prepare)(&bytes, &item.path)?;
        let sample = maker(item)?;
        cache.put(content, &part(item), &sample);
        for other in file.items.iter().filter_map(|&index| self.items.get(index)) {
            if cache.takes(content, &part(other)) {
                // What is wrong with another sample is for those to know who ask for it.
                let _ = maker(other).map(|sample| cache.put(content, &part(other), &sample));
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
        let (Some(item), Some(file)) = (self.items.get(index), self.files.get(index)) else {
            return Err(Error::config("index", format!("there is no sample {index}")));
        };
        match &self.cache {
            Some(cache) => self.cached(cache, item, file),
            None => (self.prepare)(&file.known.read(&item.path)?, &item.path)?(item),
        }
    }
}

/// The name of an item among those of its file.
pub(super) fn part(item: &Item) -> String {
    item.window.as_ref().map_or(String::new(), |w| format!("-{}-{}", w.start, w.end))
}

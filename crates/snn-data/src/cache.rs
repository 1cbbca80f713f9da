//! Prepared samples on disk, so that a recording is decoded and framed once and not once an epoch.
//!
//! An entry's name is a hash of the file's content, its folder's name one of everything else that decides the values, so
//! that an entry is never stale: what changes gets another name. Entries appear by a rename and carry a checksum, of their
//! name too, so that one in another's place is none; a reader that finds anything else makes the sample anew. Several
//! processes may share a folder.

mod folder;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::hash::hex;
use crate::samples::Samples;
use crate::{Error, Result, open_regular, read_regular};
use folder::{ABOUT, MOST_ABOUT, contents, files, folders, is_folder, remove, size, used_at};

pub(crate) use folder::CONTENTS;

/// Part of every folder's name: raise it when readers, frames or resizing give other values than before. The test
/// `values_of_this_revision` tells when.
const REVISION: &str = "snn-data-cache-2";
const MAGIC: &[u8; 8] = b"SNNFRAM2";
const HEADER: usize = MAGIC.len() + 1;
const CHECKSUM: usize = 4;

/// Where prepared samples are kept and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// The folder, which nothing else uses; made when it is not there.
    pub dir: PathBuf,
    /// Bytes it may hold. Each further process that writes at the same time may exceed it by an eighth.
    pub max_bytes: u64,
}

/// What a cache holds of one data set prepared in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The data set and its preparation.
    pub about: String,
    /// Samples.
    pub samples: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The samples of one data set prepared in one way.
#[derive(Debug)]
pub(crate) struct Cache {
    config: CacheConfig,
    folder: PathBuf,
    about: String,
    /// Bytes in the whole cache at the last look, and those written since.
    total: AtomicU64,
    written: AtomicU64,
    /// Nothing is stored any more: it is full, or the disk refused.
    closed: AtomicBool,
    temporaries: AtomicU64,
}

impl Cache {
    /// The part of the cache that `about` names; it says everything but the files' contents that decides the values.
    /// Where the disk refuses, what is there is read and nothing is stored.
    pub(crate) fn open(config: &CacheConfig, about: String) -> Self {
        let name = Sha256::digest(format!("{REVISION}\n{about}"));
        let folder = config.dir.join(hex(name.get(..16).unwrap_or(&name)));
        let cache = Self {
            config: config.clone(),
            folder,
            about,
            total: AtomicU64::new(0),
            written: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            temporaries: AtomicU64::new(0),
        };
        let total = cache.describe().and_then(|()| size(&config.dir));
        cache.closed.store(total.is_err(), Ordering::Relaxed);
        cache.total.store(total.unwrap_or(0), Ordering::Relaxed);
        cache
    }

    /// The sample of this content and the part of it that is meant, where it is stored whole; it has `n` values.
    pub(crate) fn get(&self, content: &[u8; 32], part: &str, n: usize) -> Option<Samples> {
        let path = self.path(content, part);
        let (file, len) = open_regular(&path).ok()?;
        // The length is settled before anything is allocated.
        let body = usize::try_from(len).ok()?.checked_sub(HEADER + CHECKSUM)?;
        if body != n && Some(body) != n.checked_mul(4) {
            return None;
        }
        let mut bytes = Vec::with_capacity(HEADER + body + CHECKSUM);
        file.take(len).read_to_end(&mut bytes).ok()?;
        let (kind, values) = checked(&path, &bytes)?.strip_prefix(MAGIC)?.split_first()?;
        match kind {
            b'c' if values.len() == n => Some(Samples::Counts(values.to_vec())),
            b'f' if values.len() == 4 * n => {
                let values = values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
                Some(Samples::Frames(values.collect()))
            }
            _ => None,
        }
    }

    /// Stores a sample, where there is room; a disk that refuses ends the storing, not the training.
    pub(crate) fn put(&self, content: &[u8; 32], part: &str, sample: &Samples) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        let mut bytes = MAGIC.to_vec();
        match sample {
            Samples::Counts(counts) => {
                bytes.push(b'c');
                bytes.extend(counts);
            }
            Samples::Frames(values) => {
                bytes.push(b'f');
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Samples::Pixels(_) | Samples::Image(_) | Samples::OnDemand(_) => return,
        }
        let path = self.path(content, part);
        bytes.extend(checksum(&path, &bytes));
        if !self.make_room(bytes.len() as u64) {
            return;
        }
        // Another process may give the folder up meanwhile: without its description nobody would count or clear it.
        let describe = || if self.folder.join(ABOUT).is_file() { Ok(()) } else { self.describe() };
        let written = self.write(&path, &bytes);
        if written.and_then(|()| describe()).is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    /// Whether a sample would be stored: it is not there yet, and the cache is not full.
    pub(crate) fn takes(&self, content: &[u8; 32], part: &str) -> bool {
        !self.closed.load(Ordering::Relaxed) && !self.path(content, part).exists()
    }

    /// Whether `bytes` more fit, after other folders, the longest unused first, have been given up for them.
    fn make_room(&self, bytes: u64) -> bool {
        let most = self.config.max_bytes;
        let fits = || {
            let used = self.total.load(Ordering::Relaxed) + self.written.load(Ordering::Relaxed);
            used.saturating_add(bytes) <= most
        };
        // Now and then what other processes wrote is counted.
        if fits() && self.written.load(Ordering::Relaxed) <= most / 8 {
            return true;
        }
        let look = || {
            self.written.store(0, Ordering::Relaxed);
            self.total.store(size(&self.config.dir).unwrap_or(most), Ordering::Relaxed);
        };
        look();
        if fits() {
            return true;
        }
        let mut others: Vec<(SystemTime, PathBuf)> = folders(&self.config.dir)
            .unwrap_or_default()
            .into_iter()
            .filter(|folder| *folder != self.folder)
            .map(|folder| (used_at(&folder), folder))
            .collect();
        others.sort();
        for (_, folder) in others {
            // What cannot be removed goes on counting.
            let _ = remove(&folder);
            look();
            if fits() {
                return true;
            }
        }
        // What is stored stays: to replace it while an epoch goes round would leave nothing for the next one.
        self.closed.store(true, Ordering::Relaxed);
        false
    }

    fn path(&self, content: &[u8; 32], part: &str) -> PathBuf {
        self.folder.join(format!("{}{part}", hex(content)))
    }

    fn describe(&self) -> std::io::Result<()> {
        self.write(&self.folder.join(ABOUT), self.about.as_bytes())
    }

    /// Writes beside the final name and renames, so that no reader sees half of it.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        if !is_folder(&self.folder)? {
            return Err(std::io::Error::other("is no folder of the cache's own"));
        }
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let address = std::ptr::from_ref(self).addr();
        let temporary = self.folder.join(format!("{process}-{address:x}-{number}.tmp"));
        let written = File::create_new(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

/// What the cache in `dir` holds, by folder; nothing where there is none.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be read.
pub fn cache_entries(dir: &Path) -> Result<Vec<CacheEntry>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for folder in folders(dir).map_err(Error::io(dir))? {
        let Ok(about) = read_regular(&folder.join(ABOUT), MOST_ABOUT) else { continue };
        let about = String::from_utf8_lossy(&about).into_owned();
        let files = files(&folder).map_err(Error::io(&folder))?;
        let samples = files.iter().filter(|(path, _)| !path.ends_with(ABOUT)).count() as u64;
        entries.push(CacheEntry { about, samples, bytes: files.iter().map(|(_, n)| n).sum() });
    }
    entries.sort_by(|a, b| a.about.cmp(&b.about));
    Ok(entries)
}

/// Deletes what the cache in `dir` holds, and what is known there of data sets' files, and returns the bytes; folders that are none of a cache are left alone.
///
/// # Errors
/// [`Error::Io`] when a folder cannot be read or deleted.
///
/// # Links
/// A link in the cache's place of a folder is left alone, and one in that of a file is removed itself: what they lead to is
/// not the cache's.
pub fn clear_cache(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    if dir.exists() {
        for folder in folders(dir).map_err(Error::io(dir))? {
            bytes += remove(&folder).map_err(Error::io(&folder))?;
        }
        for (path, n) in contents(dir).map_err(Error::io(dir))? {
            fs::remove_file(&path).map_err(Error::io(&path))?;
            bytes += n;
        }
    }
    Ok(bytes)
}

/// What was stored under that name, where the checksum at its end is right.
pub(crate) fn checked<'a>(path: &Path, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (stored, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
    (checksum(path, stored) == *sum).then_some(stored)
}

/// Of an entry's bytes and of the two names that it is found by, its folder's and its own.
pub(crate) fn checksum(path: &Path, bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut crc = flate2::Crc::new();
    let folder = path.parent().and_then(Path::file_name);
    for name in folder.into_iter().chain(path.file_name()) {
        crc.update(name.as_encoded_bytes());
    }
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 32] = [1; 32];
    const B: [u8; 32] = [2; 32];

    fn cache(dir: &Path, about: &str, max_bytes: u64) -> Cache {
        Cache::open(&CacheConfig { dir: dir.into(), max_bytes }, about.into())
    }

    fn counts(n: u8) -> Samples {
        Samples::Counts((0..n).collect())
    }

    #[test]
    fn sample_comes_back_to_whoever_asks_for_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let first = cache(dir.path(), "set T=4", 1 << 20);
        assert_eq!(first.get(&A, "", 8), None);
        first.put(&A, "", &counts(8));
        let frames = Samples::Frames(vec![0.5, -1.0, f32::MAX]);
        first.put(&A, "-7", &frames);
        // Another process would open it as this does.
        let again = cache(dir.path(), "set T=4", 1 << 20);
        assert_eq!(again.get(&A, "", 8), Some(counts(8)));
        assert_eq!(again.get(&A, "-7", 3), Some(frames));
        for (content, part, n) in [(&B, "", 8), (&A, "-8", 3), (&A, "", 7), (&A, "", 2)] {
            assert_eq!(again.get(content, part, n), None);
        }
        assert_eq!(cache(dir.path(), "set T=5", 1 << 20).get(&A, "", 8), None);
    }

    #[test]
    fn damage_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), "set", 1 << 20);
        cache.put(&A, "", &counts(8));
        let path = cache.path(&A, "");
        let whole = fs::read(&path).unwrap();
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            File::create(&path).unwrap().write_all(&flipped).unwrap();
            assert_eq!(cache.get(&A, "", 8), None, "bit {bit}");
        }
        for n in 0..whole.len() {
            File::create(&path).unwrap().write_all(&whole[..n]).unwrap();
            assert_eq!(cache.get(&A, "", 8), None, "{n} bytes");
        }
        cache.put(&A, "", &counts(8));
        assert_eq!(cache.get(&A, "", 8), Some(counts(8)));
    }

    #[test]
    fn entry_in_the_place_of_another_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (cache(dir.path(), "T=4", 1 << 20), cache(dir.path(), "T=5", 1 << 20));
        one.put(&A, "", &counts(8));
        one.put(&B, "", &Samples::Counts(vec![7; 8]));
        other.put(&A, "", &counts(8));
        for (from, to) in
            [(one.path(&A, ""), one.path(&B, "")), (one.path(&A, ""), other.path(&A, ""))]
        {
            fs::copy(from, to).unwrap();
        }
        assert_eq!((one.get(&B, "", 8), other.get(&A, "", 8)), (None, None));
        assert_eq!(one.get(&A, "", 8), Some(counts(8)));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_are_none_of_the_cache() {
        let (dir, strange) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cache = cache(dir.path(), "set", 1 << 20);
        cache.put(&A, "", &counts(8));
        for name in [ABOUT, "precious"] {
            File::create(strange.path().join(name)).unwrap();
        }
        // A folder of the cache that leads elsewhere, and an entry that does.
        let link = dir.path().join("0123456789abcdef0123456789abcdef");
        std::os::unix::fs::symlink(strange.path(), &link).unwrap();
        std::os::unix::fs::symlink(strange.path().join("precious"), cache.path(&B, "")).unwrap();
        assert_eq!(cache_entries(dir.path()).unwrap().len(), 1);
        clear_cache(dir.path()).unwrap();
        assert!(strange.path().join("precious").exists() && strange.path().join(ABOUT).exists());
        assert!(link.exists() && !cache.folder.exists());
        // Nothing is written through such a link either.
        std::os::unix::fs::symlink(strange.path(), &cache.folder).unwrap();
        cache.put(&A, "", &counts(8));
        assert_eq!(fs::read_dir(strange.path()).unwrap().count(), 2);
        assert!(!cache.takes(&B, ""));
        fs::remove_file(&cache.folder).unwrap();
        fs::create_dir(&cache.folder).unwrap();
        let made = std::process::Command::new("mkfifo").arg(cache.path(&A, "")).status().unwrap();
        assert!(made.success());
        assert_eq!(cache.get(&A, "", 8), None);
    }

    #[test]
    fn bytes_are_bounded_and_other_folders_give_way() {
        let dir = tempfile::tempdir().unwrap();
        let old = cache(dir.path(), "old", 1000);
        old.put(&A, "", &counts(200));
        let new = cache(dir.path(), "new", 1000);
        for i in 0..20u8 {
            new.put(&[i; 32], "", &counts(100));
            assert!(size(dir.path()).unwrap() <= 1000);
        }
        // 113 bytes each: the old folder went, eight of the new one stayed.
        let [entry] = &cache_entries(dir.path()).unwrap()[..] else { panic!() };
        assert_eq!((entry.about.as_str(), entry.samples, entry.bytes), ("new", 8, 8 * 113 + 3));
        assert_eq!(new.get(&[0; 32], "", 100), Some(counts(100)));
        assert_eq!(new.get(&[9; 32], "", 100), None);
        assert_eq!(old.get(&A, "", 200), None);
    }

    #[test]
    fn folder_that_was_given_up_is_described_again() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), "set", 1 << 20);
        cache.put(&A, "", &counts(8));
        assert_eq!(clear_cache(dir.path()).unwrap(), 21 + 3);
        assert_eq!(cache_entries(dir.path()).unwrap(), []);
        cache.put(&B, "", &counts(8));
        assert_eq!(cache_entries(dir.path()).unwrap()[0].samples, 1);
        assert_eq!(clear_cache(dir.path()).unwrap(), 21 + 3);
    }

    #[test]
    fn disk_that_refuses_ends_the_storing() {
        let dir = tempfile::tempdir().unwrap();
        // A file where the folder should be.
        let file = dir.path().join("file");
        File::create(&file).unwrap();
        let cache = cache(&file, "set", 1 << 20);
        cache.put(&A, "", &counts(8));
        assert_eq!(cache.get(&A, "", 8), None);
        assert!(!cache.takes(&A, ""));
    }

    /// When this fails, prepared samples have other values than before: raise `REVISION`, then put the new hash here.
    #[test]
    fn values_of_this_revision() {
        let mut rng = crate::random::stream(1, "cache", 0, 0);
        let mut draw = |n| crate::random::below(&mut rng, n);
        let mut t_us = 0;
        let mut event = || {
            t_us += draw(100);
            let (x, y) = (draw(40) as u16, draw(30) as u16);
            crate::Event { t_us, x, y, polarity: draw(2) == 1 }
        };
        let events = (0..2000).map(|_| event()).collect();
        let stream = crate::EventStream { width: 40, height: 30, events, skipped_special: 0 };
        let mut hash = Sha256::new();
        for by in [crate::FrameBy::Time, crate::FrameBy::Count] {
            let frames = crate::frames(&stream, 5, by).unwrap();
            for side in [(32, 30), (48, 48), (20, 17)] {
                let sized = crate::fit(&frames, (30, 40), side);
                sized.iter().for_each(|x| hash.update(x.to_le_bytes()));
            }
        }
        let pinned = "5bc9e718bafbbd03eb69f3ee0d7e2f68c3e1e0e61e02d8f7125d7e898dfdf309";
        assert_eq!((REVISION, hex(&hash.finalize()).as_str()), ("snn-data-cache-2", pinned));
    }

    #[test]
    fn two_writers_leave_whole_entries() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let cache = cache(dir.path(), "set", 1 << 20);
                    for i in 0..50u8 {
                        cache.put(&[i; 32], "", &counts(i + 1));
                        let got = cache.get(&[i; 32], "", usize::from(i) + 1);
                        assert_eq!(got, Some(counts(i + 1)));
                    }
                });
            }
        });
        assert_eq!(cache_entries(dir.path()).unwrap()[0].samples, 50);
        assert!(clear_cache(dir.path()).unwrap() > 50 * 13);
        assert_eq!(cache_entries(dir.path()).unwrap(), []);
        assert_eq!(cache_entries(&dir.path().join("none")).unwrap(), []);
    }

    #[test]
    fn foreign_folders_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("mine")).unwrap();
        File::create(dir.path().join("mine/about")).unwrap();
        cache(dir.path(), "set", 1 << 20).put(&A, "", &counts(3));
        clear_cache(dir.path()).unwrap();
        let left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["mine"]);
    }
}

//! The contents of a data set's files, hashed once: what is known of them is kept beside the cache, by the files' stamps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::known::{Content, Known, Stamp, content};
use super::opening::Opening;
use crate::cache::{CONTENTS, checked, checksum};
use crate::format::read_file;
use crate::hash::hex;
use crate::{Limits, Result, read_regular};

const MAGIC: &[u8; 8] = b"SNNFILES";
const RECORD: usize = 16 + 32;
/// Bytes of such a file at most: those of twenty million files.
const MOST: u64 = 1 << 30;
/// Files between two reports.
const BLOCK: usize = 256;

/// Finds out that a file is not whole, without decoding it.
pub(super) type Whole = fn(&[u8], &Path) -> Result<()>;

/// What is known of `paths`, in their order. A file of which nothing is known yet, or any where the configuration says
/// `verify`, is read whole and shown to `whole`.
pub(super) fn known(
    opening: &Opening<'_>,
    root: &Path,
    paths: &[&Path],
    whole: Option<Whole>,
) -> Result<Vec<Known>> {
    let config = opening.config;
    let file = config.cache.as_ref().map(|cache| {
        let root = root.canonicalize().unwrap_or_else(|_| root.into());
        let name = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes()));
        cache.dir.join(format!("{CONTENTS}{}", name.get(..32).unwrap_or(&name)))
    });
    let mut store = file.as_deref().map(read).unwrap_or_default();
    let (stored, mut is_news) = (store.clone(), false);
    let one = |path: &&Path| -> Result<(Stamp, bool, Content)> {
        let before = Stamp::of(path)?;
        let old = stored.get(&before.0).filter(|_| !config.verify);
        if let Some(content) = old.filter(|_| before.1) {
            return Ok((before.0, true, *content));
        }
        let content = match whole {
            None => content(path)?,
            Some(whole) => {
                let bytes = read_file(path, &Limits::default())?;
                whole(&bytes, path)?;
                Sha256::digest(&bytes).into()
            }
        };
        Ok((before.0, before.1 && Stamp::of(path)? == before, content))
    };
    let mut all = Vec::with_capacity(paths.len());
    for (i, block) in paths.chunks(BLOCK).enumerate() {
        opening.report(i * BLOCK, paths.len())?;
        let block: Vec<_> = block.par_iter().map(one).collect();
        for found in block {
            let (stamp, vouches, content) = found?;
            if vouches {
                is_news |= store.insert(stamp, content) != Some(content);
            }
            all.push(Known::new(content, vouches.then_some(stamp)));
        }
    }
    if let Some(file) = file.filter(|_| is_news) {
        // A disk that refuses costs the next opening time, and nothing else.
        let _ = write(&file, &store);
    }
    Ok(all)
}

fn read(path: &Path) -> BTreeMap<Stamp, Content> {
    let bytes = read_regular(path, MOST).unwrap_or_default();
    let records = checked(path, &bytes).and_then(|records| records.strip_prefix(MAGIC));
    let (records, _) = records.unwrap_or(&[]).as_chunks::<RECORD>();
    let record = |record: &[u8; RECORD]| {
        let (stamp, content) = record.split_first_chunk::<16>()?;
        Some((Stamp(*stamp), content.try_into().ok()?))
    };
    records.iter().filter_map(record).collect()
}

fn write(path: &PathBuf, store: &BTreeMap<Stamp, Content>) -> std::io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    for (stamp, content) in store {
        bytes.extend(stamp.0);
        bytes.extend(content);
    }
    bytes.extend(checksum(path, &bytes));
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = std::fs::File::create(&temporary)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &bytes))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{CacheConfig, DataConfig};

    static READ: AtomicUsize = AtomicUsize::new(0);

    fn count(_: &[u8], _: &Path) -> Result<()> {
        READ.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[test]
    fn files_are_read_once_and_again_when_asked_to() {
        let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let paths = [data.path().join("a"), data.path().join("b")];
        let write = |path: &Path, text: &[u8]| {
            let mut file = std::fs::File::create(path).unwrap();
            std::io::Write::write_all(&mut file, text).unwrap();
            let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
            file.set_modified(old).unwrap();
        };
        paths.iter().for_each(|path| write(path, b"one"));
        let cache = CacheConfig { dir: cache.path().into(), max_bytes: 1 << 20 };
        let mut config = DataConfig { cache: Some(cache), ..DataConfig::new("image_folder", None) };
        let read = |config: &DataConfig| {
            let before = READ.load(Ordering::Relaxed);
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let mut watch = |_| true;
            let opening = Opening::new(config, &mut watch);
            let known = known(&opening, data.path(), &paths, Some(count)).unwrap();
            let one: Content = Sha256::digest(b"one").into();
            let is_one = known.iter().map(|known| known.content == one).collect::<Vec<_>>();
            (READ.load(Ordering::Relaxed) - before, is_one)
        };
        assert_eq!(read(&config), (2, vec![true, true]));
        assert_eq!(read(&config), (0, vec![true, true]));
        // Length and time of modification are the same.
        write(&paths[1], b"two");
        assert_eq!(read(&config), (1, vec![true, false]));
        assert_eq!(read(&config), (0, vec![true, false]));
        config.verify = true;
        assert_eq!(read(&config), (2, vec![true, false]));
        (config.verify, config.cache) = (false, None);
        assert_eq!(read(&config), (2, vec![true, false]));
    }
}

//! `snn data cache`: where prepared samples are kept, and what is there.

use std::path::PathBuf;

use anyhow::Context;
use snn_data::{CacheConfig, cache_entries, clear_cache};

/// Bytes that the cache may hold: CIFAR10-DVS at 48 x 48 and T = 10 takes 2 GiB.
const MAX_BYTES: u64 = 16 << 30;

/// The folder of `SNN_CACHE`, else `snn` in the user's cache folder; none where there is no such folder.
pub(crate) fn config() -> Option<CacheConfig> {
    #[expect(clippy::disallowed_methods, reason = "the binary is where the environment is read")]
    let folder = |name: &str| std::env::var(name).ok().filter(|path| !path.is_empty());
    let dir = folder("SNN_CACHE").map(PathBuf::from).or_else(|| {
        let user = folder("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || folder("HOME").map(|home| PathBuf::from(home).join(".cache"));
        Some(user.or_else(home)?.join("snn"))
    })?;
    Some(CacheConfig { dir, max_bytes: MAX_BYTES })
}

pub(crate) fn list() -> anyhow::Result<()> {
    let CacheConfig { dir, max_bytes } = known()?;
    let entries = cache_entries(&dir)?;
    for entry in &entries {
        crate::print(&format!(
            "{}: {} samples, {:.1} MiB",
            entry.about,
            entry.samples,
            mebibytes(entry.bytes)
        ));
    }
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    crate::print(&format!(
        "{}: {:.1} of at most {:.0} MiB",
        dir.display(),
        mebibytes(bytes),
        mebibytes(max_bytes)
    ));
    Ok(())
}

pub(crate) fn clear() -> anyhow::Result<()> {
    let dir = known()?.dir;
    let bytes = clear_cache(&dir)?;
    crate::print(&format!("{}: {:.1} MiB deleted", dir.display(), mebibytes(bytes)));
    Ok(())
}

fn known() -> anyhow::Result<CacheConfig> {
    config().context("no cache folder: set SNN_CACHE to one")
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

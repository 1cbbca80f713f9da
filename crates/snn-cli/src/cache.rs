//! `snn data cache`: the folder of prepared samples, its size, and how to empty it.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use snn_data::{CacheConfig, cache_entries, clear_cache};

use crate::output;

/// GiB that the cache may hold unless `SNN_CACHE_GIB` says otherwise: CIFAR10-DVS at 48 x 48 and T = 10 takes two.
const MAX_GIB: u64 = 16;

/// The folder that `SNN_CACHE` names, or else `snn` in the user's cache folder; `None` when the user has none.
fn config() -> anyhow::Result<Option<CacheConfig>> {
    // As the system has it: a path need not be UTF-8.
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let gib = match variable("SNN_CACHE_GIB") {
        None => MAX_GIB,
        Some(text) => {
            let text = text.to_string_lossy();
            text.parse().ok().filter(|gib| (1..=1 << 20).contains(gib)).with_context(|| {
                format!("SNN_CACHE_GIB: `{text}` is no whole number of GiB from 1 to 1048576")
            })?
        }
    };
    let user = || {
        let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
        Some(cache.or_else(home)?.join("snn"))
    };
    let dir = variable("SNN_CACHE").map(PathBuf::from).or_else(user);
    Ok(dir.map(|dir| CacheConfig { dir, max_bytes: gib << 30 }))
}

/// The cache to train or evaluate with; `None`, with a warning, when its folder cannot be written.
pub(crate) fn writable() -> anyhow::Result<Option<CacheConfig>> {
    let Some(config) = config()? else { return Ok(None) };
    let probe = config.dir.join(format!("probe-{}", std::process::id()));
    let made = std::fs::create_dir_all(&config.dir)
        .and_then(|()| std::fs::File::create(&probe)?.write_all(b"probe"));
    let _ = std::fs::remove_file(&probe);
    if let Err(error) = made {
        let dir = config.dir.display();
        tracing::warn!("{dir}: {error}; prepared samples are not kept: set SNN_CACHE to a folder");
        return Ok(None);
    }
    Ok(Some(config))
}

/// The folder, the bytes that it may hold, and whether it is there and can be written; nothing is made or written.
pub(crate) fn folder() -> anyhow::Result<Option<(PathBuf, u64, &'static str)>> {
    let Some(CacheConfig { dir, max_bytes }) = config()? else { return Ok(None) };
    let state = match std::fs::metadata(&dir) {
        Ok(found) if !found.is_dir() => "is no folder; set SNN_CACHE to one",
        Ok(found) if found.permissions().readonly() => {
            "cannot be written; set SNN_CACHE to another"
        }
        Ok(_) => "is there",
        Err(_) => "is made when it is needed",
    };
    Ok(Some((dir, max_bytes, state)))
}

pub(crate) fn list() -> anyhow::Result<()> {
    let CacheConfig { dir, max_bytes } = known()?;
    let entries = cache_entries(&dir)?;
    for entry in &entries {
        output::print(&format!(
            "{}: {} samples, {:.1} MiB",
            entry.about,
            entry.samples,
            mebibytes(entry.bytes)
        ));
    }
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    output::print(&format!(
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
    output::print(&format!("{}: {:.1} MiB deleted", dir.display(), mebibytes(bytes)));
    Ok(())
}

fn known() -> anyhow::Result<CacheConfig> {
    config()?.context("no cache folder: set SNN_CACHE to one")
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

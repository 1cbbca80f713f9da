//! `snn bench events`: how fast recordings are decoded, and read, decoded and framed, on one thread.

use std::path::{Path, PathBuf};

use anyhow::Context;
use snn_data::format::{decode_events, read_file};
use snn_data::{EventOptions, FrameBy, Limits, frames, read_events};

use super::timing::Timing;
use crate::output;

/// Rates of a file or a folder of files.
pub(crate) struct Rates {
    files: usize,
    events: usize,
    bytes: usize,
    decode: Timing,
    whole: Timing,
    t_steps: usize,
}

/// Bytes that are held in memory at most.
const MOST: u64 = 1 << 30;

/// Times `runs` passes over the recordings of `input` after one that warms up.
///
/// # Errors
/// A file that cannot be read, and more than a gibibyte of them.
pub(crate) fn measure(input: &Path, t_steps: usize, runs: u32) -> anyhow::Result<Rates> {
    let mut paths = Vec::new();
    collect(input, &mut paths)?;
    paths.sort();
    let (limits, options) = (Limits::default(), EventOptions::default());
    let mut files = Vec::new();
    let (mut left, mut events) = (MOST, 0);
    for path in &paths {
        let bytes = read_file(path, &limits)?;
        left = left.checked_sub(bytes.len() as u64).with_context(|| {
            format!("{}: more than {MOST} bytes; name a smaller folder", input.display())
        })?;
        events += decode_events(&bytes, &options, path)?.not_empty(path)?.events.len();
        files.push(bytes);
    }
    anyhow::ensure!(!files.is_empty(), "{}: no files are in it", input.display());
    let decode = Timing::of(runs, || {
        for (path, bytes) in paths.iter().zip(&files) {
            std::hint::black_box(decode_events(bytes, &options, path)?);
        }
        Ok(None)
    })?;
    let whole = Timing::of(runs, || {
        for path in &paths {
            let stream = read_events(path, &options)?;
            std::hint::black_box(frames(&stream, t_steps, FrameBy::Time)?);
        }
        Ok(None)
    })?;
    let bytes = files.iter().map(Vec::len).sum();
    Ok(Rates { files: files.len(), events, bytes, decode, whole, t_steps })
}

/// The files of a folder and of those in it.
fn collect(path: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        paths.push(path.to_path_buf());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(|error| crate::exit::unusable(path, error))? {
        collect(&entry?.path(), paths)?;
    }
    Ok(())
}

impl Rates {
    pub(crate) fn print(&self, json: bool) {
        let rate = |timing: &Timing| self.events as f64 / timing.median();
        let (decode, whole) = (rate(&self.decode), rate(&self.whole));
        if json {
            let json = serde_json::json!({
                "what": "events", "lib": "snn", "threads": 1, "files": self.files, "events": self.events,
                "bytes": self.bytes, "t_steps": self.t_steps, "decode_events_per_s": decode,
                "read_decode_frame_events_per_s": whole,
            });
            output::print(&json.to_string());
            return;
        }
        output::print(&format!(
            "{} files, {} events, {} bytes: decoding from memory {:.1} M events/s, reading, decoding and {} frames \
             {:.1} M events/s, one thread",
            self.files,
            self.events,
            self.bytes,
            decode / 1e6,
            self.t_steps,
            whole / 1e6,
        ));
    }
}

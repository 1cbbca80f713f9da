//! The way back: the newest checkpoint that is what it was.

use std::path::Path;

use snn_models::Model;

use crate::checkpoint::{self, Identity};
use crate::{Error, Result, counters::Counters, journal, manifest::Manifest, optim::Optimizer};

/// What a run goes on from, beside the model.
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    pub(crate) optimizer: Optimizer,
    pub(crate) counters: Counters,
    /// Length of metrics.jsonl at that time.
    pub(crate) metrics_bytes: u64,
    /// Seconds of the epochs so far.
    pub(crate) seconds: f64,
}

/// The phase of the newest checkpoint that can be gone on from; the first where there is none.
pub(crate) fn phase(dir: &Path, manifest: &Manifest) -> Result<usize> {
    for entry in manifest.entries.iter().rev() {
        let counters = entry.read(dir).and_then(|bytes| {
            let counters = checkpoint::head(&bytes, &dir.join(entry.file()))?.progress;
            journal::read(dir, entry.metrics_bytes, counters.epoch)?;
            Ok(counters)
        });
        match counters {
            Ok(counters) => return Ok(counters.phase),
            Err(Error::Checkpoint { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(0)
}

impl Restored {
    /// The newest checkpoint that is intact; the start where there is none yet.
    pub(crate) fn newest(
        dir: &Path,
        mut manifest: Manifest,
        model: &mut Model,
        fresh: Optimizer,
        identity: &Identity,
        phase: usize,
    ) -> Result<Self> {
        let mut refused = None;
        while let Some(entry) = manifest.entries.last() {
            let path = dir.join(entry.file());
            let restored = entry.read(dir).and_then(|bytes| {
                let (counters, steps, moments) =
                    checkpoint::decode(&bytes, &path, model, &fresh, identity)?;
                let lines = journal::read(dir, entry.metrics_bytes, counters.epoch)?;
                if counters.phase != phase {
                    return Err(Error::checkpoint(&path, "is of another phase than the newest"));
                }
                if counters.step != entry.step {
                    return Err(Error::checkpoint(&path, "holds another step than its name says"));
                }
                Ok((counters, steps, moments, lines))
            });
            match restored {
                Ok((counters, steps, moments, lines)) => {
                    let optimizer = fresh.resume(steps, moments);
                    let metrics_bytes = entry.metrics_bytes;
                    let seconds = lines.iter().map(|line| line.clock.seconds).sum();
                    tracing::info!(step = counters.step, epoch = counters.epoch, "resuming");
                    return Ok(Self { manifest, optimizer, counters, metrics_bytes, seconds });
                }
                Err(error @ Error::Checkpoint { .. }) => {
                    tracing::warn!(%error, "checkpoint refused; trying the one before");
                    refused.get_or_insert(error);
                    manifest.entries.pop();
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = refused {
            return Err(error);
        }
        let counters = Counters::default();
        Ok(Self { manifest, optimizer: fresh, counters, metrics_bytes: 0, seconds: 0.0 })
    }
}

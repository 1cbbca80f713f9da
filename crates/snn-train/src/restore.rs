//! The way back: the newest checkpoint that is what it was.

use std::path::Path;

use snn_models::Model;

use crate::checkpoint::{self, Identity};
use crate::{Error, Result, journal, manifest::Manifest, optim::Optimizer, progress::Progress};

/// What a run goes on from, beside the model.
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    pub(crate) optimizer: Optimizer,
    pub(crate) progress: Progress,
    /// Length of metrics.jsonl at that time.
    pub(crate) metrics_bytes: u64,
    /// Seconds of the epochs so far.
    pub(crate) seconds: f64,
}

impl Restored {
    /// The newest checkpoint that is intact; the start where there is none yet.
    pub(crate) fn newest(
        dir: &Path,
        mut manifest: Manifest,
        model: &mut Model,
        fresh: Optimizer,
        identity: &Identity,
    ) -> Result<Self> {
        let mut refused = None;
        while let Some(entry) = manifest.entries.last() {
            let path = dir.join(entry.file());
            let restored = entry.read(dir).and_then(|bytes| {
                let (progress, steps, moments) =
                    checkpoint::decode(&bytes, &path, model, &fresh, identity)?;
                let lines = journal::read(dir, entry.metrics_bytes, progress.epoch)?;
                if progress.step != entry.step {
                    return Err(Error::checkpoint(&path, "holds another step than its name says"));
                }
                Ok((progress, steps, moments, lines))
            });
            match restored {
                Ok((progress, steps, moments, lines)) => {
                    let optimizer = Optimizer::resume(fresh.config(), steps, moments);
                    let metrics_bytes = entry.metrics_bytes;
                    let seconds = lines.iter().map(|line| line.clock.seconds).sum();
                    tracing::info!(step = progress.step, epoch = progress.epoch, "resuming");
                    return Ok(Self { manifest, optimizer, progress, metrics_bytes, seconds });
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
        let progress = Progress::default();
        Ok(Self { manifest, optimizer: fresh, progress, metrics_bytes: 0, seconds: 0.0 })
    }
}

//! The network of each phase so far, which run.json keeps so that any state of the run can be made a checkpoint without
//! its data.

use std::path::Path;

use serde::{Deserialize, Serialize};
use snn_models::ModelConfig;
use snn_records::{RUN_FILE, RunFile};

use crate::stage::Stage;
use crate::{Error, Result, atomic, run_file};

/// What a checkpoint of a phase is a checkpoint of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PhaseModel {
    pub(crate) model: ModelConfig,
    pub(crate) dataset: String,
    pub(crate) split: String,
    pub(crate) split_hash: String,
}

impl PhaseModel {
    /// That of a phase whose data is open; `model` is its network's configuration.
    pub(crate) fn new(stage: &Stage, model: &ModelConfig) -> Result<Self> {
        let mut model = model.clone();
        model.preprocess = serde_json::to_value(stage.test.preprocess()).map_err(fault)?;
        model.metrics = serde_json::Value::Null;
        let (dataset, split) = (stage.test.name().into(), stage.test.split().into());
        Ok(Self { model, dataset, split, split_hash: stage.split_hash.clone() })
    }

    /// That of a phase of the run in `dir`; none where an older version trained it.
    pub(crate) fn read(started: &RunFile, phase: usize, dir: &Path) -> Result<Option<Self>> {
        let Some(network) = started.networks.get(phase) else { return Ok(None) };
        let why = |e| Error::checkpoint(dir.join(RUN_FILE), format!("networks: {e}"));
        serde_json::from_value(network.clone()).map(Some).map_err(why)
    }

    /// Notes it as that of a phase, and forgets those of phases after it.
    pub(crate) fn note(&self, dir: &Path, phase: usize) -> Result<()> {
        let mut started = run_file::read(dir)?;
        let own = serde_json::to_value(self).map_err(fault)?;
        if started.networks.get(phase) == Some(&own) {
            return Ok(());
        }
        started.networks.truncate(phase);
        // Of phases that an older version trained nothing is known.
        started.networks.resize(phase, serde_json::Value::Null);
        started.networks.push(own);
        atomic::write_json(&dir.join(RUN_FILE), &started)
    }
}

fn fault(error: serde_json::Error) -> Error {
    Error::checkpoint(RUN_FILE, error.to_string())
}

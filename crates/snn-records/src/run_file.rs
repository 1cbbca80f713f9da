//! run.json.

use serde::{Deserialize, Serialize};

/// The version of run directories that is written. Format 1 had a recipe hash of all keys, and knew no phases.
pub const FORMAT: u32 = 2;

/// What a run is, and what it was started on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of the run directory; 1 where none is written.
    #[serde(default = "first_format")]
    pub format: u32,
    /// Hash of the recipe's keys that can change weights.
    pub recipe_hash: String,
    /// Hash of the samples of both sides; in a run of phases those of the first.
    pub data_hash: String,
    /// The kernels; another engine rounds differently.
    pub engine: String,
    /// The instruction set that matrix products choose their kernels by; another one rounds differently.
    #[serde(default)]
    pub instructions: String,
    /// The number format, `f32` or `bf16`.
    pub precision: String,
    /// Threads; results do not depend on them.
    pub threads: usize,
    /// Version of the program.
    pub version: String,
    /// The source code's commit, where the program knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What the run was to be before it was extended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended: Vec<Extension>,
    /// The network of each phase so far, from which `snn export` makes checkpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<serde_json::Value>,
}

/// A shorter run that this one was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its epochs.
    pub epochs: usize,
    /// The hash of its recipe, which its checkpoints are marked with.
    pub recipe_hash: String,
}

fn first_format() -> u32 {
    1
}

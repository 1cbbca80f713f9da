//! A run's directory as it was left: finished, interrupted or still running.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use snn_records::{
    CHECKPOINT_DIR, EVALUATION_FILE, EpochReport, EvaluationRecord, METRICS_FILE, Metrics,
    RECIPE_FILE, RESULT_FILE, RUN_FILE, RunFile, RunResult,
};
use toml::{Table, Value};

use crate::{Error, Result};

/// Bytes of a file of a run at most; its checkpoint may be as large as `snn` loads.
const MOST: u64 = 1 << 30;

/// What a run left.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its directory, as it was named.
    pub folder: PathBuf,
    /// Its recipe with all defaults.
    pub recipe: Table,
    /// What it was started with.
    pub file: RunFile,
    /// Epoch by epoch, as far as it came.
    pub epochs: Vec<EpochReport>,
    /// What it came to, once it is finished.
    pub result: Option<RunResult>,
    /// What was measured of its checkpoint, or why nothing was.
    pub evaluation: std::result::Result<EvaluationRecord, String>,
}

impl Run {
    /// Reads a run's directory. An evaluation of another checkpoint is none.
    ///
    /// # Errors
    /// [`Error`] for a directory that is no run's, and for a file that cannot be read or lacks something.
    pub fn read(folder: &Path) -> Result<Self> {
        if !folder.join(RUN_FILE).is_file() {
            let why = format!(
                "is no run: it has no {RUN_FILE}; name the directory that `snn train --run` was given"
            );
            return Err(Error::Content { path: folder.into(), why });
        }
        let recipe = read(&folder.join(RECIPE_FILE))?.parse::<Table>();
        let recipe = recipe.map_err(|error| content(&folder.join(RECIPE_FILE), error))?;
        let metrics = folder.join(METRICS_FILE);
        let epochs = match metrics.is_file() {
            true => {
                epochs(&read(&metrics)?).map_err(|why| Error::Content { path: metrics, why })?
            }
            false => Vec::new(),
        };
        let result = folder.join(RESULT_FILE);
        let result = if result.is_file() { Some(json(&result)?) } else { None };
        Ok(Self {
            folder: folder.into(),
            file: json(&folder.join(RUN_FILE))?,
            evaluation: evaluation(folder)?,
            recipe,
            epochs,
            result,
        })
    }

    /// The name of its directory.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().or(self.folder.as_os_str().into());
        name.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The figures of the last evaluation that the run itself made, or of its checkpoint's.
    pub fn metrics(&self) -> Option<&Metrics> {
        let own = self.epochs.iter().rev().find_map(|epoch| epoch.test.as_ref());
        own.or(self.evaluation.as_ref().ok().map(|found| &found.metrics))
    }

    /// The value under `table.key` of its recipe.
    pub(crate) fn setting(&self, table: &str, key: &str) -> Option<&Value> {
        self.recipe.get(table)?.get(key)
    }

    /// Text under `table.key` of its recipe; empty where there is none.
    pub(crate) fn word(&self, table: &str, key: &str) -> String {
        self.setting(table, key).and_then(Value::as_str).unwrap_or_default().into()
    }
}

/// SHA-256 of a checkpoint's config.json and model.safetensors, by which an [`EvaluationRecord`] knows it.
///
/// # Errors
/// [`Error`] when one of the two cannot be read.
pub fn checkpoint_hash(checkpoint: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for name in ["config.json", "model.safetensors"] {
        let path = checkpoint.join(name);
        let io = |cause| Error::Io { path: path.clone(), cause };
        regular(&path, u64::MAX)?;
        std::io::copy(&mut std::fs::File::open(&path).map_err(io)?, &mut hash).map_err(io)?;
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What was measured of a run's checkpoint, or why there is nothing; of another checkpoint it is nothing.
///
/// # Errors
/// [`Error`] when its file or the checkpoint cannot be read.
pub fn evaluation(folder: &Path) -> Result<std::result::Result<EvaluationRecord, String>> {
    let (checkpoint, path) = (folder.join(CHECKPOINT_DIR), folder.join(EVALUATION_FILE));
    if !checkpoint.is_dir() {
        return Ok(Err("the run is not finished".into()));
    }
    if !path.is_file() {
        return Ok(Err("its checkpoint was not measured".into()));
    }
    let found: EvaluationRecord = json(&path)?;
    Ok(match found.checkpoint == checkpoint_hash(&checkpoint)? {
        true => Ok(found),
        false => Err("its checkpoint changed after it was measured".into()),
    })
}

/// The epochs of a metrics.jsonl. A last line that is cut off is that of a run which still writes, or was stopped there.
///
/// # Errors
/// When another line is no JSON, or an epoch's lacks a field, naming the line.
pub fn epochs(text: &str) -> std::result::Result<Vec<EpochReport>, String> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut epochs = Vec::new();
    for (at, line) in whole.lines().enumerate() {
        let wrong = |error| format!("line {}: {error}", at + 1);
        let json: serde_json::Value = serde_json::from_str(line).map_err(wrong)?;
        // Lines of other kinds, such as warnings, have no loss of an epoch.
        if json["train_loss"].is_number() {
            epochs.push(serde_json::from_value(json).map_err(wrong)?);
        }
    }
    Ok(epochs)
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read(path)?).map_err(|error| content(path, error))
}

fn content(path: &Path, error: impl std::fmt::Display) -> Error {
    let why = error.to_string().trim_end().replace('\n', " ");
    Error::Content { path: path.into(), why }
}

fn regular(path: &Path, most: u64) -> Result<()> {
    let about = std::fs::metadata(path).map_err(|cause| Error::Io { path: path.into(), cause })?;
    match about.is_file() && about.len() <= most {
        true => Ok(()),
        false => Err(content(path, format!("is no regular file of at most {most} bytes"))),
    }
}

fn read(path: &Path) -> Result<String> {
    regular(path, MOST)?;
    std::fs::read_to_string(path).map_err(|cause| Error::Io { path: path.into(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_read_and_a_torn_end_is_left_out() {
        let rest = r#""epochs":2,"step":3,"lr":0.1,"alpha":0,"train_top1":50,"test":null,"clock":{"seconds":1,"peak_rss_mb":2}"#;
        let line = |epoch| format!("{{\"epoch\":{epoch},\"train_loss\":1.5,{rest}}}\n");
        let text = format!("{{\"kind\":\"warning\",\"epoch\":0}}\n{}{}", line(0), line(1));
        assert_eq!(epochs(&text).unwrap().len(), 2);
        assert_eq!(epochs(&text[..text.len() - 9]).unwrap().len(), 1);
        assert!(epochs("{\n").unwrap_err().starts_with("line 1"));
        assert!(epochs(&line(0).replace("step", "stop")).unwrap_err().contains("`step`"));
        assert!(epochs("").unwrap().is_empty());
    }

    #[test]
    fn a_folder_that_is_no_run_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = Run::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no run"), "{error}");
    }
}

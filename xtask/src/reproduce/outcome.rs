//! What there is of ours for a row: what finished runs left, `result.json` and the epochs of `metrics.jsonl`, or why nothing is.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use snn_records::{
    BestFigures, CHECKPOINT_DIR, EpochReport, EvaluationRecord, METRICS_FILE, Metrics, RESULT_FILE,
    RunResult,
};

use crate::files;

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its figures.
    pub result: RunResult,
    /// Epoch by epoch.
    pub curve: Vec<EpochReport>,
    /// What `snn report` measured of its checkpoint, if it did.
    pub evaluation: Option<EvaluationRecord>,
}

impl Outcome {
    /// The figures of the best epoch, as far as its line of metrics.jsonl is there.
    pub fn best(&self) -> BestFigures {
        let RunResult { best_top1, best_epoch, .. } = self.result;
        let line = self.curve.iter().find(|line| line.epoch == best_epoch);
        let test = line.and_then(|line| line.test.clone()).unwrap_or_default();
        let Metrics { top5, aurc_softmax, aurc_logit, .. } = test;
        BestFigures { top1: best_top1, top5, aurc_softmax, aurc_logit }
    }
}

/// What there is of ours for a row.
#[derive(Clone, Debug)]
pub enum Ours {
    /// Every run finished.
    Ran {
        /// One for each seed.
        outcomes: Vec<Outcome>,
        /// A path that `snn eval` takes: the first seed's.
        checkpoint: String,
    },
    /// A run ended without a result.
    Failed {
        /// The data set it was on.
        dataset: String,
        /// Its folder.
        run: String,
    },
    /// What is missing.
    Needs(String),
    /// The paper cites the row; from whom.
    Cited(String),
}

impl Ours {
    /// What stands where there are no figures of ours.
    pub(super) fn instead(&self) -> Option<String> {
        match self {
            Self::Ran { .. } => None,
            Self::Failed { dataset, run } => Some(format!("{dataset}: no result in {run}")),
            Self::Needs(what) => Some(format!("needs {what}")),
            Self::Cited(source) => Some(format!("cited {source}")),
        }
    }
}

/// Reads what a run left in its folder.
///
/// # Errors
/// When a file is missing or lacks a field, naming both.
pub fn read(folder: &Path) -> anyhow::Result<Outcome> {
    let path = folder.join(RESULT_FILE);
    let result = result(&files::read(&path)?).with_context(|| format!("in {}", path.display()))?;
    // The card of the exported network says the same, unless one of the two was changed.
    let path = folder.join(CHECKPOINT_DIR).join("config.json");
    if path.is_file() {
        let config: Value = serde_json::from_str(&files::read(&path)?)
            .with_context(|| format!("in {}", path.display()))?;
        if let Some(field) = result.differs_from(&config["metrics"]) {
            bail!("{}: {field} is not that of {RESULT_FILE}", path.display());
        }
    }
    let path = folder.join(METRICS_FILE);
    let curve = curve(&files::read(&path)?).with_context(|| format!("in {}", path.display()))?;
    Ok(Outcome { result, curve, evaluation: snn_report::evaluation(folder)?.ok() })
}

fn result(text: &str) -> anyhow::Result<RunResult> {
    let result: RunResult = serde_json::from_str(text)?;
    ensure!((0.0..=100.0).contains(&result.top1), "top1 is {}, not a percentage", result.top1);
    Ok(result)
}

/// The epochs of a run's metrics.jsonl.
///
/// # Errors
/// When a line is no JSON, or an epoch's lacks a field, naming the line.
pub(crate) fn curve(text: &str) -> anyhow::Result<Vec<EpochReport>> {
    snn_report::epochs(text).map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{"dataset": "d", "split": "s", "split_hash": "h", "architecture": "a", "loss": "ce", "t_steps": 4,
        "seed": 1, "engine": "e", "precision": "f32", "data_hash": "h", "recipe_hash": "h", "data": {}, "n": 100, "top1": 81.5,
        "top5": 99, "aurc_softmax": 30.25, "aurc_logit": 31, "per_step_top1": [], "cumulative_top1": [], "best_top1": 82,
        "best_epoch": 1, "epochs": 2, "seconds": 60.5, "peak_rss_mb": 300, "checkpoint": "c"}"#;

    #[test]
    fn result_is_read_and_a_missing_field_is_named() {
        let outcome = result(RESULT).unwrap();
        assert_eq!((outcome.top1, outcome.t_steps, outcome.peak_rss_mb), (81.5, 4, 300.0));
        let error = result(&RESULT.replace("top5", "top_5")).unwrap_err();
        assert!(error.to_string().contains("`top5`"), "{error}");
        assert!(result(&RESULT.replace("81.5", "815")).is_err());
    }

    #[test]
    fn curve_has_the_epochs_only() {
        let rest = r#""epochs":2,"step":3,"lr":0.1,"alpha":0,"train_top1":50,"clock":{"seconds":1,"peak_rss_mb":2}"#;
        let test = r#"{"n":4,"top1":80.5,"top5":99,"aurc_softmax":1,"aurc_logit":1,"eaurc_softmax":1,"eaurc_logit":1,
            "per_step_top1":[],"cumulative_top1":[]}"#
            .replace('\n', "");
        let text = format!(
            "{{\"kind\":\"warning\",\"epoch\":0}}\n\
             {{\"epoch\":0,\"train_loss\":1.5,\"test\":null,{rest}}}\n\
             {{\"epoch\":1,\"train_loss\":0.5,\"test\":{test},{rest}}}\n"
        );
        let told =
            |line: &EpochReport| (line.epoch, line.train_loss, line.test.as_ref().map(|t| t.top1));
        let curve_of = curve(&text).unwrap();
        let epochs: Vec<_> = curve_of.iter().map(told).collect();
        assert_eq!(epochs, [(0, 1.5, None), (1, 0.5, Some(80.5))]);
        let best =
            Outcome { result: result(RESULT).unwrap(), curve: curve_of, evaluation: None }.best();
        assert_eq!(best.figures(), [82.0, 99.0, 1.0, 1.0]);
        assert!(curve("{\n").unwrap_err().to_string().starts_with("line 1"));
    }
}

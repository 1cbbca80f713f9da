//! What a finished run left: `result.json` and the epochs of `metrics.jsonl`.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::files;

/// A finished run. Accuracies are percentages, AURC is times 10^3.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The data set.
    pub dataset: String,
    /// The name of its split.
    pub split: String,
    /// Which samples train and which test, as a hash.
    pub split_hash: String,
    /// Time steps.
    pub t_steps: u64,
    /// The kernels that computed it.
    pub engine: String,
    /// The number format.
    pub precision: String,
    /// After the last epoch.
    pub top1: f64,
    /// After the last epoch.
    pub top5: f64,
    /// Confidence: the largest softmax.
    pub aurc_softmax: f64,
    /// Confidence: the largest logit.
    pub aurc_logit: f64,
    /// The best of all epochs, chosen on the test data, as the paper reports.
    pub best_top1: f64,
    /// Of training.
    pub seconds: f64,
    /// Of the process.
    pub peak_rss_mb: f64,
    /// Epoch by epoch.
    pub curve: Vec<Epoch>,
}

/// A point of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// From 1.
    pub epoch: f64,
    /// Mean over the epoch, of the method's own loss.
    pub train_loss: f64,
    /// Where the epoch was evaluated.
    pub test_top1: Option<f64>,
}

/// Reads what a run left in its folder.
///
/// # Errors
/// When a file is missing or lacks a field, naming both.
pub fn read(folder: &Path) -> anyhow::Result<Outcome> {
    let path = folder.join("result.json");
    let mut outcome =
        result(&files::read(&path)?).with_context(|| format!("in {}", path.display()))?;
    let path = folder.join("metrics.jsonl");
    outcome.curve =
        curve(&files::read(&path)?).with_context(|| format!("in {}", path.display()))?;
    Ok(outcome)
}

fn result(text: &str) -> anyhow::Result<Outcome> {
    let json: Value = serde_json::from_str(text)?;
    let text = |name: &str| -> anyhow::Result<String> {
        Ok(json[name].as_str().with_context(|| format!("no text `{name}`"))?.to_string())
    };
    let number = |name: &str| -> anyhow::Result<f64> {
        json[name].as_f64().with_context(|| format!("no number `{name}`"))
    };
    let outcome = Outcome {
        dataset: text("dataset")?,
        split: text("split")?,
        split_hash: text("split_hash")?,
        t_steps: json["t_steps"].as_u64().context("no count `t_steps`")?,
        engine: text("engine")?,
        precision: text("precision")?,
        top1: number("top1")?,
        top5: number("top5")?,
        aurc_softmax: number("aurc_softmax")?,
        aurc_logit: number("aurc_logit")?,
        best_top1: number("best_top1")?,
        seconds: number("seconds")?,
        peak_rss_mb: number("peak_rss_mb")?,
        curve: Vec::new(),
    };
    ensure!((0.0..=100.0).contains(&outcome.top1), "top1 is {}, not a percentage", outcome.top1);
    Ok(outcome)
}

fn curve(text: &str) -> anyhow::Result<Vec<Epoch>> {
    let mut epochs = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let json: Value = serde_json::from_str(line).with_context(|| format!("line {}", at + 1))?;
        // Lines of other kinds, such as warnings, have no loss of an epoch.
        if let (Some(epoch), Some(train_loss)) =
            (json["epoch"].as_f64(), json["train_loss"].as_f64())
        {
            let test_top1 = json["test"]["top1"].as_f64().or(json["test_top1"].as_f64());
            epochs.push(Epoch { epoch: epoch + 1.0, train_loss, test_top1 });
        }
    }
    Ok(epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{"dataset": "d", "split": "s", "split_hash": "h", "t_steps": 4, "engine": "e", "precision": "f32",
        "top1": 81.5, "top5": 99, "aurc_softmax": 30.25, "aurc_logit": 31, "best_top1": 82, "seconds": 60.5, "peak_rss_mb": 300}"#;

    #[test]
    fn result_is_read_and_a_missing_field_is_named() {
        let outcome = result(RESULT).unwrap();
        assert_eq!((outcome.top1, outcome.t_steps, outcome.peak_rss_mb), (81.5, 4, 300.0));
        let error = result(&RESULT.replace("top5", "top_5")).unwrap_err();
        assert_eq!(error.to_string(), "no number `top5`");
        assert!(result(&RESULT.replace("81.5", "815")).is_err());
    }

    #[test]
    fn curve_has_the_epochs_only() {
        let text = "{\"kind\":\"warning\",\"epoch\":0}\n\
                    {\"epoch\":0,\"train_loss\":1.5,\"test\":null}\n\
                    {\"epoch\":1,\"train_loss\":0.5,\"test\":{\"top1\":80.5}}\n";
        let epoch = |epoch, loss, test_top1| Epoch { epoch, train_loss: loss, test_top1 };
        assert_eq!(curve(text).unwrap(), [epoch(1.0, 1.5, None), epoch(2.0, 0.5, Some(80.5))]);
        assert!(curve("{").unwrap_err().to_string().starts_with("line 1"));
    }
}

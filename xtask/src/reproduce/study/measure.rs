//! What a finished run is measured by: its answers on the test samples, and the study's other tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use snn_records::{CHECKPOINT_DIR, RunResult};

use super::plan::Test;
use crate::reproduce::preset::Run;
use crate::reproduce::runs::Site;
use crate::{files, sh};

/// The measurements of a run, kept beside its folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The result that they belong to.
    checkpoint_of: String,
    /// Whether each test sample was answered rightly.
    pub(super) correct: Vec<bool>,
    /// Name, top-1 and AURC of each test.
    pub(super) tests: Vec<(String, f64, f64)>,
}

/// Measures a run, unless that was done before.
pub(super) fn measure(
    site: &Site<'_>,
    data: &Path,
    run: &Run,
    result: &RunResult,
    tests: &[Test],
) -> anyhow::Result<Measured> {
    let place = site.root.join(site.out).join("measured").join(format!("{}.json", run.name));
    let of = format!("{} {} {}", result.recipe_hash, result.data_hash, result.top1);
    let names = || tests.iter().map(|test| &test.name);
    if place.is_file() {
        let before: Measured = serde_json::from_str(&files::read(&place)?)
            .with_context(|| format!("in {}; delete it", place.display()))?;
        if before.checkpoint_of == of && before.tests.iter().map(|test| &test.0).eq(names()) {
            return Ok(before);
        }
    }
    let predictions = place.with_extension("csv");
    if let Some(folder) = predictions.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let eval = |args: &[&str]| -> anyhow::Result<(f64, f64)> {
        let mut command = site.snn("eval");
        command.arg(checkpoint(site.out, run));
        command.arg("--data").arg(data).arg("--json").args(args);
        sh::say(&format!("$ {}", sh::shown(&command)));
        figures(&sh::output(command)?)
    };
    let file = predictions.display().to_string();
    let (top1, _) = eval(&["--predictions", &file])?;
    ensure!(
        (top1 - result.top1).abs() < 1e-9,
        "{}: measures {top1} %, its result says {} %",
        run.name,
        result.top1
    );
    let mut measured = Measured {
        checkpoint_of: of,
        correct: correct(&files::read(&predictions)?)?,
        tests: Vec::new(),
    };
    for test in tests {
        let args: Vec<&str> = test.args.iter().map(String::as_str).collect();
        let (top1, aurc) = eval(&args)?;
        measured.tests.push((test.name.clone(), top1, aurc));
    }
    files::write(&place, serde_json::to_string(&measured)?)?;
    Ok(measured)
}

fn checkpoint(out: &Path, run: &Run) -> PathBuf {
    out.join(&run.name).join(CHECKPOINT_DIR)
}

/// Top-1 and AURC of `snn eval --json`.
fn figures(line: &str) -> anyhow::Result<(f64, f64)> {
    let json: serde_json::Value = serde_json::from_str(line)?;
    let figure = |name: &str| json[name].as_f64().with_context(|| format!("no {name} in {line}"));
    Ok((figure("top1")?, figure("aurc_softmax")?))
}

/// The column `correct` of a table of predictions. Names may hold commas inside quotes.
fn correct(text: &str) -> anyhow::Result<Vec<bool>> {
    let cell = |line: &str| -> Option<bool> {
        // From the end: `correct` is the last column but one, and no name comes after it.
        let mut cells = line.rsplit(',');
        match cells.nth(1)? {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }
    };
    let head = text.lines().next().unwrap_or("");
    ensure!(head.ends_with(",correct,probability"), "the predictions' columns are {head}");
    text.lines()
        .skip(1)
        .map(|line| cell(line).with_context(|| format!("no answer in `{line}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_figures_are_read() {
        let head = "sample,label,label_name,predicted,predicted_name,correct,probability\n";
        let text = format!("{head}0,1,\"dog, big\",1,\"dog, big\",1,0.5\n1,0,cat,,,0,0.75\n");
        assert_eq!(correct(&text).unwrap(), [true, false]);
        assert!(correct("a,b\n").is_err() && correct(&format!("{head}0,1,x,0.5\n")).is_err());
        assert_eq!(figures(r#"{"top1": 50.5, "aurc_softmax": 3}"#).unwrap(), (50.5, 3.0));
        assert!(figures("{}").unwrap_err().to_string().contains("top1"));
    }
}

//! Evaluations of a figure's networks by `snn eval`, kept beside it: each is made once for a checkpoint.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use snn_records::CHECKPOINT_DIR;
use snn_report::checkpoint_hash;

use crate::reproduce::preset::{Run, as_folder};
use crate::reproduce::runs::Site;
use crate::{files, sh};

/// Where evaluations are made and kept.
pub(super) struct Measure<'a> {
    pub(super) site: Site<'a>,
    /// The kept evaluations.
    pub(super) place: PathBuf,
}

impl Measure<'_> {
    /// What `snn eval --json` says of a run's checkpoint with these arguments. `files` are those that it writes besides, by
    /// option and ending; they lie under the path that comes back.
    pub(super) fn eval(
        &self,
        run: &Run,
        data: &Path,
        args: &[&str],
        files: &[(&str, &str)],
    ) -> anyhow::Result<(Value, PathBuf)> {
        let checkpoint = self.site.out.join(&run.name).join(CHECKPOINT_DIR);
        let hash = checkpoint_hash(&self.site.root.join(&checkpoint))?;
        let words: Vec<&str> = std::iter::once(run.name.as_str())
            .chain(args.iter().map(|arg| arg.trim_start_matches('-')))
            .collect();
        let kept = self.place.join(as_folder(&words.join(" ")));
        let record = kept.with_extension("json");
        let all_there = files.iter().all(|(_, end)| kept.with_extension(end).is_file());
        if record.is_file() && all_there {
            let before: Value = serde_json::from_str(&files::read(&record)?)
                .with_context(|| format!("in {}; delete it", record.display()))?;
            if before["checkpoint"] == hash.as_str() {
                return Ok((before["found"].clone(), kept));
            }
        }
        std::fs::create_dir_all(&self.place)
            .with_context(|| format!("making {}", self.place.display()))?;
        let mut command = self.site.snn("eval");
        command.arg(&checkpoint);
        command.arg("--data").arg(data).arg("--json").args(args);
        for (option, end) in files {
            command.arg(option).arg(kept.with_extension(end));
        }
        sh::say(&format!("$ {}", sh::shown(&command)));
        let found: Value = serde_json::from_str(&sh::output(command)?)?;
        files::write(&record, json!({"checkpoint": hash, "found": found}).to_string())?;
        Ok((found, kept))
    }
}

/// Top-1 of what `snn eval --json` said.
pub(super) fn top1(found: &Value) -> anyhow::Result<f64> {
    found["top1"].as_f64().with_context(|| format!("no top1 in {found}"))
}

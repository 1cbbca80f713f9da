//! `snn compare`: two networks on the same samples.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use snn_train::{Answer, CHECKPOINT_DIR, Paired, evaluate_with};

use crate::eval::{Measured, open};
use crate::{exit, output};

/// Compares two networks sample by sample on one test split: difference, its standard error, McNemar's exact test
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A run or a checkpoint
    a: PathBuf,
    /// Another run or checkpoint, measured on the same members of the same split
    b: PathBuf,
    #[command(flatten)]
    measured: Measured,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// A network's answers, and to what.
struct Answered {
    name: String,
    dataset: String,
    split: String,
    split_hash: String,
    answers: Vec<Answer>,
}

fn answered(path: &Path, measured: &Measured) -> anyhow::Result<Answered> {
    let exported = path.join(CHECKPOINT_DIR);
    let is_run = exported.is_dir() && !path.join("config.json").exists();
    let opened = open(if is_run { &exported } else { path }, measured)?;
    let name = path.display().to_string();
    opened.notices.iter().for_each(|notice| tracing::warn!("{name}: {notice}"));
    let answers = evaluate_with(&opened.model, &opened.test, &opened.options)?.answers;
    Ok(Answered {
        name,
        dataset: opened.test.name().into(),
        split: opened.test.split().into(),
        split_hash: opened.split_hash,
        answers,
    })
}

impl Answered {
    fn top1(&self) -> f64 {
        let right = self.answers.iter().filter(|answer| answer.is_correct()).count();
        100.0 * right as f64 / self.answers.len().max(1) as f64
    }

    fn json(&self) -> Value {
        json!({"path": self.name, "top1": self.top1()})
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (a, b) = (answered(&args.a, &args.measured)?, answered(&args.b, &args.measured)?);
    let labels = |of: &Answered| of.answers.iter().map(|answer| answer.label).collect::<Vec<_>>();
    if (&a.split, &a.split_hash) != (&b.split, &b.split_hash) || labels(&a) != labels(&b) {
        let of = |of: &Answered| {
            let hash = of.split_hash.get(..12).unwrap_or("").to_owned();
            format!("{}, members {hash}, {} samples", of.split, of.answers.len())
        };
        let why = format!(
            "is measured on other samples ({}) than {} ({}); name one data set and split for both with --dataset and --set",
            of(&b),
            a.name,
            of(&a)
        );
        return Err(exit::unusable(&args.b, why));
    }
    let pairs = a.answers.iter().zip(&b.answers);
    let paired = Paired::of(pairs.map(|(a, b)| (a.is_correct(), b.is_correct())));
    if args.json {
        let mut object = serde_json::to_value(paired)?;
        (object["a"], object["b"]) = (a.json(), b.json());
        object["dataset"] = a.dataset.into();
        object["split"] = a.split.into();
        object["split_hash"] = a.split_hash.into();
        output::print(&object.to_string());
        return Ok(());
    }
    output::print(&format!(
        "{} ({}, members {}), {} samples",
        a.dataset,
        a.split,
        a.split_hash.get(..12).unwrap_or(""),
        paired.n
    ));
    output::print(&format!("a  top-1 {:>6.2} %  {}", a.top1(), a.name));
    output::print(&format!("b  top-1 {:>6.2} %  {}", b.top1(), b.name));
    output::print(&format!(
        "a - b: {:+.2} %, standard error {:.2}; right in a alone {}, in b alone {}, in both {}, in neither {}; McNemar's exact test: p = {:.4}",
        paired.difference,
        paired.standard_error,
        paired.only_a,
        paired.only_b,
        paired.both,
        paired.neither,
        paired.p_value
    ));
    Ok(())
}

//! `cargo xtask publish DIR --repo USER/NAME`: a checkpoint that gives its own figures again, to the Hugging Face Hub.
//!
//! `snn eval` measures the directory as anybody would who pulled it, on the card's own kernels, and every figure has to be
//! the one in its metrics.json. Then `snn publish` sends it.

use std::path::Path;

use anyhow::{Context, bail};
use lexopt::prelude::*;
use serde_json::Value;

use crate::{files, sh};

/// Reads the arguments that follow `publish` and obeys them.
///
/// # Errors
/// Wrong arguments, a directory without figures, figures that are others now, or what `snn` refuses.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut dir, mut repo, mut data, mut more) = (None, None, None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("repo") => repo = Some(parser.value()?.string()?),
            Long("data") => data = Some(parser.value()?.string()?),
            Long("revision") => more.extend(["--revision".into(), parser.value()?.string()?]),
            Long("yes") => more.push("--yes".into()),
            Short('h') | Long("help") => return sh::print(crate::help::HELP),
            Value(value) if dir.is_none() => dir = Some(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let dir = dir.context("which checkpoint? cargo xtask publish DIR --repo USER/NAME")?;
    let repo = repo.context("--repo USER/NAME says where to")?;
    // Where the caller stands, not the top folder.
    let dir = std::path::absolute(&dir)?;
    let snn = sh::build_snn_with(&["--features", "hub"])?;
    let path = dir.join("metrics.json");
    let card: Value = serde_json::from_str(&files::read(&path)?)
        .with_context(|| format!("{}: no figures", path.display()))?;
    let place = dir.to_str().context("the directory's name is not UTF-8")?;
    let mut eval = sh::command(&snn, &["eval", place, "--json"]);
    if let Some(engine) = card["measured"]["engine"].as_str() {
        eval.args(["--engine", engine]);
    }
    if let Some(data) = data {
        eval.arg("--data").arg(std::path::absolute(data)?);
    }
    sh::say(&format!("$ {}", sh::shown(&eval)));
    let found: Value = serde_json::from_str(&sh::output(eval)?).context("reading snn eval")?;
    let figures = agree(&card, &found, &path)?;
    sh::print(&format!("{}: {figures} figures are measured again", dir.display()))?;
    let mut publish = sh::command(&snn, &["publish", place, "--repo", &repo]);
    publish.args(more);
    sh::run(publish)
}

/// How many figures a card has of its test side, all of which an evaluation gives again.
fn agree(card: &Value, found: &Value, path: &Path) -> anyhow::Result<usize> {
    let test = card["test"].as_object().filter(|test| !test.is_empty());
    let test = test.with_context(|| {
        format!("{}: no figures of a test; export the checkpoint where its data is", path.display())
    })?;
    for (name, value) in test {
        if found[name] != *value {
            bail!("{}: {name} is {value}, snn eval gives {}", path.display(), found[name]);
        }
    }
    Ok(test.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn figures_agree_to_the_last_digit_or_are_named() {
        let agree = |card, found| super::agree(&card, &found, "metrics.json".as_ref());
        let card = json!({"test": {"top1": 81.25, "n": 32}});
        assert_eq!(agree(card.clone(), json!({"n": 32, "top1": 81.25, "more": 1})).unwrap(), 2);
        let error = agree(card, json!({"n": 32, "top1": 81.250001})).unwrap_err().to_string();
        assert_eq!(error, "metrics.json: top1 is 81.25, snn eval gives 81.250001");
        assert!(agree(json!({}), json!({})).is_err());
        assert!(agree(json!({"test": null}), json!({})).is_err());
    }
}

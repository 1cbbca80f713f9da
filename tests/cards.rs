//! `snn export`: a checkpoint whose card says what was measured, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::util::{self, TINY, run};

const FILES: [&str; 5] =
    ["README.md", "SHA256SUMS", "config.json", "metrics.json", "model.safetensors"];

fn read(dir: &Path, name: &str) -> Result<String> {
    fs::read_to_string(dir.join(name)).with_context(|| name.to_owned())
}

fn json(dir: &Path, name: &str) -> Result<Value> {
    Ok(serde_json::from_str(&read(dir, name)?)?)
}

/// Exports a run and wants success.
fn export(folder: &Path, run_dir: &Path, name: &str, more: &[&str]) -> Result<PathBuf> {
    let out = folder.join(name);
    let (place, to) = (run_dir.display().to_string(), out.display().to_string());
    let ended = run(&[&["export", place.as_str(), "--out", to.as_str()], more].concat())?;
    ensure!(ended.code == Some(0), "{ended:?}");
    Ok(out)
}

/// Every number of a JSON value, those in its texts included.
fn numbers(value: &Value, into: &mut Vec<f64>) {
    match value {
        Value::Number(number) => into.extend(number.as_f64()),
        Value::String(text) => into.extend(text.split_whitespace().filter_map(number)),
        Value::Array(list) => list.iter().for_each(|value| numbers(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| numbers(value, into)),
        _ => {}
    }
}

/// The number that a word of a text is.
fn number(word: &str) -> Option<f64> {
    let word = word.trim_end_matches(['.', ',', ';', ':']);
    word.parse().ok().filter(|x: &f64| x.is_finite())
}

/// Whether a number of the card is one of these, rounded to as many digits.
fn stands_in(text: &str, known: &[f64]) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    known.iter().any(|x| format!("{x:.decimals$}") == text)
}

/// Wants every number of a card in metrics.json; those of the network in config.json.
pub(crate) fn check_card(dir: &Path) -> Result<()> {
    let (card, figures) = (read(dir, "README.md")?, json(dir, "metrics.json")?);
    let mut known = vec![2014.0]; // The year of the source of the energies.
    numbers(&figures, &mut known);
    numbers(&json(dir, "config.json")?, &mut known);
    let (front, text) = card.trim_start_matches("---\n").split_once("\n---\n").context("front")?;
    let mut listed = 0;
    for line in front.lines().filter(|line| line.starts_with("    - {type: ")) {
        let (value, at) = line
            .split_once(", value: ")
            .context("value")?
            .1
            .split_once(", args: ")
            .context("args")?;
        let at = at.trim_start_matches("{\"metrics.json\": \"").trim_end_matches("\"}}");
        let there = figures.pointer(at).with_context(|| at.to_owned())?;
        ensure!(
            *there == serde_json::from_str::<Value>(value)?,
            "{at}: {there}, the card says {value}"
        );
        listed += 1;
    }
    ensure!(listed > 10 || figures["test"].is_null(), "{listed} figures: {front}");
    let (mut is_code, mut in_steps) = (false, false);
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        in_steps = line.starts_with('|') && (in_steps || line.starts_with("| step |"));
        if is_code {
            continue;
        }
        let words = line.split([' ', '|']).filter(|word| !word.is_empty());
        // The number of a step is its place in the list.
        for word in words.skip(usize::from(in_steps)) {
            let word = word.trim_end_matches(['.', ',', ';', ':']);
            if number(word).is_some() {
                ensure!(stands_in(word, &known), "{word} stands nowhere else: {line}");
            }
        }
    }
    Ok(())
}

#[test]
fn every_number_of_a_card_was_measured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let first = util::train(at, "first", TINY, &[])?;
    let second = util::train(at, "second", TINY, &["--set", "seed=8"])?;
    let with = second.display().to_string();
    let out = export(at, &first, "out", &["--with", &with])?;
    let names: Vec<String> = util::tree(&out)?
        .keys()
        .filter_map(|p| Some(p.file_name()?.to_str()?.to_owned()))
        .collect();
    ensure!(names == FILES, "{names:?}");
    let sums = read(&out, "SHA256SUMS")?;
    let mut listed: Vec<&str> =
        sums.lines().filter_map(|line| Some(line.split_once("  ")?.1)).collect();
    listed.sort_unstable();
    ensure!(listed.iter().eq(FILES.iter().filter(|name| **name != "SHA256SUMS")), "{sums}");
    check_card(&out)?;

    // The figures are the run's own, which `snn eval` gives too.
    let (figures, result) = (json(&out, "metrics.json")?, json(&first, "result.json")?);
    for field in
        ["n", "top1", "top5", "aurc_softmax", "aurc_logit", "per_step_top1", "cumulative_top1"]
    {
        ensure!(figures["test"][field] == result[field], "{field}");
    }
    let place = out.display().to_string();
    let eval = run(&["eval", &place, "--json", "--exit-margin", "0.1,0.3,0.5,0.7,0.9,0.99"])?;
    let eval: Value = serde_json::from_str(&eval.out)?;
    ensure!(figures["measured"]["early_exit"] == eval["early_exit"], "{eval}");
    ensure!(
        figures["measured"]["sample_work"] == eval["work"]
            && figures["test"]["firing_rates"] == eval["firing_rates"]
    );
    let seeds = &figures["seeds"];
    let top1 = [&result, &json(&second, "result.json")?]
        .map(|result| result["top1"].as_f64().unwrap_or(f64::NAN));
    let (mean, half) = ((top1[0] + top1[1]) / 2.0, (top1[0] - top1[1]).abs() / 2.0);
    let said = |name: &str| seeds[name].as_f64().context("seeds");
    ensure!((said("top1_mean")? - mean).abs() < 1e-9, "{seeds}");
    ensure!((said("top1_std")? - half * 2f64.sqrt()).abs() < 1e-9 && half > 0.0, "{seeds}");

    // Again, the same bytes but for the latency.
    let again = export(at, &first, "again", &["--with", &with])?;
    let timeless = |dir: &Path| -> Result<(Value, Vec<String>)> {
        let mut figures = json(dir, "metrics.json")?;
        figures["latency"]["median_ms"].take();
        let lines = read(dir, "README.md")?;
        let lines = lines.lines().filter(|line| {
            !line.contains("/latency/median_ms") && !line.starts_with("| median, ms |")
        });
        Ok((figures, lines.map(str::to_owned).collect()))
    };
    ensure!(timeless(&out)? == timeless(&again)?, "not the same twice");
    for name in ["config.json", "model.safetensors"] {
        ensure!(fs::read(out.join(name))? == fs::read(again.join(name))?, "{name}");
    }

    // Nothing is written over.
    let readme = at.join("readme");
    fs::create_dir(&readme)?;
    fs::write(readme.join("README.md"), "mine")?;
    let ended =
        run(&["export", &first.display().to_string(), "--out", &readme.display().to_string()])?;
    ensure!(ended.code == Some(2) && ended.err.contains("holds README.md already"), "{ended:?}");
    ensure!(read(&readme, "README.md")? == "mine");

    // Runs that are no other seeds of it are refused.
    let other = util::train(at, "other", TINY, &["--set", "seed=9", "--set", "optimizer.lr=0.02"])?;
    for (with, words) in
        [(&other, "optimizer.lr"), (&first, "seed 7"), (&out, "not a finished run")]
    {
        let with = with.display().to_string();
        let ended = run(&[
            "export",
            &first.display().to_string(),
            "--out",
            &at.join("no").display().to_string(),
            "--with",
            &with,
        ])?;
        ensure!(ended.code == Some(2) && ended.err.contains(words), "{words}: {ended:?}");
    }
    Ok(())
}

#[test]
fn stored_bf16_is_half_the_size_and_what_the_card_measures() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let dir = util::train(at, "run", TINY, &[])?;
    let whole = export(at, &dir, "whole", &[])?;
    let half = export(at, &dir, "half", &["--weights", "bf16"])?;
    let size = |dir: &Path| {
        Ok::<_, anyhow::Error>(fs::metadata(dir.join("model.safetensors"))?.len() as f64)
    };
    ensure!(size(&half)? / size(&whole)? < 0.6, "{}", size(&half)?);
    check_card(&half)?;
    let figures = json(&half, "metrics.json")?;
    ensure!(
        figures["network"]["stored"] == "bf16" && json(&half, "config.json")?["precision"] == "f32"
    );
    let eval = run(&["eval", &half.display().to_string(), "--json"])?;
    let eval: Value = serde_json::from_str(&eval.out).with_context(|| format!("{eval:?}"))?;
    for field in ["top1", "aurc_softmax", "firing_rates"] {
        ensure!(figures["test"][field] == eval[field], "{field}: {eval}");
    }
    // Rounding is seen in the least of figures.
    ensure!(figures["test"] != json(&whole, "metrics.json")?["test"], "nothing was rounded");
    Ok(())
}

#[test]
fn without_the_data_a_card_says_what_was_not_measured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let data = at.join("pictures");
    for (side, n) in [("train", 8), ("test", 4)] {
        for class in 0..2usize {
            let dir = data.join(side).join(["dark", "light"][class]);
            fs::create_dir_all(&dir)?;
            for i in 0..n {
                let pixel = |x: usize, y: usize| [(100 * class + 10 * i + x + 3 * y) as u8; 3];
                fs::write(dir.join(format!("{i}.png")), util::png(16, 16, pixel)?)?;
            }
        }
    }
    let place = data.display().to_string();
    let more = ["--data", &place, "--set", "data.name=image_folder"];
    let dir = util::train(at, "run", TINY, &more)?;
    let gone = at.join("elsewhere");
    fs::rename(&data, &gone)?;
    let out = export(at, &dir, "out", &[])?;
    let figures = json(&out, "metrics.json")?;
    ensure!(figures["measured"].is_null() && figures["latency"].is_null(), "{figures}");
    ensure!(figures["test"]["top1"] == json(&dir, "result.json")?["top1"], "{figures}");
    ensure!(read(&out, "README.md")?.contains("was not there at export"));
    check_card(&out)?;
    let measured = export(at, &dir, "measured", &["--data", &gone.display().to_string()])?;
    ensure!(json(&measured, "metrics.json")?["test"] == figures["test"], "{figures}");
    check_card(&measured)?;
    // A folder that was named must be the one.
    let (run_dir, to) = (dir.display().to_string(), at.join("no").display().to_string());
    let ended = run(&["export", &run_dir, "--out", &to, "--data", &place])?;
    ensure!(
        ended.code == Some(2) && ended.err.contains(&place) && !at.join("no").exists(),
        "{ended:?}"
    );
    fs::write(gone.join("test/dark/0.png"), util::png(16, 16, |_, _| [250; 3])?)?;
    let ended = run(&["export", &run_dir, "--out", &to, "--data", &gone.display().to_string()])?;
    ensure!(ended.code == Some(2) && ended.err.contains("other samples"), "{ended:?}");
    Ok(())
}

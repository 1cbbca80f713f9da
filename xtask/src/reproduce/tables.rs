//! `cargo xtask reproduce TABLE`: a table of the paper, ours beside it. All four tables go this way.
//!
//! A run is trained once for all tables that show it. Runs lie in `runs/<preset>/` with the recipe of each in `recipes/`
//! there, a table's files in `runs/<table>-<preset>/`; with `--runs DIR` in `DIR` and `DIR/<table>`.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};

use super::outcome::Ours;
use super::paper::PaperTable;
use super::preset::{Planned, Preset};
use super::table;
use super::train::{Stop, train};
use super::{Done, Options, dry_run, html, outcome, paper};
use crate::{files, sh};

/// Trains what the tables need and writes them.
///
/// # Errors
/// An unreadable preset or result, a run that ended for a reason of its own, or a disk that refuses.
pub fn tables(which: &[PaperTable], options: &Options) -> anyhow::Result<Done> {
    let root = &options.root;
    ensure!(options.only.is_none(), "--only is of a study's data sets; a table has all its rows");
    let preset = Preset::read(&root.join("data/recipes"), &options.preset)?;
    let data = options.data.clone().unwrap_or_else(|| PathBuf::from(&preset.data));
    let at_hand = |folder: &str| root.join(&data).join(folder).is_dir();
    let plan = |table: &PaperTable| -> anyhow::Result<(PaperTable, Vec<Planned>)> {
        let rows = paper::read(&root.join(format!("data/paper/{}.csv", table.name)))?;
        Ok((*table, preset.plan(&rows, options.seeds, at_hand)?))
    };
    let planned: Vec<_> = which.iter().map(plan).collect::<anyhow::Result<_>>()?;
    let out = options.runs.clone().unwrap_or_else(|| PathBuf::from("runs").join(&preset.name));
    if options.dry_run {
        return Ok(Done { code: 0, table: Some(dry_run::list(options, &out, &planned)?) });
    }
    let rows = planned.iter().flat_map(|(_, rows)| rows);
    let stop = train(options, &out, &data, rows)?;
    if let Some(Stop::Interrupted(code)) = stop {
        return Ok(Done { code, table: None });
    }
    let (mut texts, mut none) = (Vec::new(), true);
    for (table, rows) in &planned {
        let ours: Vec<Ours> =
            rows.iter().map(|row| collect(root, &out, row)).collect::<anyhow::Result<_>>()?;
        none &= !ours.iter().any(|row| matches!(row, Ours::Ran { .. } | Ours::Failed { .. }));
        let folder = match &options.runs {
            Some(dir) => dir.join(table.name),
            None => PathBuf::from("runs").join(format!("{}-{}", table.name, preset.name)),
        };
        let page = html::page(&preset, rows, &ours, &html::Facts::now(*table, options.seeds));
        let markdown = table::markdown(rows, &ours);
        for (name, text) in [
            (format!("{}.csv", table.name), &table::csv(table.number, rows, &ours)),
            (format!("{}.md", table.name), &markdown),
            ("report.html".into(), &page),
        ] {
            files::write(&root.join(&folder).join(name), text)?;
        }
        let (folder, name) = (folder.display(), table.name);
        sh::say(&format!("written: {folder}/{name}.csv, {name}.md, report.html"));
        texts.push((table.title, markdown));
    }
    if none {
        let data = data.display();
        sh::say(&format!("no row could run: put data sets under {data} or use --data DIR"));
    }
    Ok(Done { code: u8::from(stop.is_some() || none), table: Some(under_titles(texts)) })
}

/// One text as it is; several each under its title.
fn under_titles(texts: Vec<(&str, String)>) -> String {
    if let [(_, text)] = &texts[..] {
        return text.clone();
    }
    let titled = texts.iter().map(|(title, text)| format!("## {title}\n\n{text}"));
    titled.collect::<Vec<_>>().join("\n")
}

fn collect(root: &Path, out: &Path, row: &Planned) -> anyhow::Result<Ours> {
    let job = match row.plan.job() {
        Ok(job) => job,
        Err(ours) => return Ok(ours),
    };
    let folders: Vec<PathBuf> = job.runs.iter().map(|run| out.join(&run.name)).collect();
    let Some(first) = folders.first() else { bail!("{}: no seed", row.paper.title()) };
    if let Some(missing) = folders.iter().find(|f| !root.join(f).join("result.json").is_file()) {
        return Ok(Ours::Failed {
            dataset: job.dataset.clone(),
            run: missing.display().to_string(),
        });
    }
    let outcomes =
        folders.iter().map(|f| outcome::read(&root.join(f))).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Ours::Ran { outcomes, checkpoint: first.join("checkpoint").display().to_string() })
}

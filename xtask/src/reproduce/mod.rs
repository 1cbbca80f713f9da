//! `cargo xtask reproduce`: trains what a table of the paper needs, run by run, and prints ours beside the paper's.
//!
//! The work is left in `runs/<table>-<preset>/`: a folder for each run, `recipes/` with the recipe of each, and the table
//! as CSV, Markdown and one HTML file. A run that finished is kept, one that was interrupted goes on.

mod child;
mod curves;
pub mod figures;
mod html;
pub mod outcome;
pub mod paper;
pub mod preset;
mod runs;
mod setups;
pub mod study;
pub mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use lexopt::prelude::*;

use crate::{files, sh};
use preset::{Plan, Planned, Preset};
use runs::State;
use table::Ours;

/// What to reproduce, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that holds `data/` and gets `runs/`.
    pub root: PathBuf,
    /// `mini`, `cpu` or `paper`.
    pub preset: String,
    /// Runs of each row; their seeds follow one another.
    pub seeds: usize,
    /// The folder that holds the data sets' folders, when it is not the preset's.
    pub data: Option<PathBuf>,
    /// The folder of the runs, when it is not one in `runs/`.
    pub runs: Option<PathBuf>,
    /// Of a study, that set alone.
    pub only: Option<String>,
    /// List the runs and stop.
    pub dry_run: bool,
    /// Set finished and interrupted runs aside first.
    pub fresh: bool,
    /// The program; built from this workspace when absent.
    pub snn: Option<PathBuf>,
}

impl Options {
    /// What holds where nothing else is asked for.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            preset: "mini".into(),
            seeds: 1,
            data: None,
            runs: None,
            only: None,
            dry_run: false,
            fresh: false,
            snn: None,
        }
    }
}

/// Reads the arguments that follow `reproduce` and obeys them.
///
/// # Errors
/// Wrong arguments, an unreadable preset, or a disk that refuses.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<u8> {
    let mut what = None;
    let mut options = Options::new(sh::root());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("preset") => options.preset = parser.value()?.string()?,
            Long("seeds") => options.seeds = parser.value()?.parse()?,
            Long("data") => options.data = Some(std::path::absolute(parser.value()?)?),
            Long("runs") => options.runs = Some(std::path::absolute(parser.value()?)?),
            Long("only") => options.only = Some(parser.value()?.string()?),
            Long("dry-run") => options.dry_run = true,
            Long("fresh") => options.fresh = true,
            Long("resume") => {}
            Short('h') | Long("help") => {
                sh::print(crate::help::HELP)?;
                return Ok(0);
            }
            Value(name) if what.is_none() => what = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(options.seeds >= 1, "--seeds is 0; use 1 or more");
    match what.as_deref() {
        Some("table4") => {
            let done = table4(&options)?;
            if let Some(table) = &done.table {
                sh::print(table)?;
            }
            Ok(done.code)
        }
        Some(name @ ("table1" | "table2" | "table3")) => bail!(
            "{name} is not built yet: its rows are in the paper, but no data/paper/{name}.csv and no recipes are here; \
             `cargo xtask reproduce table4` runs"
        ),
        Some(name @ ("fig3" | "fig4" | "fig5")) => {
            let done = figures::figure(name, &options)?;
            if let Some(table) = &done.table {
                sh::print(table)?;
            }
            Ok(done.code)
        }
        Some("all") => bail!("only table4 is built; run `cargo xtask reproduce table4`"),
        Some(other) => {
            let studies = study::names(&options.root)?;
            if !studies.iter().any(|name| name == other) {
                bail!("unknown `{other}`; use table4 or a study: {}", studies.join(", "));
            }
            let done = study::study(other, &options)?;
            if let Some(table) = &done.table {
                sh::print(table)?;
            }
            Ok(done.code)
        }
        None => bail!("say what to reproduce, such as `cargo xtask reproduce table4`"),
    }
}

/// How a table came out.
#[derive(Clone, Debug)]
pub struct Done {
    /// 0; 1 when a run failed or none could run; 130 or 143 when interrupted.
    pub code: u8,
    /// The table as Markdown, unless interrupted.
    pub table: Option<String>,
}

/// Trains what Table 4 needs and writes it.
///
/// # Errors
/// An unreadable preset or result, a run that ended for a reason of its own, or a disk that refuses.
pub fn table4(options: &Options) -> anyhow::Result<Done> {
    let root = &options.root;
    let rows = paper::read(&root.join("data/paper/table4.csv"))?;
    let preset = Preset::read(&root.join("data/recipes"), "table4", &options.preset)?;
    let data = options.data.clone().unwrap_or_else(|| PathBuf::from(&preset.data));
    let at_hand = |folder: &str| root.join(&data).join(folder).is_dir();
    let planned = preset.plan(&rows, options.seeds, at_hand)?;
    ensure!(options.only.is_none(), "--only is of a study's data sets; a table has all its rows");
    if options.dry_run {
        return Ok(Done { code: 0, table: Some(listed(&planned)) });
    }
    let usual = || PathBuf::from("runs").join(format!("table4-{}", preset.name));
    let out = options.runs.clone().unwrap_or_else(usual);

    let mut failed = false;
    match train(options, &out, &data, &planned)? {
        Some(Stop::Interrupted(code)) => return Ok(Done { code, table: None }),
        Some(Stop::Failed) => failed = true,
        None => {}
    }
    let ours: Vec<Ours> =
        planned.iter().map(|row| collect(root, &out, row)).collect::<anyhow::Result<_>>()?;
    let page = html::page(&preset, &planned, &ours, &html::Facts::now(options.seeds));
    let markdown = table::markdown(&planned, &ours);
    let files = [
        ("table4.csv", &table::csv("4", &planned, &ours)),
        ("table4.md", &markdown),
        ("report.html", &page),
    ];
    for (name, text) in files {
        files::write(&root.join(&out).join(name), text)?;
    }
    sh::say(&format!("written: {}/table4.csv, table4.md, report.html", out.display()));
    let none = ours.iter().all(|row| matches!(row, Ours::Needs(_)));
    if none {
        let data = data.display();
        sh::say(&format!("no row could run: put data sets under {data} or use --data DIR"));
    }
    Ok(Done { code: u8::from(failed || none), table: Some(markdown) })
}

/// What would be trained, and what a row lacks.
fn listed(planned: &[Planned]) -> String {
    let line = |row: &Planned| match &row.plan {
        Plan::Run(job) => {
            let names: Vec<&str> = job.runs.iter().map(|run| run.name.as_str()).collect();
            format!("{}: {}", row.paper.title(), names.join(", "))
        }
        Plan::Needs(what) => format!("{}: needs {what}", row.paper.title()),
    };
    planned.iter().map(line).collect::<Vec<_>>().join("\n")
}

enum Stop {
    Interrupted(u8),
    Failed,
}

/// Trains every run that is not finished, in the table's order.
fn train(
    options: &Options,
    out: &Path,
    data: &Path,
    rows: &[Planned],
) -> anyhow::Result<Option<Stop>> {
    let jobs: Vec<_> = rows
        .iter()
        .flat_map(|row| match &row.plan {
            Plan::Run(job) => job.runs.iter().map(|run| (row, job, run)).collect(),
            Plan::Needs(_) => Vec::new(),
        })
        .collect();
    let mut todo = Vec::new();
    for (at, &(row, job, run)) in jobs.iter().enumerate() {
        match runs::prepare(&options.root.join(out), run, options.fresh)? {
            State::Finished => {
                sh::say(&format!("[{}/{}] {} is finished", at + 1, jobs.len(), run.name))
            }
            state => todo.push((at + 1, row, job, run, state)),
        }
    }
    if todo.is_empty() {
        return Ok(None);
    }
    let snn = match &options.snn {
        Some(path) => path.clone(),
        None => sh::build_snn()?,
    };
    let signals = child::Signals::watch().context("watching for signals")?;
    let again = if options.fresh { "the same command without --fresh" } else { "the same command" };
    let mut failed = false;
    let mut pace = runs::Pace::new(todo.len());
    for (at, row, job, run, state) in todo {
        let head = format!("[{at}/{}] {} seed {}", jobs.len(), row.paper.title(), run.seed);
        sh::say(&format!(
            "{head}: on {}{}",
            job.dataset,
            if state == State::Begun { ", going on" } else { "" }
        ));
        let command = runs::command(&snn, &options.root, out, &data.join(&job.folder), run, state);
        let code = child::run(command, &signals)?;
        pace.done();
        match code {
            0 => sh::say(&format!(
                "{head}: {}, {pace}",
                runs::summary(&options.root.join(out), run)?
            )),
            130 | 143 => {
                sh::say(&format!("{head}: interrupted; {again} goes on from its last checkpoint"));
                return Ok(Some(Stop::Interrupted(code)));
            }
            // These are this row's trouble; anything else would stop every other row too.
            2 | 3 => {
                let why = if code == 2 { "its data cannot be used" } else { "it diverged" };
                sh::say(&format!("{head}: {why}; see the message above"));
                failed = true;
            }
            code => bail!(
                "{head}: `snn train` ended with exit code {code}; mend that and run the same command again"
            ),
        }
        if let Some(code) = signals.code() {
            sh::say(&format!("stopped between two runs; {again} goes on"));
            return Ok(Some(Stop::Interrupted(code)));
        }
    }
    Ok(failed.then_some(Stop::Failed))
}

fn collect(root: &Path, out: &Path, row: &Planned) -> anyhow::Result<Ours> {
    let job = match &row.plan {
        Plan::Run(job) => job,
        Plan::Needs(what) => return Ok(Ours::Needs(what.clone())),
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

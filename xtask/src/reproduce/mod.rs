//! `cargo xtask reproduce`: trains what a table of the paper or a study needs and prints ours beside the paper's.
//!
//! A run that finished is kept, one that was interrupted goes on.

mod at_once;
mod child;
mod curves;
mod dry_run;
mod estimate;
pub mod figures;
mod html;
pub mod outcome;
pub mod paper;
pub mod plan;
pub mod preset;
mod runs;
mod setups;
pub mod study;
pub mod table;
pub mod tables;
mod train;

use std::path::PathBuf;

use anyhow::{bail, ensure};
use lexopt::prelude::*;

use crate::sh;
use paper::TABLES;
use tables::tables;

/// The paper's figures of results.
const FIGURES: [&str; 3] = ["fig3", "fig4", "fig5"];

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
    /// Runs that are trained at once, each on its share of the processors.
    pub jobs: usize,
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
            jobs: 1,
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
            Long("jobs") => options.jobs = parser.value()?.parse()?,
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
    ensure!(options.jobs >= 1, "--jobs is 0; use 1 or more");
    let Some(what) = what else {
        bail!("say what to reproduce, such as `cargo xtask reproduce table4`");
    };
    let done = reproduce(&what, &options)?;
    if let Some(table) = &done.table {
        sh::print(table)?;
    }
    Ok(done.code)
}

/// Reproduces what has that name; `all` is what the paper shows, one part after another.
///
/// # Errors
/// An unknown name, an unreadable preset, study or result, or a disk that refuses.
pub fn reproduce(what: &str, options: &Options) -> anyhow::Result<Done> {
    if let Some(table) = TABLES.iter().find(|table| table.name == what) {
        return tables(&[*table], options);
    }
    match what {
        "all" => all(options),
        figure if FIGURES.contains(&figure) => figures::figure(figure, options),
        study if study::names(&options.root)?.iter().any(|name| name == study) => {
            study::study(study, options)
        }
        other => bail!(
            "unknown `{other}`; use table1 to table4, fig3 to fig5, all or a study: {}",
            study::names(&options.root)?.join(", ")
        ),
    }
}

/// The tables, and the figures of the same runs.
fn all(options: &Options) -> anyhow::Result<Done> {
    let mut done = tables(&TABLES, options)?;
    let options = Options { fresh: false, ..options.clone() };
    for name in FIGURES {
        let Some(text) = done.table.take() else { break };
        let figure = figures::figure(name, &options)?;
        done.code = match figure.table {
            Some(_) => done.code.max(figure.code),
            None => figure.code,
        };
        done.table = figure.table.map(|figure| format!("{text}\n{figure}"));
    }
    Ok(done)
}

/// How a table came out.
#[derive(Clone, Debug)]
pub struct Done {
    /// 0; 1 when a run failed or none could run; 130 or 143 when interrupted.
    pub code: u8,
    /// The table as Markdown, unless interrupted.
    pub table: Option<String>,
}

/// The program: the one that was asked for, or this workspace's.
fn snn(options: &Options) -> anyhow::Result<PathBuf> {
    options.snn.clone().map_or_else(sh::build_snn, Ok)
}

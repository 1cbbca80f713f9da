//! `cargo xtask reproduce fig3|fig4|fig5`: figures of the paper, drawn of table 4's runs in the same preset.
//!
//! A figure's files lie where a table's do: in `runs/<figure>-<preset>/`, with `--runs DIR` in `DIR/<figure>`.

mod fig3;
mod fig4;
mod fig5;
mod measure;
mod npy;
mod panel;
mod tsne;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use snn_report::{Page, Part, Table};

use super::preset::{Preset, Run};
use super::runs::Site;
use super::train::{Stop, train};
use super::{Done, Options, outcome, paper, snn};
use crate::{files, sh};
use measure::Measure;
use panel::{Figure, Panel};

/// What a figure came to.
struct Drawn {
    parts: Vec<Part>,
    csv: String,
}

/// Trains what the figure's panels lack, measures it and draws it, in a folder of its name.
///
/// # Errors
/// An unreadable description, preset or run, or a disk that refuses.
pub fn figure(name: &str, options: &Options) -> anyhow::Result<Done> {
    let root = &options.root;
    ensure!(
        options.only.is_none(),
        "--only is of a study's data sets; a figure has all its panels"
    );
    ensure!(
        !options.fresh,
        "{name} shares table 4's runs; `reproduce table4 --fresh` trains them again"
    );
    let figure = Figure::read(&root.join("data/figures"), name)?;
    let rows = paper::read(&root.join("data/paper/table4.csv"))?;
    let preset = Preset::read(&root.join("data/recipes"), &options.preset)?;
    let data = options.data.clone().unwrap_or_else(|| PathBuf::from(&preset.data));
    let at_hand = |folder: &str| root.join(&data).join(folder).is_dir();
    let panels = figure.panels(&preset.plan(&rows, options.seeds, at_hand)?)?;
    let out = options.runs.clone().unwrap_or_else(|| PathBuf::from("runs").join(&preset.name));
    if options.dry_run {
        return Ok(Done { code: 0, table: Some(listed(root, &out, &panels)) });
    }
    match train(options, &out, &data, panels.iter().flat_map(Panel::rows))? {
        Some(Stop::Interrupted(code)) => return Ok(Done { code, table: None }),
        Some(Stop::Failed) => bail!("{name}: not all of its runs could be trained; see above"),
        None => {}
    }
    let folder = match &options.runs {
        Some(dir) => dir.join(name),
        None => PathBuf::from("runs").join(format!("{name}-{}", preset.name)),
    };
    let place = root.join(&folder);
    let program = snn(options)?;
    let site = Site { program: &program, root, out: &out, jobs: 1 };
    let measure = Measure { site, place: place.join("measured") };
    let drawn = match name {
        "fig3" => fig3::draw(&panels, &data, &measure)?,
        "fig4" => fig4::draw(&panels, &measure)?,
        "fig5" => fig5::draw(&panels, &data, figure.samples, &measure)?,
        _ => bail!("there is no {name}; use fig3, fig4 or fig5"),
    };
    let made = format!(
        "Preset {}; made by `cargo xtask reproduce {name} --preset {}` with {} of each network.",
        preset.name,
        preset.name,
        if options.seeds == 1 { "one seed".into() } else { format!("{} seeds", options.seeds) }
    );
    let runs = trained(&measure, &panels)?;
    let page = page(&figure, made, &panels, drawn.parts, runs);
    for (file, text) in [("report.html", page.html()), (&format!("{name}.csv"), drawn.csv)] {
        files::write(&place.join(file), text)?;
    }
    sh::say(&format!("written: {}", folder.join("report.html").display()));
    let none = panels.iter().all(|panel| panel.needs.is_some());
    Ok(Done { code: u8::from(none), table: Some(page.markdown()) })
}

fn page(figure: &Figure, made: String, panels: &[Panel], drawn: Vec<Part>, runs: Table) -> Page {
    let mut page = Page::new(&figure.title);
    page.extend([Part::Note(made), Part::Text(figure.note.clone())]);
    page.extend(drawn);
    for panel in panels {
        if let Some(what) = &panel.needs {
            page.extend([Part::Text(format!("{}: {what}.", panel.title()))]);
        }
    }
    page.extend([Part::Heading("The paper's figure".into()), Part::Text(figure.paper.clone())]);
    if !runs.is_empty() {
        page.extend([Part::Heading("What was trained".into()), Part::Table(runs)]);
    }
    page
}

/// The runs that the figure is drawn of.
fn trained(measure: &Measure<'_>, panels: &[Panel]) -> anyhow::Result<Table> {
    let mut table = Table::new().text("run").text("data set and split").number("T").number("seed");
    table =
        table.number("epochs").number("top-1, %").number("s").text("computed by").text("commit");
    for run in panels.iter().flat_map(Panel::runs) {
        for result in results(measure, std::slice::from_ref(run))? {
            table.row([
                run.name.clone(),
                result.split,
                result.t_steps.to_string(),
                result.seed.to_string(),
                result.epochs.to_string(),
                format!("{:.2}", result.top1),
                format!("{:.0}", result.seconds),
                format!("{}, {}", result.engine, result.precision),
                result.commit.unwrap_or_else(|| "–".into()),
            ]);
        }
    }
    Ok(table)
}

/// The runs, and whether they are finished.
fn listed(root: &Path, out: &Path, panels: &[Panel]) -> String {
    let mut lines = Vec::new();
    for panel in panels {
        if let Some(what) = &panel.needs {
            lines.push(format!("{}: {what}", panel.title()));
        }
        for run in panel.runs() {
            let finished = root.join(out).join(&run.name).join(snn_records::RESULT_FILE).is_file();
            let state = if finished { "finished" } else { "to be trained" };
            lines.push(format!("{}: {} {state}", panel.title(), run.name));
        }
    }
    lines.join("\n")
}

/// The results of a curve's runs.
fn results(measure: &Measure<'_>, runs: &[Run]) -> anyhow::Result<Vec<snn_records::RunResult>> {
    let read = |run: &Run| {
        let folder = measure.site.root.join(measure.site.out).join(&run.name);
        Ok(outcome::read(&folder).with_context(|| format!("for {}", run.name))?.result)
    };
    runs.iter().map(read).collect()
}

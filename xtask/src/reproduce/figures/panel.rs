//! What a figure shows: its description in `data/figures`, and the runs of table 4 that it is drawn of.

use std::path::Path;

use anyhow::{Context, ensure};
use toml::{Table, Value};

use crate::files;
use crate::reproduce::preset::{Job, Plan, Planned, Run, as_folder, string, table};

/// A figure's description.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) title: String,
    /// How to read it.
    pub(super) note: String,
    /// What the paper states of its own.
    pub(super) paper: String,
    /// Test samples that are drawn at most.
    pub(super) samples: usize,
    panels: Vec<Table>,
}

/// A data set and a network.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// What the paper shows there.
    paper: String,
    /// The data set that ran here.
    pub(super) dataset: String,
    pub(super) architecture: String,
    /// The data set's folder.
    pub(super) folder: String,
    pub(super) curves: Vec<Curve>,
    /// Networks trained with each number of steps but the largest, and their method.
    pub(super) matched: Vec<(usize, Curve)>,
    /// What is missing, where nothing can run.
    pub(super) needs: Option<String>,
}

/// A method's runs.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) method: String,
    /// The row of table 4, whose plan are the runs.
    row: Planned,
}

impl Curve {
    /// A seed each.
    pub(super) fn runs(&self) -> &[Run] {
        match &self.row.plan {
            Plan::Run(job) => &job.runs,
            _ => &[],
        }
    }
}

impl Figure {
    /// Reads the description of that name.
    pub(super) fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(format!("{name}.toml"));
        Self::parse(&files::read(&path)?).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: Table = text.parse()?;
        let words = |key| Ok::<_, anyhow::Error>(string(&file, key)?.trim().replace('\n', " "));
        let samples = file.get("samples").and_then(Value::as_integer).unwrap_or(2000);
        let panels = file.get("panel").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            title: words("title")?,
            note: words("note")?,
            paper: words("paper")?,
            samples: usize::try_from(samples).context("samples is negative")?,
            panels: panels.filter_map(Value::as_table).cloned().collect(),
        })
    }

    /// The panels with the runs of the preset's rows.
    pub(super) fn panels(&self, planned: &[Planned]) -> anyhow::Result<Vec<Panel>> {
        self.panels.iter().map(|panel| self::panel(panel, planned)).collect()
    }
}

fn panel(of: &Table, planned: &[Planned]) -> anyhow::Result<Panel> {
    let (paper, architecture) = (string(of, "paper_dataset")?, string(of, "architecture")?);
    let mut panel = Panel {
        dataset: paper.clone(),
        paper,
        architecture,
        folder: String::new(),
        curves: Vec::new(),
        matched: Vec::new(),
        needs: None,
    };
    let methods = of.get("methods").and_then(Value::as_array).into_iter().flatten();
    for method in methods.filter_map(Value::as_str) {
        let row = planned.iter().find(|row| {
            let p = &row.paper;
            (&p.dataset, &p.architecture) == (&panel.paper, &panel.architecture)
                && p.method == method
        });
        let row = row.with_context(|| format!("table 4 has no row {} {method}", panel.title()))?;
        match row.plan.job() {
            Ok(job) => {
                (panel.dataset, panel.folder) = (job.dataset.clone(), job.folder.clone());
                panel.curves.push(Curve { method: method.into(), row: row.clone() });
            }
            Err(ours) => panel.needs = ours.instead(),
        }
    }
    if panel.needs.is_some() {
        panel.curves.clear();
    }
    if let Some(method) = of.get("matched").and_then(Value::as_str) {
        panel.matched = matched(&panel, method)?;
    }
    Ok(panel)
}

/// The method's runs with 1, 2, .. steps, up to one less than those that it has.
fn matched(panel: &Panel, method: &str) -> anyhow::Result<Vec<(usize, Curve)>> {
    let Some(whole) = panel.curves.iter().find(|curve| curve.method == method) else {
        ensure!(panel.needs.is_some(), "matched = \"{method}\" is none of the panel's methods");
        return Ok(Vec::new());
    };
    let Plan::Run(job) = &whole.row.plan else { return Ok(Vec::new()) };
    let most = job.runs.first().and_then(steps).with_context(|| {
        format!("{}: the recipe of {method} has no data.t_steps to make smaller", panel.title())
    })?;
    let at = |t: usize| {
        let run = |run: &Run| {
            let mut recipe = run.recipe.clone();
            let mut data = table(&recipe, "data");
            data.insert("t_steps".into(), (t as i64).into());
            recipe.insert("data".into(), data.into());
            let words =
                format!("{} {} {method} t{t} seed{}", panel.dataset, panel.architecture, run.seed);
            Run { name: as_folder(&words), seed: run.seed, recipe }
        };
        let job = Job { runs: job.runs.iter().map(run).collect(), ..job.clone() };
        let row = Planned { plan: Plan::Run(job), ..whole.row.clone() };
        (t, Curve { method: method.into(), row })
    };
    Ok((1..most).map(at).collect())
}

/// The frames that a run cuts recordings into.
pub(super) fn steps(run: &Run) -> Option<usize> {
    let steps = run.recipe.get("data")?.get("t_steps")?.as_integer()?;
    usize::try_from(steps).ok()
}

impl Panel {
    /// The panel in words.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.dataset, self.architecture)
    }

    /// All that it trains.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Planned> {
        self.all().map(|curve| &curve.row)
    }

    /// All its runs.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.all().flat_map(Curve::runs)
    }

    fn all(&self) -> impl Iterator<Item = &Curve> {
        self.curves.iter().chain(self.matched.iter().map(|(_, curve)| curve))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::preset::Preset;

    #[test]
    fn panels_are_of_table_4s_runs() {
        let root = crate::sh::root();
        let rows = crate::reproduce::paper::read(&root.join("data/paper/table4.csv")).unwrap();
        let preset = Preset::read(&root.join("data/recipes"), "mini").unwrap();
        let panels = |name: &str, at_hand: bool| {
            let planned = preset.plan(&rows, 2, |_| at_hand).unwrap();
            Figure::read(&root.join("data/figures"), name).unwrap().panels(&planned).unwrap()
        };
        let fig3 = &panels("fig3", true)[0];
        assert_eq!(fig3.runs().count(), 2 * 2 + 9 * 2);
        assert_eq!(fig3.curves[0].runs()[0].name, "fashion-mnist-dvs-vgg-snn-baseline-seed42");
        let (t, first) = &fig3.matched[0];
        assert_eq!((*t, steps(&first.runs()[1])), (1, Some(1)));
        assert_eq!(first.runs()[1].name, "fashion-mnist-dvs-vgg-snn-baseline-t1-seed43");
        // The one of all steps is the method's own run.
        assert_eq!((fig3.matched[8].0, steps(&fig3.curves[0].runs()[0])), (9, Some(10)));
        let fig5 = panels("fig5", true);
        assert_eq!((fig5[0].needs.as_deref(), fig5[1].curves.len()), (Some("needs CIFAR100"), 2));
        assert!(
            panels("fig3", false)[0].needs.is_some()
                && panels("fig4", false)[0].runs().count() == 0
        );
    }
}

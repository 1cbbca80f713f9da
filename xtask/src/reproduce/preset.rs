//! A preset: which rows of the paper's tables run on which data with which recipe, from `data/recipes/tables-<preset>.toml`.
//!
//! A row is taken by the first group of its data set and network. A group that says `augmented` takes the rows with the
//! paper's star alone, or those without; the runs of the latter are called `plain`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use toml::{Table, Value};

use super::paper::{Origin, PaperRow};
pub use super::plan::{Job, Plan, Planned, Remark, Run};
use crate::files;

/// A preset file.
#[derive(Clone, Debug)]
pub struct Preset {
    /// `mini`, `cpu` or `paper`.
    pub name: String,
    /// Where the data sets' folders are, unless the user says otherwise.
    pub data: String,
    base: Table,
    methods: Table,
    groups: Vec<Table>,
}

impl Preset {
    /// Reads a preset from the folder of recipes.
    ///
    /// # Errors
    /// When there is no such preset or its file lacks something.
    pub fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(format!("tables-{name}.toml"));
        ensure!(path.is_file(), "no preset `{name}`: there is no {}", path.display());
        Self::parse(&files::read(&path)?).with_context(|| format!("in {}", path.display()))
    }

    /// Reads a preset's text.
    ///
    /// # Errors
    /// When it is not TOML or lacks something.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let file: Table = text.parse()?;
        let groups = file.get("group").and_then(Value::as_array).context("no [[group]]")?;
        let groups = groups.iter().map(|g| g.as_table().cloned().context("a group is not a table"));
        Ok(Self {
            name: string(&file, "preset")?,
            data: string(&file, "data")?,
            base: table(&file, "base"),
            methods: table(&file, "method"),
            groups: groups.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Says of every row of the paper what is done about it. `at_hand` tells whether a data set's folder is there. A method
    /// with the key `beside` has a row of its own after each row of the method that it names.
    ///
    /// # Errors
    /// When a group lacks something, or names a method that has no recipe.
    pub fn plan(
        &self,
        rows: &[PaperRow],
        seeds: usize,
        at_hand: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<Planned>> {
        let plan = |row: &PaperRow, group: Option<&Table>| -> anyhow::Result<Plan> {
            if let Origin::Cited(source) = &row.origin {
                return Ok(Plan::Cited(source.clone()));
            }
            let Some(group) = group else { return Ok(Plan::Needs(row.dataset.clone())) };
            let job = self.job(group, row, seeds)?;
            Ok(if at_hand(&job.folder) { Plan::Run(job) } else { Plan::Waits(job) })
        };
        let mut names = BTreeSet::new();
        let mut planned = Vec::new();
        for row in &self.with_others(rows) {
            let group = self.group(row)?;
            let plan = plan(row, group).with_context(|| format!("for {}", row.title()))?;
            if let Plan::Run(job) = &plan {
                for run in &job.runs {
                    let is_new = names.insert(run.name.clone());
                    ensure!(
                        is_new,
                        "{}: another row trains the same network on {} too, and both would be kept in {}; \
                         give one of their groups another data set",
                        row.title(),
                        job.dataset,
                        run.name
                    );
                }
            }
            let remarks = self.remarks(row, group, &plan);
            planned.push(Planned { paper: row.clone(), remarks, plan });
        }
        Ok(planned)
    }

    /// A method's text of that name.
    fn of_method(&self, method: &str, key: &str) -> Option<&str> {
        self.methods.get(method)?.get(key)?.as_str()
    }

    /// What no source states of a row that is or would be trained.
    fn remarks(&self, row: &PaperRow, group: Option<&Table>, plan: &Plan) -> Vec<Remark> {
        if matches!(plan, Plan::Cited(_)) {
            return Vec::new();
        }
        let of_group = group.and_then(|group| group.get("remark")?.as_str());
        let star = if row.augmented { " with augmentation" } else { "" };
        [
            (row.method.clone(), self.of_method(&row.method, "remark")),
            (format!("{}{star}", row.dataset), of_group),
        ]
        .into_iter()
        .filter_map(|(of, text)| Some(Remark { of, text: text?.into() }))
        .collect()
    }

    /// The runs of a row that a group takes.
    fn job(&self, group: &Table, row: &PaperRow, seeds: usize) -> anyhow::Result<Job> {
        let (dataset, folder) = (string(group, "dataset")?, string(group, "folder")?);
        let recipe = self.recipe(group, row, &dataset)?;
        let first = recipe.get("seed").and_then(Value::as_integer).context("no seed in [base]")?;
        let plain = augmented(group) == Some(false);
        let of_seed = |i: i64| {
            let (seed, mut recipe) = (first + i, recipe.clone());
            recipe.insert("seed".into(), seed.into());
            Run { name: folder_name(&dataset, row, plain, seed), seed, recipe }
        };
        let runs = (0..seeds as i64).map(of_seed).collect();
        let samples = group.get("samples").and_then(Value::as_integer);
        Ok(Job { dataset, folder, samples: samples.and_then(|n| n.try_into().ok()), runs })
    }

    /// The paper's rows, with those beside them.
    fn with_others(&self, rows: &[PaperRow]) -> Vec<PaperRow> {
        let others = |row: &PaperRow| {
            let names = self
                .methods
                .keys()
                .filter(|name| self.of_method(name, "beside") == Some(&row.method));
            let is_trained = row.origin == Origin::Trained;
            let of = |name: &String| PaperRow { method: name.clone(), ..row.clone() };
            names.filter(|_| is_trained).map(of).collect::<Vec<_>>()
        };
        rows.iter().flat_map(|row| [vec![row.clone()], others(row)].concat()).collect()
    }

    fn group(&self, row: &PaperRow) -> anyhow::Result<Option<&Table>> {
        for group in &self.groups {
            let networks = group.get("architectures").and_then(Value::as_array);
            let networks = networks.context("a group has no architectures")?;
            let network = networks.iter().any(|n| n.as_str() == Some(&row.architecture));
            let star = augmented(group).is_none_or(|augmented| augmented == row.augmented);
            if network && star && string(group, "paper_dataset")? == row.dataset {
                return Ok(Some(group));
            }
        }
        Ok(None)
    }

    fn recipe(&self, group: &Table, row: &PaperRow, dataset: &str) -> anyhow::Result<Table> {
        let Some(Value::Table(method)) = self.methods.get(&row.method) else {
            bail!("no recipe for the method {}", row.method);
        };
        let mut recipe = self.base.clone();
        merge(&mut recipe, method);
        // These two are not the recipe's.
        let beside = recipe.remove("beside");
        recipe.remove("remark");
        merge(&mut recipe, &table(group, "recipe"));
        let of_group = table(group, "method");
        let methods =
            beside.as_ref().and_then(Value::as_str).into_iter().chain([row.method.as_str()]);
        methods.for_each(|method| merge(&mut recipe, &table(&of_group, method)));
        let named: Table = [
            ("data".into(), Table::from_iter([("name".into(), dataset.into())]).into()),
            (
                "model".into(),
                Table::from_iter([("architecture".into(), row.architecture.clone().into())]).into(),
            ),
        ]
        .into_iter()
        .collect();
        merge(&mut recipe, &named);
        Ok(recipe)
    }
}

/// Whether a group takes rows with the paper's star, or without it; all of them where it does not say.
fn augmented(group: &Table) -> Option<bool> {
    group.get("augmented").and_then(Value::as_bool)
}

/// The folder of a run: what is trained on, not the paper's data set beside which the figures stand.
fn folder_name(dataset: &str, row: &PaperRow, plain: bool, seed: i64) -> String {
    let plain = if plain { "plain " } else { "" };
    as_folder(&format!("{dataset} {} {plain}{} seed{seed}", row.architecture, row.method))
}

/// Words as the name of a folder.
pub(super) fn as_folder(words: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    words.chars().map(plain).collect()
}

/// Puts `over` into `into`, table by table; a later value replaces an earlier one.
pub(crate) fn merge(into: &mut Table, over: &Table) {
    for (key, value) in over {
        match (into.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The table under `key`; an empty one where there is none.
pub(super) fn table(of: &Table, key: &str) -> Table {
    of.get(key).and_then(Value::as_table).cloned().unwrap_or_default()
}

/// The text under `key`.
pub(super) fn string(of: &Table, key: &str) -> anyhow::Result<String> {
    of.get(key).and_then(Value::as_str).map(str::to_string).with_context(|| format!("no {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::paper;

    #[test]
    fn later_values_replace_earlier_ones() {
        let mut into: Table = "a = 1\n[t]\nb = 2\nc = 3".parse().unwrap();
        merge(&mut into, &"[t]\nc = 4\n[u]\nd = 5".parse().unwrap());
        assert_eq!(into, "a = 1\n[t]\nb = 2\nc = 4\n[u]\nd = 5".parse().unwrap());
    }

    fn preset(name: &str) -> Preset {
        Preset::read(&crate::sh::root().join("data/recipes"), name).unwrap()
    }

    fn rows(table: &str) -> Vec<PaperRow> {
        paper::read(&crate::sh::root().join(format!("data/paper/{table}.csv"))).unwrap()
    }

    fn planned(preset_name: &str, table: &str) -> Vec<Planned> {
        preset(preset_name).plan(&rows(table), 1, |_| true).unwrap()
    }

    fn first_run(row: &Planned) -> Option<Run> {
        match &row.plan {
            Plan::Run(job) => job.runs.first().cloned(),
            _ => None,
        }
    }

    #[test]
    fn shipped_presets_cover_their_rows() {
        // In `paper` the released form of TKS has a row of its own beside each that is trained.
        for (name, runs) in
            [("mini", [3, 1, 0, 12]), ("cpu", [3, 1, 0, 12]), ("paper", [16, 4, 24, 36])]
        {
            let preset = preset(name);
            assert_eq!(preset.name, name);
            for (table, runs) in ["table1", "table2", "table3", "table4"].iter().zip(runs) {
                let of = |at_hand| preset.plan(&rows(table), 2, |_| at_hand).unwrap();
                let count = |is: fn(&Plan) -> bool, at_hand| {
                    of(at_hand).iter().filter(|row| is(&row.plan)).count()
                };
                let two = |plan: &Plan| matches!(plan, Plan::Run(job) if job.runs.len() == 2);
                assert_eq!((count(two, true), count(two, false)), (runs, 0), "{name} {table}");
                let waits = |plan: &Plan| matches!(plan, Plan::Waits(_));
                assert_eq!((count(waits, true), count(waits, false)), (0, runs), "{name} {table}");
                // The paper's own preset leaves nothing out, and what is cited is never trained.
                let needs = count(|plan| matches!(plan, Plan::Needs(_)), true);
                assert!(name != "paper" || needs == 0, "{table}");
                let is_cited = |row: &&Planned| matches!(row.paper.origin, Origin::Cited(_));
                let all = of(true);
                let cited: Vec<_> = all.iter().filter(is_cited).collect();
                assert!(cited.iter().all(|row| matches!(row.plan, Plan::Cited(_))), "{cited:?}");
                assert!(cited.iter().all(|row| row.remarks.is_empty()));
            }
        }
    }

    #[test]
    fn every_preset_says_its_form_of_tks_and_what_is_inferred() {
        for (name, method, kind, n) in [
            ("mini", "TKS", "tks", 3),
            ("cpu", "TKS", "tks", 3),
            ("paper", "TKS", "tks-paper", 8),
            ("paper", "TKS released", "tks", 8),
        ] {
            let planned = planned(name, "table4");
            let of_method = planned.iter().filter(|row| row.paper.method == method);
            let losses: Vec<Value> =
                of_method.filter_map(first_run).map(|run| run.recipe["loss"].clone()).collect();
            assert_eq!(losses.len(), n, "{name} {method}");
            for loss in losses {
                assert_eq!(loss["kind"].as_str(), Some(kind), "{name} {method}");
                assert!(loss.get("alpha").is_some() && loss.get("temperature").is_some());
            }
        }
        let says = |table: &str, of: &str, text: &str| {
            let all = planned("paper", table);
            let mut remarks = all.iter().flat_map(|row| &row.remarks);
            assert!(remarks.any(|r| r.of == of && r.text.contains(text)), "{table} {of}");
        };
        says("table4", "TET", "inferred");
        says("table1", "CIFAR10", "inferred");
        says("table1", "ImageNet-1K", "neither source");
        for set in ["CUB-200-2011", "StanfordDogs", "StanfordCars"] {
            says("table3", set, "T 4, rate, epochs");
        }
    }

    #[test]
    fn a_row_of_two_tables_is_one_run_and_rows_without_a_star_have_their_own() {
        for name in ["mini", "cpu", "paper"] {
            let runs = |table: &str| {
                planned(name, table)
                    .into_iter()
                    .filter_map(|row| Some((row.paper.starred(), first_run(&row)?)))
                    .collect::<Vec<_>>()
            };
            let fourth: Vec<Run> = runs("table4").into_iter().map(|(_, run)| run).collect();
            for (method, run) in [runs("table1"), runs("table2")].concat() {
                let same = fourth.iter().find(|other| other.name == run.name);
                match run.name.contains("-plain-") {
                    true => assert!(same.is_none() && !method.contains('*'), "{}", run.name),
                    false => assert_eq!(same.map(|r| &r.recipe), Some(&run.recipe), "{}", run.name),
                }
            }
        }
        let names: Vec<String> =
            planned("mini", "table1").iter().filter_map(first_run).map(|run| run.name).collect();
        let expected = ["resnet19-plain-tks", "resnet19-tks", "sew-resnet19-tks"];
        assert_eq!(names, expected.map(|name| format!("fashion-mnist-{name}-seed42")));
    }

    #[test]
    fn two_rows_that_would_share_a_folder_are_refused() {
        let rows = rows("table4");
        let twice = [rows.clone(), vec![rows[0].clone()]].concat();
        let error = preset("mini").plan(&twice, 1, |_| true).unwrap_err().to_string();
        assert!(error.contains("fashion-mnist-resnet19-baseline-seed42"), "{error}");
    }
}

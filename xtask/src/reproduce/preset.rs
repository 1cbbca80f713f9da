//! A preset: which rows of a table run on which data with which recipe, from `data/recipes/<table>-<preset>.toml`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use toml::{Table, Value};

use super::paper::PaperRow;
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

/// A row of the paper and what is done about it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The paper's row.
    pub paper: PaperRow,
    /// What of the method's recipe no source states.
    pub remark: String,
    /// What is done.
    pub plan: Plan,
}

/// What is done about a row.
#[derive(Clone, Debug)]
pub enum Plan {
    /// It is trained.
    Run(Job),
    /// It cannot be: what is missing.
    Needs(String),
}

/// The runs of a row.
#[derive(Clone, Debug)]
pub struct Job {
    /// The data set that is trained on.
    pub dataset: String,
    /// Its folder below the data folder.
    pub folder: String,
    /// One for each seed.
    pub runs: Vec<Run>,
}

/// One training run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The name of its folder.
    pub name: String,
    /// Its seed.
    pub seed: i64,
    /// Its whole recipe.
    pub recipe: Table,
}

impl Preset {
    /// Reads a preset from the folder of recipes.
    ///
    /// # Errors
    /// When there is no such preset or its file lacks something.
    pub fn read(folder: &Path, table: &str, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(format!("{table}-{name}.toml"));
        ensure!(path.is_file(), "no preset `{name}` for {table}: there is no {}", path.display());
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
        let plan = |row: &PaperRow| -> anyhow::Result<Plan> {
            let Some(group) = self.group(row)? else {
                return Ok(Plan::Needs(row.dataset.clone()));
            };
            let (dataset, folder) = (string(group, "dataset")?, string(group, "folder")?);
            if !at_hand(&folder) {
                return Ok(Plan::Needs(format!("{dataset} in a folder {folder}")));
            }
            let recipe = self.recipe(group, row, &dataset)?;
            let first =
                recipe.get("seed").and_then(Value::as_integer).context("no seed in [base]")?;
            let of_seed = |i: i64| {
                let (seed, mut recipe) = (first + i, recipe.clone());
                recipe.insert("seed".into(), seed.into());
                Run { name: folder_name(&dataset, row, seed), seed, recipe }
            };
            let runs = (0..seeds as i64).map(of_seed).collect();
            Ok(Plan::Run(Job { dataset, folder, runs }))
        };
        let mut names = BTreeSet::new();
        let mut planned = Vec::new();
        for row in &self.with_others(rows) {
            let plan = plan(row).with_context(|| format!("for {}", row.title()))?;
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
            let remark = self.of_method(&row.method, "remark").unwrap_or_default().into();
            planned.push(Planned { paper: row.clone(), remark, plan });
        }
        Ok(planned)
    }

    /// A method's text of that name.
    fn of_method(&self, method: &str, key: &str) -> Option<&str> {
        self.methods.get(method)?.get(key)?.as_str()
    }

    /// The paper's rows, with those beside them.
    fn with_others(&self, rows: &[PaperRow]) -> Vec<PaperRow> {
        let others = |row: &PaperRow| {
            let names = self
                .methods
                .keys()
                .filter(|name| self.of_method(name, "beside") == Some(&row.method));
            names.map(|name| PaperRow { method: name.clone(), ..row.clone() }).collect::<Vec<_>>()
        };
        rows.iter().flat_map(|row| [vec![row.clone()], others(row)].concat()).collect()
    }

    fn group(&self, row: &PaperRow) -> anyhow::Result<Option<&Table>> {
        for group in &self.groups {
            let networks = group.get("architectures").and_then(Value::as_array);
            let networks = networks.context("a group has no architectures")?;
            let network = networks.iter().any(|n| n.as_str() == Some(&row.architecture));
            if network && string(group, "paper_dataset")? == row.dataset {
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

/// The folder of a run: what is trained on, not the paper's data set beside which the figures stand.
fn folder_name(dataset: &str, row: &PaperRow, seed: i64) -> String {
    as_folder(&format!("{dataset} {} {} seed{seed}", row.architecture, row.method))
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

    #[test]
    fn later_values_replace_earlier_ones() {
        let mut into: Table = "a = 1\n[t]\nb = 2\nc = 3".parse().unwrap();
        merge(&mut into, &"[t]\nc = 4\n[u]\nd = 5".parse().unwrap());
        assert_eq!(into, "a = 1\n[t]\nb = 2\nc = 4\n[u]\nd = 5".parse().unwrap());
    }

    #[test]
    fn shipped_presets_cover_their_rows() {
        let root = crate::sh::root();
        let rows = crate::reproduce::paper::read(&root.join("data/paper/table4.csv")).unwrap();
        for (name, runs) in [("mini", 12), ("cpu", 12), ("paper", 36)] {
            let preset = Preset::read(&root.join("data/recipes"), "table4", name).unwrap();
            assert_eq!(preset.name, name);
            let count = |at_hand: bool| {
                let planned = preset.plan(&rows, 2, |_| at_hand).unwrap();
                planned
                    .iter()
                    .filter(|row| matches!(&row.plan, Plan::Run(job) if job.runs.len() == 2))
                    .count()
            };
            assert_eq!((count(true), count(false)), (runs, 0), "{name}");
        }
        let preset = Preset::read(&root.join("data/recipes"), "table4", "mini").unwrap();
        let planned = preset.plan(&rows, 1, |_| true).unwrap();
        let Plan::Run(job) = &planned[0].plan else { panic!("{:?}", planned[0]) };
        assert_eq!(job.runs[0].name, "fashion-mnist-resnet19-baseline-seed42");
        assert!(
            planned.iter().any(|row| row.paper.method == "TET" && row.remark.contains("inferred"))
        );
        // Which form of TKS each preset trains: the released one, and in `paper` the printed one with the other beside it.
        let form = |name: &str, method: &str| {
            let preset = Preset::read(&root.join("data/recipes"), "table4", name).unwrap();
            let planned = preset.plan(&rows, 1, |_| true).unwrap();
            let of_method = planned.iter().filter(|row| row.paper.method == method);
            let recipes = of_method.filter_map(|row| match &row.plan {
                Plan::Run(job) => Some(job.runs[0].recipe.clone()),
                Plan::Needs(_) => None,
            });
            recipes.map(|recipe| recipe["loss"].clone()).collect::<Vec<_>>()
        };
        for (name, method, kind, rows) in [
            ("mini", "TKS", "tks", 3),
            ("cpu", "TKS", "tks", 3),
            ("paper", "TKS", "tks-paper", 8),
            ("paper", "TKS released", "tks", 8),
        ] {
            let losses = form(name, method);
            assert_eq!(losses.len(), rows, "{name} {method}");
            for loss in losses {
                assert_eq!(loss["kind"].as_str(), Some(kind), "{name} {method}");
                assert!(loss.get("alpha").is_some() && loss.get("temperature").is_some());
            }
        }
        // Two rows on one data set would share a folder.
        let twice = [rows.clone(), vec![rows[0].clone()]].concat();
        let error = preset.plan(&twice, 1, |_| true).unwrap_err().to_string();
        assert!(error.contains("fashion-mnist-resnet19-baseline-seed42"), "{error}");
    }
}

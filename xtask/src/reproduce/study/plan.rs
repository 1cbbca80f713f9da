//! A study's file, `data/studies/<name>.toml`: methods side by side on real data.
//!
//! Every row runs on every set, once for each of the set's repeats. A run's recipe is put together from `base`, the set's
//! `recipe`, the row's `recipe`, the set's `method.<row>` and the repeat, a later value replacing an earlier one. The first row of a set is what the
//! others are compared with.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use toml::{Table, Value};

use crate::files;
use crate::reproduce::preset::{Run, as_folder, merge, string, table};

/// A whole study.
#[derive(Clone, Debug)]
pub struct Study {
    /// Its name, that of its file.
    pub name: String,
    /// What it asks, in a line.
    pub title: String,
    /// What a reader has to know before the figures.
    pub note: String,
    /// The data sets.
    pub sets: Vec<Set>,
    /// What is measured of every finished run besides its last epoch.
    pub tests: Vec<Test>,
}

/// A data set and the rows that run on it.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its name in the tables.
    pub name: String,
    /// The folder of its files, below the data folder.
    pub folder: String,
    /// The methods, the first of which is the baseline.
    pub rows: Vec<Row>,
}

/// A method on a set.
#[derive(Clone, Debug)]
pub struct Row {
    /// The method's name.
    pub method: String,
    /// One for each repeat.
    pub runs: Vec<Run>,
}

/// Another evaluation of finished networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its name in the tables.
    pub name: String,
    /// What `snn eval` is told.
    pub args: Vec<String>,
    /// The sets that it is made on; all where empty.
    pub sets: Vec<String>,
}

impl Study {
    /// Reads the study of that name from the folder of studies.
    ///
    /// # Errors
    /// When there is none or its file lacks something, naming it.
    pub fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(format!("{name}.toml"));
        Self::parse(name, &files::read(&path)?).with_context(|| format!("in {}", path.display()))
    }

    /// Reads a study's text.
    ///
    /// # Errors
    /// When it is not TOML, lacks something, or two runs would share a folder.
    pub fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let file: Table = text.parse()?;
        let (base, rows) = (table(&file, "base"), tables(&file, "row"));
        let sets: Vec<Set> = tables(&file, "set")
            .iter()
            .map(|one| set(&base, one, &rows))
            .collect::<anyhow::Result<_>>()?;
        let runs = sets.iter().flat_map(|set| &set.rows).flat_map(|row| &row.runs);
        let mut names = BTreeSet::new();
        for run in runs {
            ensure!(
                names.insert(&run.name),
                "two runs are called {}; give rows and sets other names",
                run.name
            );
        }
        ensure!(!names.is_empty(), "no [[set]] with a repeat, or no [[row]]");
        let tests = tables(&file, "test").iter().map(test).collect::<anyhow::Result<_>>()?;
        let (title, note) = (string(&file, "title")?, string(&file, "note")?);
        Ok(Self { name: name.into(), title, note, sets, tests })
    }
}

fn set(base: &Table, set: &Table, rows: &[Table]) -> anyhow::Result<Set> {
    let name = string(set, "name")?;
    let repeats = tables(set, "repeat");
    ensure!(
        !repeats.is_empty(),
        "the set {name} has no repeat; give it at least `repeat = [{{ seed = 42 }}]`"
    );
    let only = words(set, "rows");
    for asked in &only {
        let known = rows.iter().any(|row| row.get("name").and_then(Value::as_str) == Some(asked));
        ensure!(known, "the set {name} asks for a row {asked}, which is not there");
    }
    let mut all = Vec::new();
    for row in rows {
        let method = string(row, "name")?;
        if !only.is_empty() && !only.contains(&method) {
            continue;
        }
        let run = |(i, repeat): (usize, &Table)| {
            let mut recipe = base.clone();
            let own = table(&table(set, "method"), &method);
            for over in [&table(set, "recipe"), &table(row, "recipe"), &own, repeat] {
                merge(&mut recipe, over);
            }
            let seed = recipe.get("seed").and_then(Value::as_integer).unwrap_or(42);
            Run { name: as_folder(&format!("{name} {method} {}", i + 1)), seed, recipe }
        };
        all.push(Row { runs: repeats.iter().enumerate().map(run).collect(), method });
    }
    Ok(Set { folder: string(set, "folder")?, name, rows: all })
}

fn test(test: &Table) -> anyhow::Result<Test> {
    Ok(Test { name: string(test, "name")?, args: words(test, "args"), sets: words(test, "sets") })
}

fn tables(of: &Table, key: &str) -> Vec<Table> {
    let all = of.get(key).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_table).cloned().collect()
}

fn words(of: &Table, key: &str) -> Vec<String> {
    let all = of.get(key).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        title = "t"
        note = "n"
        base = { seed = 1, train = { batch = 8 } }
        row = [{ name = "LIF" }, { name = "Gate", recipe = { model = { parts = { a = true } } } }]
        test = [{ name = "T = 1", args = ["--t-steps", "1"] }]
        [[set]]
        name = "x"
        folder = "f"
        recipe = { data = { name = "cwru" } }
        method = { Gate = { model = { width = 2 } } }
        repeat = [{ seed = 42 }, { seed = 43 }]
        [[set]]
        name = "y"
        folder = "f"
        rows = ["LIF"]
        repeat = [{ data = { split = "a" } }]
    "#;

    #[test]
    fn every_row_runs_on_every_set_once_a_repeat() {
        let study = Study::parse("s", TEXT).unwrap();
        let runs = study.sets.iter().flat_map(|set| &set.rows).flat_map(|row| &row.runs);
        let told: Vec<_> = runs.map(|run| (run.name.as_str(), run.seed)).collect();
        let expected =
            [("x-lif-1", 42), ("x-lif-2", 43), ("x-gate-1", 42), ("x-gate-2", 43), ("y-lif-1", 1)];
        assert_eq!(told, expected);
        let recipe = &study.sets[0].rows[1].runs[1].recipe;
        let whole = "seed = 43\n[train]\nbatch = 8\n[data]\nname = \"cwru\"\n[model]\nwidth = 2\nparts = { a = true }".parse().unwrap();
        assert_eq!(recipe, &whole);
        assert_eq!(study.tests[0].args, ["--t-steps", "1"]);
        for (from, to, why) in [
            ("\"LIF\"]", "\"PLIF\"]", "row PLIF"),
            ("name = \"y\"", "name = \"x\"", "two runs are called x-lif-1"),
            ("title = \"t\"", "", "no title"),
            ("repeat = [{ seed = 42 }, { seed = 43 }]", "", "no repeat"),
        ] {
            let error = Study::parse("s", &TEXT.replace(from, to)).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }

    #[test]
    fn shipped_studies_are_whole() {
        let folder = crate::sh::root().join("data/studies");
        let mut seen = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                Study::read(&folder, &name).unwrap();
                seen += 1;
            }
        }
        assert!(seen > 0);
    }
}

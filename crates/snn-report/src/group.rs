//! Finished runs of one recipe but for the seed, which stand for one row of figures.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::{Run, Series};

/// Runs that go by one name.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The runs, in the order in which they were given.
    pub runs: Vec<Run>,
}

impl Group {
    /// Its runs as sections show them.
    pub fn series(&self) -> Series<'_> {
        Series {
            name: &self.name,
            runs: self.runs.iter().map(|run| run.epochs.as_slice()).collect(),
            found: self.runs.iter().filter_map(|run| run.evaluation.as_ref().ok()).collect(),
        }
    }
}

/// Puts finished runs together whose recipes differ in the seed alone, in the order of their first; a run that is not
/// finished stands alone. A group is called what its runs' names have in common.
pub fn groups(runs: Vec<Run>) -> Vec<Group> {
    let mut recipes: Vec<Option<Table>> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for run in runs {
        let mut recipe = run.recipe.clone();
        recipe.remove("seed");
        // How often a run is written down or measured makes it no other.
        if let Some(Value::Table(train)) = recipe.get_mut("train") {
            ["eval_every", "checkpoint_every", "keep", "keep_best", "workers", "log_steps"]
                .iter()
                .for_each(|key| drop(train.remove(*key)));
        }
        let recipe = run.result.is_some().then_some(recipe);
        let same = recipes.iter().position(|other| recipe.is_some() && *other == recipe);
        match same {
            Some(at) => groups[at].runs.push(run),
            None => {
                recipes.push(recipe);
                groups.push(Group { name: String::new(), runs: vec![run] });
            }
        }
    }
    let mut taken = BTreeSet::new();
    for group in &mut groups {
        let short = shared(&group.runs.iter().map(Run::name).collect::<Vec<_>>());
        let paths: Vec<String> =
            group.runs.iter().map(|r| r.folder.display().to_string()).collect();
        let name = if short.is_empty() || taken.contains(&short) { shared(&paths) } else { short };
        group.name = if name.is_empty() { paths.join(", ") } else { name };
        if group.runs.iter().any(|run| run.result.is_none()) {
            group.name += " (not finished)";
        }
        taken.insert(group.name.clone());
    }
    groups
}

/// What names begin with in common, without what only leads to a number: of `a-tks-seed42` and `a-tks-seed43`, `a-tks`.
fn shared(names: &[String]) -> String {
    let Some((first, rest)) = names.split_first() else { return String::new() };
    if rest.is_empty() {
        return first.clone();
    }
    let mut length = first.chars().count();
    for other in rest {
        length = length.min(first.chars().zip(other.chars()).take_while(|(a, b)| a == b).count());
    }
    let common: String = first.chars().take(length).collect();
    let end = |c: char| c.is_ascii_digit() || !c.is_alphanumeric();
    let common = common.trim_end_matches(end);
    common.strip_suffix("seed").unwrap_or(common).trim_end_matches(end).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_runs_have_in_common() {
        let of = |names: &[&str]| shared(&names.iter().map(|&n| n.into()).collect::<Vec<_>>());
        assert_eq!(of(&["a-tks-seed42", "a-tks-seed43"]), "a-tks");
        assert_eq!(of(&["lidar-both-1", "lidar-both-2"]), "lidar-both");
        assert_eq!(of(&["lidar-both-1"]), "lidar-both-1");
        assert_eq!(of(&["x", "y"]), "");
        assert_eq!(of(&["tks-ä-1", "tks-ä-2"]), "tks-ä");
    }
}

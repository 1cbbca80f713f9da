//! ARCHITECTURE.md's table of invariants names its guards: every one of them exists.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The names in backquotes in the table's column of guards.
fn guards(page: &str) -> Result<Vec<String>> {
    let (_, table) = page.split_once("\n| invariant | guard |\n").context("no such table")?;
    let lines = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let column = lines.filter_map(|line| line.trim_end_matches([' ', '|']).rsplit_once(" | "));
    let names = column.flat_map(|(_, guard)| guard.split('`').skip(1).step_by(2));
    Ok(names.map(str::to_owned).collect())
}

/// The functions of a source text that the test runner calls.
fn tests(source: &str) -> Vec<&str> {
    let after = source.split("#[test]\n").skip(1);
    after.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next()).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn every_guard_of_an_invariant_exists() -> Result<()> {
    let root = xtask::sh::root();
    let guards = guards(&fs::read_to_string(root.join("ARCHITECTURE.md"))?)?;
    ensure!(guards.len() >= 15, "the table's form has changed: {guards:?}");
    let mut files = Vec::new();
    for folder in ["crates", "tests", "xtask"] {
        sources(&root.join(folder), &mut files)?;
    }
    let texts: Vec<String> = files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    let tests: Vec<&str> = texts.iter().flat_map(|text| tests(text)).collect();
    let crates: Vec<PathBuf> =
        fs::read_dir(root.join("crates"))?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    for guard in guards {
        let exists = if let Some(command) = guard.strip_prefix("cargo xtask ") {
            let listed = |line: &str| line.trim_start().starts_with(&format!("{command} "));
            xtask::help::HELP.lines().any(listed)
        } else if guard.starts_with("snn ") {
            // A command line, which the tests of `snn` run.
            true
        } else {
            root.join(&guard).exists()
                || crates.iter().any(|of| of.join(&guard).exists())
                || tests.contains(&guard.as_str())
        };
        ensure!(exists, "ARCHITECTURE.md names the guard `{guard}`, which does not exist");
    }
    Ok(())
}

#[test]
fn names_of_guards_and_tests_are_found() -> Result<()> {
    let page = "text\n| invariant | guard |\n| --- | --- |\n| A `b` | `c_d`, run in `tests` |\n\n| x | `y` |\n";
    assert_eq!(guards(page)?, ["c_d", "tests"]);
    assert_eq!(tests("#[test]\n#[cfg(unix)]\nfn one() {}\nfn two() {}\n"), ["one"]);
    Ok(())
}

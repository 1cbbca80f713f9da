//! Which crate may import which: the layers of the workspace, checked against cargo's own view.

use std::collections::BTreeSet;

use anyhow::Context;

use crate::sh;

/// A crate and those of ours that it may import. A new arrow is a change of the design: edit ARCHITECTURE.md with it.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("snn-needs", &[]),
    ("snn-ops", &["snn-needs"]),
    ("snn-neuron", &["snn-needs", "snn-ops"]),
    ("snn-losses", &[]),
    ("snn-data", &["snn-needs"]),
    ("snn-hub", &[]),
    ("snn-models", &["snn-ops", "snn-neuron"]),
    ("snn-records", &[]),
    ("snn-report", &["snn-records"]),
    (
        "snn-train",
        &[
            "snn-needs",
            "snn-ops",
            "snn-neuron",
            "snn-losses",
            "snn-data",
            "snn-models",
            "snn-records",
        ],
    ),
    (
        "snn-cli",
        &[
            "snn-needs",
            "snn-ops",
            "snn-neuron",
            "snn-losses",
            "snn-data",
            "snn-hub",
            "snn-models",
            "snn-records",
            "snn-report",
            "snn-train",
        ],
    ),
    ("xtask", &["snn-needs", "snn-records", "snn-report"]),
    (
        "snn-tests",
        &[
            "snn-needs",
            "snn-ops",
            "snn-neuron",
            "snn-losses",
            "snn-data",
            "snn-hub",
            "snn-models",
            "snn-records",
            "snn-report",
            "snn-train",
            "snn-cli",
            "xtask",
        ],
    ),
];

/// What each crate must stay free of besides, with the reason.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("xtask", "candle-core", "developer commands build in seconds"),
    ("snn-data", "candle-core", "the data crate is used without tensors"),
    ("snn-hub", "candle-core", "files are moved, not understood"),
];

/// Every arrow that is not in the table; development dependencies count too.
///
/// # Errors
/// When cargo cannot describe the workspace.
pub fn check() -> anyhow::Result<Vec<String>> {
    compare(&sh::metadata(&["--no-deps"])?)
}

fn compare(about: &serde_json::Value) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let packages = about["packages"].as_array().context("cargo lists no packages")?;
    let ours: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            found.push(format!("{name}: not in the table of layers, xtask/src/tidy/arrows.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().context("a dependency has no name")?;
            if ours.contains(to) && !allowed.contains(&to) {
                found.push(format!("{name} must not import {to}: see ARCHITECTURE.md"));
            }
            if let Some((.., why)) =
                FOREIGN.iter().find(|(from, what, _)| (*from, *what) == (name, to))
            {
                found.push(format!("{name} must not import {to}: {why}"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    fn package(name: &str, dependencies: &[&str]) -> serde_json::Value {
        let dependencies: Vec<_> = dependencies.iter().map(|d| json!({"name": d})).collect();
        json!({"name": name, "dependencies": dependencies})
    }

    #[test]
    fn table_is_enforced() {
        let good = json!({"packages": [package("snn-ops", &["serde"]), package("snn-neuron", &["snn-ops"])]});
        assert!(super::compare(&good).unwrap().is_empty());
        let bad = json!({"packages": [
            package("snn-ops", &["snn-neuron"]), package("snn-neuron", &[]),
            package("xtask", &["candle-core"]), package("snn-new", &[]),
        ]});
        assert_eq!(super::compare(&bad).unwrap().len(), 3);
    }
}

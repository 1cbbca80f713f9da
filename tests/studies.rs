//! `cargo xtask reproduce STUDY` with a stand-in for `snn`.

use std::fs;

use anyhow::{Result, ensure};
use xtask::reproduce::{Options, reproduce};

use crate::stand_in::{Place, place};

const STUDY: &str = r#"
title = "t"
note = "n"
base = { train = { batch = 8 } }
row = [{ name = "LIF" }, { name = "Gate", recipe = { model = { parts = { a = true } } } }]
[[set]]
name = "x"
folder = "fashion-mnist"
recipe = { data = { name = "fashion_mnist" } }
repeat = [{ seed = 42 }, { seed = 43 }, { seed = 44 }]
"#;

/// A place with a study of six runs.
fn study(jobs: usize) -> Result<Place> {
    let mut place = place()?;
    fs::write(place.folder.path().join("data/studies/small.toml"), STUDY)?;
    place.options.jobs = jobs;
    Ok(place)
}

fn files(place: &Place) -> Result<[String; 2]> {
    let read = |name| fs::read_to_string(place.folder.path().join("runs/small").join(name));
    Ok([read("small.csv")?, read("small.md")?])
}

#[test]
fn a_study_is_the_same_however_many_run_at_once_and_whenever_it_is_interrupted() -> Result<()> {
    let whole = study(1)?;
    assert_eq!(reproduce("small", &whole.options)?.code, 0);
    let expected = files(&whole)?;
    // A head, and one row a run.
    ensure!(expected[0].lines().count() == 7 && expected[1].contains("Gate"), "{expected:?}");
    for jobs in [1, 2, 4] {
        for at in [None, Some(1), Some(4), Some(6)] {
            let place = study(jobs)?;
            if let Some(at) = at {
                place.end(130, at)?;
                let done = reproduce("small", &place.options)?;
                ensure!(done.code == 130 && done.table.is_none(), "{jobs} {at:?} {done:?}");
            }
            assert_eq!(reproduce("small", &place.options)?.code, 0);
            ensure!(files(&place)? == expected, "{jobs} at once, interrupted at {at:?}");
        }
    }
    Ok(())
}

#[test]
fn options_of_tables_are_refused() -> Result<()> {
    let place = study(1)?;
    let seeds = reproduce("small", &Options { seeds: 3, ..place.options.clone() });
    ensure!(seeds.is_err_and(|error| error.to_string().contains("--seeds")));
    Ok(())
}

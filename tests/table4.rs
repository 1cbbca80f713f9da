//! `cargo xtask reproduce table4` with a shell script in the place of `snn`: what is started, kept, continued, written.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask::reproduce::study::study;
use xtask::reproduce::{Done, Options, table4};

/// Writes the files that `snn train` leaves. A file `end-130` or `end-3` beside it makes it end so, once.
const STUB: &str = r#"#!/bin/sh
set -eu
here=$(dirname "$0"); recipe=$2; run=$6
echo "$@" >> "$here/calls"
mkdir -p "$run/checkpoint"; echo '{}' > "$run/run.json"
for code in 130 3; do
  if [ -e "$here/end-$code" ]; then rm "$here/end-$code"; exit $code; fi
done
name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$recipe"); seed=$(sed -n 's/^seed = //p' "$recipe")
line() {
  test='"top5":99,"aurc_softmax":30,"aurc_logit":31,"eaurc_softmax":1,"eaurc_logit":1,"per_step_top1":[],"cumulative_top1":[]'
  echo '{"epoch":'$1',"epochs":2,"step":8,"lr":0.1,"alpha":0,"train_loss":'$2',"train_top1":50,"test":{"n":10,"top1":'$3','$test'},"clock":{"seconds":1,"peak_rss_mb":100}}'
}
line 0 1.5 80.5 > "$run/metrics.jsonl"
line 1 0.5 84.5 >> "$run/metrics.jsonl"
cat > "$run/result.json" <<END
{"dataset":"$name","split":"$name/all","split_hash":"5eed","architecture":"stub","loss":"ce","t_steps":4,"seed":$seed,"engine":"stub",
 "precision":"f32","data_hash":"","recipe_hash":"","data":{},"n":10,"top1":$((seed + 40)).5,"top5":99.25,"aurc_softmax":30.125,"aurc_logit":31,
 "per_step_top1":[],"cumulative_top1":[],"best_top1":90,"best_epoch":1,"epochs":2,"seconds":1.5,"peak_rss_mb":100,"checkpoint":"checkpoint"}
END
"#;

struct Place {
    folder: tempfile::TempDir,
    options: Options,
}

/// A copy of what the command reads, in a folder of its own.
fn place() -> Result<Place> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().to_path_buf();
    fs::create_dir_all(root.join("data/fashion-mnist"))?;
    for part in ["paper", "recipes"] {
        let (from, to) = (xtask::sh::root().join("data").join(part), root.join("data").join(part));
        fs::create_dir(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    let snn = root.join("snn");
    fs::write(&snn, STUB)?;
    fs::set_permissions(&snn, fs::Permissions::from_mode(0o755))?;
    let options = Options { snn: Some(snn), ..Options::new(root) };
    Ok(Place { folder, options })
}

impl Place {
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_string).collect()
    }

    fn run(&self) -> Result<Done> {
        table4(&self.options)
    }

    fn out(&self, name: &str) -> Result<String> {
        let path = self.folder.path().join("runs/table4-mini").join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    fn csv(&self) -> Result<Vec<Vec<String>>> {
        let text = self.out("table4.csv")?;
        Ok(text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect())
    }
}

#[test]
fn twelve_rows_run_and_sixteen_say_what_they_need() -> Result<()> {
    let place = place()?;
    assert_eq!(place.run()?.code, 0);
    assert_eq!(place.calls().len(), 12);
    let csv = place.csv()?;
    assert_eq!((csv.len(), csv[0].len()), (29, 28));
    ensure!(csv.iter().all(|row| row.len() == 28), "{csv:?}");
    let needs = csv.iter().filter(|row| row[8].starts_with("needs "));
    let needs: Vec<&str> = needs.map(|row| row[8].as_str()).collect();
    assert_eq!(needs.len(), 16);
    ensure!(
        needs.contains(&"needs CIFAR100") && needs.contains(&"needs N-Caltech101"),
        "{needs:?}"
    );
    assert_eq!(csv[1][8..12], ["fashion_mnist", "fashion_mnist/all", "82.50", "99.25"]);
    // The loss by its name, the best epoch's figures, and what is inferred.
    assert_eq!(csv[1][21..], ["5eed", "ce", "90.00", "99.00", "30.00", "31.00", ""]);
    let tet = csv.iter().filter(|row| row[3] == "TET" && row[27].contains("lambda 0 is inferred"));
    assert_eq!(tet.count(), 7);
    let checkpoint = Path::new(&csv[1][20]);
    ensure!(place.folder.path().join(checkpoint).is_dir(), "{checkpoint:?}");
    // A run bears the name of what it was trained on, wherever its figures stand.
    let run = "runs/table4-mini/fashion-mnist-resnet19-baseline-seed42/checkpoint";
    ensure!(checkpoint == Path::new(run), "{checkpoint:?}");
    let page = place.out("report.html")?;
    ensure!(
        page.contains("<svg") && page.matches("<tr").count() == 30 + 1 + 3,
        "the report lacks something"
    );
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        ensure!(!page.contains(outside), "the report asks for {outside}");
    }
    Ok(())
}

#[test]
fn second_time_nothing_runs_and_nothing_changes() -> Result<()> {
    let place = place()?;
    place.run()?;
    let before = crate::util::tree(&place.folder.path().join("runs"))?;
    assert_eq!(place.run()?.code, 0);
    assert_eq!(place.calls().len(), 12);
    ensure!(crate::util::tree(&place.folder.path().join("runs"))? == before, "something changed");
    Ok(())
}

#[test]
fn options_are_obeyed_or_refused() -> Result<()> {
    let place = place()?;
    let options = place.options.clone();
    let listed = table4(&Options { dry_run: true, ..options.clone() })?;
    let table = listed.table.unwrap_or_default();
    ensure!(table.contains("CIFAR10 resnet19 TKS: fashion-mnist-resnet19-tks-seed42"), "{table}");
    ensure!(table.contains("needs CIFAR100") && table.lines().count() == 28, "{table}");
    assert_eq!(place.calls().len(), 0);
    ensure!(table4(&Options { only: Some("x".into()), ..options.clone() }).is_err());
    let seeds = study("mra", &Options { seeds: 3, ..options.clone() });
    ensure!(seeds.is_err_and(|error| error.to_string().contains("--seeds")));
    let away = place.folder.path().join("away");
    assert_eq!(table4(&Options { runs: Some(away.clone()), ..options })?.code, 0);
    ensure!(away.join("table4.csv").is_file() && !place.folder.path().join("runs").exists());
    Ok(())
}

#[test]
fn interrupted_run_goes_on() -> Result<()> {
    let place = place()?;
    fs::write(place.folder.path().join("end-130"), "")?;
    let done = place.run()?;
    ensure!(done.code == 130 && done.table.is_none(), "{done:?}");
    assert_eq!(place.calls().len(), 1);
    assert_eq!(place.run()?.code, 0);
    let calls = place.calls();
    assert_eq!(calls.len(), 13);
    ensure!(calls[1].ends_with("--resume") && !calls[2].ends_with("--resume"), "{calls:?}");
    Ok(())
}

#[test]
fn diverged_run_leaves_its_row_empty() -> Result<()> {
    let place = place()?;
    fs::write(place.folder.path().join("end-3"), "")?;
    assert_eq!(place.run()?.code, 1);
    assert_eq!(place.calls().len(), 12);
    let csv = place.csv()?;
    ensure!(csv[1][8].starts_with("fashion_mnist: no result in runs/"), "{:?}", csv[1]);
    Ok(())
}

#[test]
fn changed_recipe_sets_the_old_run_aside() -> Result<()> {
    let place = place()?;
    place.run()?;
    let preset = place.folder.path().join("data/recipes/table4-mini.toml");
    let text = fs::read_to_string(&preset)?;
    let changed = text.replace("epsilon = 0.1", "epsilon = 0.2");
    ensure!(changed != text, "the preset has another epsilon");
    fs::write(&preset, changed)?;
    assert_eq!(place.run()?.code, 0);
    // The three label smoothing rows.
    assert_eq!(place.calls().len(), 15);
    let old = place.folder.path().join("runs/table4-mini/old");
    assert_eq!(fs::read_dir(old)?.count(), 3);
    Ok(())
}

#[test]
fn several_seeds_give_mean_and_spread() -> Result<()> {
    let mut place = place()?;
    place.options.seeds = 3;
    place.run()?;
    assert_eq!(place.calls().len(), 36);
    let csv = place.csv()?;
    // 82.5, 83.5, 84.5
    assert_eq!([&csv[1][10], &csv[1][14], &csv[1][15]], ["83.50", "3", "1.00"]);
    Ok(())
}

#[test]
fn presets_without_their_data_say_so() -> Result<()> {
    let mut place = place()?;
    for preset in ["cpu", "paper"] {
        place.options.preset = preset.into();
        let done = place.run()?;
        ensure!(
            done.code == 1 && done.table.is_some_and(|t| t.contains("needs cifar10 in")),
            "{preset}"
        );
    }
    assert_eq!(place.calls().len(), 0);
    place.options.preset = "huge".into();
    ensure!(place.run().is_err(), "an unknown preset is an error");
    Ok(())
}

//! `cargo xtask reproduce fig3|fig4|fig5` with a shell script in the place of `snn`: what is trained, measured, kept, drawn.

#![cfg(unix)]

use std::fs;

use anyhow::{Context, Result, ensure};
use xtask::reproduce::figures::figure;
use xtask::reproduce::{Done, Options};

use crate::stand_in::{Place, place_with};

/// Trains to an accuracy of 10 times the steps, and answers `eval` by the way and the steps that it is told. A file `end-130`
/// or `fail-eval` beside it makes it end so, once.
const STUB: &str = r#"#!/bin/sh
set -eu
here=$(dirname "$0"); echo "$@" >> "$here/calls"
if [ "$1" = train ]; then
  if [ -e "$here/end-130" ]; then rm "$here/end-130"; exit 130; fi
  t=$(sed -n 's/^t_steps = //p' "$2"); seed=$(sed -n 's/^seed = //p' "$2"); run=$6
  mkdir -p "$run/checkpoint"; echo '{}' > "$run/run.json"; : > "$run/metrics.jsonl"
  echo '{}' > "$run/checkpoint/config.json"; echo "$6" > "$run/checkpoint/model.safetensors"
  cat > "$run/result.json" <<END
{"dataset":"d","split":"s","architecture":"a","loss":"ce","t_steps":$t,"seed":$seed,"engine":"e","precision":"f32","data_hash":"",
 "recipe_hash":"","data":{},"n":10,"top1":$t.5,"top5":99,"aurc_softmax":30,"aurc_logit":31,"per_step_top1":[$seed,50,75.5],
 "cumulative_top1":[],"best_top1":90,"best_epoch":1,"epochs":2,"seconds":1.5,"peak_rss_mb":100,"checkpoint":"checkpoint"}
END
  exit 0
fi
if [ -e "$here/fail-eval" ]; then rm "$here/fail-eval"; exit 2; fi
steps=0; way=1
while [ $# -gt 0 ]; do
  case "$1" in
    --t-steps) steps=$2;; --steps-by) [ "$2" = rebin ] && way=2 || way=3;;
    --features) cp "$here/features.npy" "$2";; --predictions) cp "$here/predictions.csv" "$2";;
  esac
  shift
done
echo '{"top1":'$way$steps'}'
"#;

fn place() -> Result<Place> {
    place_with(STUB)
}

fn draw(place: &Place, name: &str) -> Result<Done> {
    figure(name, &place.options)
}

fn out(place: &Place, path: &str) -> Result<String> {
    let path = place.folder.path().join("runs").join(path);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn order(place: &Place, what: &str) -> Result<()> {
    Ok(fs::write(place.folder.path().join(what), "")?)
}

#[test]
fn figure_3_tests_every_number_of_steps_and_survives_being_killed() -> Result<()> {
    let place = place()?;
    // Cut while it trains, and while it measures.
    order(&place, "end-130")?;
    ensure!(draw(&place, "fig3")?.code == 130 && place.calls().len() == 1);
    order(&place, "fail-eval")?;
    ensure!(draw(&place, "fig3").is_err(), "an evaluation that fails is no figure");
    assert_eq!(draw(&place, "fig3")?.code, 0);
    // Two networks of ten steps and nine of fewer, one twice; two networks tested in two ways at ten numbers, one twice.
    assert_eq!(place.calls().len(), 12 + 41);
    let (csv, page) = (out(&place, "fig3-mini/fig3.csv")?, out(&place, "fig3-mini/report.html")?);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 40 + 10);
    let dataset = "fashion_mnist_dvs,vgg_snn";
    for line in ["Baseline,truncate,10,1,42,31.00", "TKS,rebin,10,10,42,210.00"] {
        ensure!(lines.contains(&&*format!("{dataset},{line}")), "{line}: {csv}");
    }
    for line in ["Baseline,matched,1,1,42,1.50", "Baseline,matched,10,10,42,10.50"] {
        ensure!(lines.contains(&&*format!("{dataset},{line}")), "{line}: {csv}");
    }
    ensure!(
        page.contains("nearly 33 points")
            && page.matches("<circle class=\"dot\" cx=\"12\"").count() == 5
    );
    // The paper's figures are told, not drawn.
    assert_eq!(page.matches("r=\"2.5\"").count(), 50);

    assert_eq!(draw(&place, "fig3")?.code, 0);
    ensure!(place.calls().len() == 53 && out(&place, "fig3-mini/fig3.csv")? == csv);
    ensure!(out(&place, "fig3-mini/report.html")? == page);
    // Another network in the place of one is measured anew, it alone.
    let run = place.folder.path().join("runs/mini/fashion-mnist-dvs-vgg-snn-tks-seed42");
    fs::write(run.join("checkpoint/model.safetensors"), "another")?;
    draw(&place, "fig3")?;
    ensure!(place.calls().len() == 53 + 20 && out(&place, "fig3-mini/fig3.csv")? == csv);
    Ok(())
}

#[test]
fn figure_4_shows_every_step_of_every_seed() -> Result<()> {
    let mut place = place()?;
    place.options.seeds = 2;
    let done = draw(&place, "fig4")?;
    ensure!(done.code == 0 && place.calls().len() == 4, "{done:?}");
    let csv = out(&place, "fig4-mini/fig4.csv")?;
    assert_eq!(csv.lines().count(), 1 + 2 * 3 * 2);
    ensure!(csv.contains("fashion_mnist_dvs,vgg_snn,TKS,3,43,75.50\n"), "{csv}");
    let text = done.table.context("no table")?;
    // Seeds 42 and 43 answer 42 % and 43 % at the first step.
    ensure!(text.contains("42.50 ± 0.71") && text.contains("needs N-Caltech101"), "{text}");
    Ok(())
}

#[test]
fn figure_5_has_a_dot_for_every_sample() -> Result<()> {
    let place = place()?;
    let (n, width) = (120, 3);
    let value = |i: usize| (i % 7) as f32 + if (i / width).is_multiple_of(2) { 0.0 } else { 40.0 };
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {width}), }}\n");
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    (0..n * width).for_each(|i| npy.extend(value(i).to_le_bytes()));
    fs::write(place.folder.path().join("features.npy"), npy)?;
    let name = |i: usize| ["\"a,<b>\"", "c"][i % 2];
    let line = |i: usize| format!("{i},{},{},0,x,1,0.5\n", i % 2, name(i));
    let head = "sample,label,label_name,predicted,predicted_name,correct,probability\n";
    let lines: String = (0..n).map(line).collect();
    fs::write(place.folder.path().join("predictions.csv"), format!("{head}{lines}"))?;

    let done = draw(&place, "fig5")?;
    assert_eq!((done.code, place.calls().len()), (0, 2 + 2));
    let (csv, page) = (out(&place, "fig5-mini/fig5.csv")?, out(&place, "fig5-mini/report.html")?);
    assert_eq!(csv.lines().count(), 1 + 2 * n);
    ensure!(csv.contains("fashion_mnist_dvs,vgg_snn,TKS,42,119,1,c,"), "{csv}");
    ensure!(csv.contains(",0,0,\"a,<b>\","), "{csv}");
    assert_eq!(page.matches("class=\"dot small\"").count(), 2 * n);
    ensure!(page.contains("a,&lt;b&gt;</li>") && page.contains("needs CIFAR100"));
    // Neighbours are of the same class.
    ensure!(done.table.is_some_and(|text| text.contains("100.00")));
    fs::remove_dir_all(place.folder.path().join("runs/fig5-mini"))?;
    draw(&place, "fig5")?;
    ensure!(
        out(&place, "fig5-mini/fig5.csv")? == csv && out(&place, "fig5-mini/report.html")? == page
    );
    Ok(())
}

#[test]
fn options_are_obeyed_or_refused() -> Result<()> {
    let place = place()?;
    let options = place.options.clone();
    let listed = figure("fig3", &Options { dry_run: true, ..options.clone() })?.table;
    let listed = listed.context("nothing listed")?;
    ensure!(
        listed.lines().count() == 11 && listed.contains("baseline-t9-seed42 to be trained"),
        "{listed}"
    );
    ensure!(
        place.calls().is_empty()
            && figure("fig3", &Options { fresh: true, ..options.clone() }).is_err()
    );
    let away = place.folder.path().join("away");
    assert_eq!(figure("fig4", &Options { runs: Some(away.clone()), ..options.clone() })?.code, 0);
    ensure!(away.join("fig4/report.html").is_file() && !place.folder.path().join("runs").exists());
    let nothing = figure("fig4", &Options { preset: "paper".into(), ..options })?;
    ensure!(
        nothing.code == 1 && nothing.table.is_some_and(|text| text.contains("needs dvs_cifar10"))
    );
    Ok(())
}

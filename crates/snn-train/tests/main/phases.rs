//! Runs of several phases.

use std::path::Path;

use snn_models::Model;
use snn_train::{EpochReport, Error, Recipe};

use crate::util::{STEPS, TINY, bytes, finish, interrupt_after, run, tiny};

/// Small images for one step, then a part of an epoch of the tiny run's own, then another loss from new moments.
const PHASES: &str = r#"
    log_steps = true
    [[phase]]
    epochs = 1
    data = { size = 16 }
    model = { t_steps = 1 }
    schedule = { warmup_epochs = 0, min_lr = 1e-3 }
    [[phase]]
    steps = 5
    data = { augment = { flip = true } }
    optimizer = { lr = 1e-3 }
    [[phase]]
    epochs = 1
    reset = true
    loss = { kind = "tet" }
    train = { batch = 12, eval_every = 2 }
"#;

fn phases(sets: &[&str]) -> Recipe {
    let text =
        format!("{}{PHASES}", TINY.replace("epochs = 2\n", "").replace("warmup_epochs = 1\n", ""));
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    Recipe::parse(&text, "phases", &sets).unwrap()
}

fn epochs(dir: &Path) -> Vec<EpochReport> {
    let text = std::fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_phase_has_its_own_settings() {
    let dir = tempfile::tempdir().unwrap();
    let result = finish(&phases(&[]), dir.path());
    let lines = epochs(dir.path());
    let told: Vec<_> = lines.iter().map(|line| (line.phase, line.step)).collect();
    assert_eq!(told, [(Some(0), 3), (Some(1), 6), (Some(1), 8), (Some(2), 10)]);
    assert!(lines.iter().all(|line| line.epochs == 4 && line.test.is_some()));
    let t_steps = |line: &EpochReport| line.test.as_ref().unwrap().per_step_top1.len();
    assert_eq!(lines.iter().map(t_steps).collect::<Vec<_>>(), [1, 2, 2, 2]);
    // The ramp counts the first three epochs, which share the loss.
    let alphas: Vec<f64> = lines.iter().map(|line| line.alpha).collect();
    assert_eq!(alphas, [0.0, 0.7 / 3.0, 0.7 * 2.0 / 3.0, 0.0]);
    assert_eq!((result.loss.as_str(), result.t_steps, result.best_epoch), ("tet", 2, 3));
    let of: Vec<_> =
        result.phases.iter().map(|p| (p.epochs, p.steps, p.t_steps, p.batch)).collect();
    assert_eq!(of, [(1, 3, 1, 8), (2, 5, 2, 8), (1, 2, 2, 12)]);
    let steps = std::fs::read_to_string(dir.path().join("steps.jsonl")).unwrap();
    assert_eq!(steps.lines().count(), 10);
    assert_eq!(Model::load(&result.checkpoint).unwrap().config().input.height, 8);
}

#[test]
fn interruption_after_any_step_changes_no_byte() {
    for sets in [&[][..], &["train.checkpoint_every=4", "train.keep=1"]] {
        let recipe = phases(sets);
        let whole = tempfile::tempdir().unwrap();
        finish(&recipe, whole.path());
        let mut expected = bytes(whole.path());
        let log = |dir: &Path| ("steps".into(), std::fs::read(dir.join("steps.jsonl")).unwrap());
        expected.push(log(whole.path()));
        for steps in 0..=10 {
            let dir = tempfile::tempdir().unwrap();
            assert_eq!(interrupt_after(&recipe, dir.path(), steps), steps);
            finish(&recipe, dir.path());
            let mut got = bytes(dir.path());
            got.push(log(dir.path()));
            assert!(got == expected, "{sets:?} after {steps}");
        }
    }
}

#[test]
fn one_phase_of_the_whole_run_is_a_run_without_phases() {
    let (plain, phased) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&tiny(&[]), plain.path());
    let text = format!("{}\n[[phase]]\nepochs = 2\n", TINY.replace(" epochs = 2\n", ""));
    finish(&Recipe::parse(&text, "phased", &[]).unwrap(), phased.path());
    let weights = |dir: &Path| std::fs::read(dir.join("checkpoint/model.safetensors")).unwrap();
    assert!(weights(plain.path()) == weights(phased.path()));
    assert_eq!(epochs(phased.path()).last().unwrap().step, STEPS);
}

#[test]
fn moments_are_forgotten_only_when_asked() {
    let run = |sets: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "{}\n[[phase]]\nepochs = 1\n[[phase]]\nepochs = 1\nreset = RESET\n",
            TINY.replace(" epochs = 2\n", "")
        );
        let recipe = Recipe::parse(&text.replace("RESET", sets[0]), "reset", &[]).unwrap();
        finish(&recipe, dir.path());
        std::fs::read(dir.path().join("checkpoint/model.safetensors")).unwrap()
    };
    assert!(run(&["true"]) != run(&["false"]));
}

#[test]
fn contradictions_are_named_by_phase() {
    let parse = |phases: &str| {
        let text = format!("{}{phases}", TINY.replace(" epochs = 2\n", ""));
        Recipe::parse(&text, "phases", &[]).unwrap_err()
    };
    for (phases, named) in [
        ("[[phase]]\n", "phase 1 epochs is absent; use epochs or steps"),
        ("[[phase]]\nepochs = 1\nsteps = 2\n", "phase 1 steps is 2; use it without epochs"),
        ("[[phase]]\nepochs = 1\n[[phase]]\nepochs = 0\n", "phase 2 epochs is 0"),
        ("[[phase]]\nsteps = 1\noptimizer = { lr = -1.0 }\n", "phase 1 optimizer.lr"),
        ("", "schedule.epochs is absent"),
    ] {
        let error = parse(phases);
        assert!(error.exit_code() == 1 && error.to_string().contains(named), "{error}");
    }
    let both = format!("{TINY}\n[[phase]]\nepochs = 1\n");
    let error = Recipe::parse(&both, "both", &[]).unwrap_err().to_string();
    assert!(error.contains("schedule.epochs is 2"), "{error}");
    let unknown = parse("[[phase]]\nepochs = 1\nseed = 3\n").to_string();
    assert!(unknown.contains("seed") && unknown.contains("line"), "{unknown}");
}

#[test]
fn a_network_whose_parameters_depend_on_the_size_has_one() {
    let text = format!(
        "{}\n[[phase]]\nepochs = 1\n[[phase]]\nepochs = 1\ndata = {{ size = 32 }}\n",
        TINY.replace(" epochs = 2\n", "")
    );
    let sets = ["model.architecture=vgg_snn".into(), "data.size=16".into()];
    let dir = tempfile::tempdir().unwrap();
    let error = run(&Recipe::parse(&text, "vgg", &sets).unwrap(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Setting { .. }), "{error}");
    assert!(error.to_string().contains("vgg_snn"), "{error}");
}

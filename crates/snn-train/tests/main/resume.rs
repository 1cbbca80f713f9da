//! Interruptions and damage: a run goes on to the same bytes, or says why it cannot.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use snn_train::{Error, Outcome, train};

use crate::util::{STEPS, bytes, finish, interrupt_after, names, options, run, tiny};

#[test]
fn interruption_after_any_step_changes_no_byte() {
    for sets in
        [&[][..], &["train.checkpoint_every=2"], &["train.checkpoint_every=4", "train.keep=1"]]
    {
        let recipe = tiny(sets);
        let whole = tempfile::tempdir().unwrap();
        finish(&recipe, whole.path());
        let expected = bytes(whole.path());
        for steps in 0..=STEPS {
            let dir = tempfile::tempdir().unwrap();
            assert_eq!(interrupt_after(&recipe, dir.path(), steps), steps);
            finish(&recipe, dir.path());
            assert!(bytes(dir.path()) == expected, "{sets:?} after {steps}");
        }
    }
}

#[test]
fn short_epochs_and_a_rate_by_step_resume_alike() {
    let recipe = tiny(&["schedule.per_step=true", "train.steps_per_epoch=2"]);
    let whole = tempfile::tempdir().unwrap();
    finish(&recipe, whole.path());
    for steps in 0..=4 {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(interrupt_after(&recipe, dir.path(), steps), steps);
        finish(&recipe, dir.path());
        assert!(bytes(dir.path()) == bytes(whole.path()), "after {steps}");
    }
    let by_epoch = tempfile::tempdir().unwrap();
    finish(&tiny(&["train.steps_per_epoch=2"]), by_epoch.path());
    assert_ne!(bytes(by_epoch.path())[1], bytes(whole.path())[1], "the rate did not move");
}

#[test]
fn interruption_after_every_step_changes_no_byte() {
    let whole = tempfile::tempdir().unwrap();
    finish(&tiny(&[]), whole.path());
    let dir = tempfile::tempdir().unwrap();
    for step in 1..=STEPS {
        assert_eq!(interrupt_after(&tiny(&[]), dir.path(), 1), step);
    }
    finish(&tiny(&[]), dir.path());
    assert_eq!(bytes(dir.path()), bytes(whole.path()));
}

#[test]
fn interruption_while_the_data_opens_leaves_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let stopped = train(&tiny(&[]), &options(dir.path()), &mut (), &AtomicBool::new(true));
    assert!(matches!(stopped.unwrap(), Outcome::Interrupted { step: None }));
    assert_eq!(names(dir.path()), ["lock"]);
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let result = finish(&tiny(&[]), dir.path());
    let all = |dir: &Path| -> Vec<_> {
        let files = names(dir).into_iter().filter(|name| name != "checkpoint");
        files.map(|name| std::fs::read(dir.join(name)).unwrap()).collect()
    };
    let before = all(dir.path());
    assert_eq!(finish(&tiny(&[]), dir.path()), result);
    assert_eq!(all(dir.path()), before);
}

#[test]
fn killed_between_any_two_files_finishes_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    finish(&tiny(&[]), dir.path());
    let expected = bytes(dir.path());
    // Without the result: killed while exporting. With strays: killed while writing them.
    std::fs::remove_file(dir.path().join("result.json")).unwrap();
    std::fs::remove_file(dir.path().join("checkpoint/config.json")).unwrap();
    for stray in
        [".MANIFEST.aB3dE6.tmp", "step-00000099.safetensors", "checkpoint/.config.json.000000.tmp"]
    {
        std::fs::File::create(dir.path().join(stray)).unwrap();
    }
    finish(&tiny(&[]), dir.path());
    assert_eq!(bytes(dir.path()), expected);
    assert!(!names(dir.path()).iter().any(|n| n.ends_with(".tmp") || n.contains("99")));
    let exported = ["SHA256SUMS", "config.json", "model.safetensors"];
    assert_eq!(names(&dir.path().join("checkpoint")), exported);
    // A line of metrics that came after the last checkpoint is cut off and written again.
    std::fs::remove_file(dir.path().join("result.json")).unwrap();
    let path = dir.path().join("metrics.jsonl");
    let mut text = std::fs::read(&path).unwrap();
    text.extend(b"{\"epoch\":2,\"ep");
    snn_train::write_atomic(&path, &text).unwrap();
    finish(&tiny(&[]), dir.path());
    assert_eq!(bytes(dir.path()), expected);
}

fn break_byte(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 1 << (at % 8);
    snn_train::write_atomic(path, &bytes).unwrap();
}

#[test]
fn damaged_checkpoint_falls_back_to_the_one_before() {
    let recipe = tiny(&["train.checkpoint_every=2"]);
    let whole = tempfile::tempdir().unwrap();
    finish(&recipe, whole.path());
    for at in [0, 9, 100, 40_001] {
        let dir = tempfile::tempdir().unwrap();
        interrupt_after(&recipe, dir.path(), 5);
        break_byte(&dir.path().join("step-00000005.safetensors"), at);
        finish(&recipe, dir.path());
        assert_eq!(bytes(dir.path()), bytes(whole.path()), "byte {at}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_state_that_is_not_finite_is_never_gone_on_from() {
    let recipe = tiny(&["train.checkpoint_every=2"]);
    for (bad, words) in [(f32::NAN, "is not finite"), (f32::INFINITY, "is not finite")] {
        let dir = tempfile::tempdir().unwrap();
        interrupt_after(&recipe, dir.path(), 5);
        // Each with its right hash, so that only its numbers speak against it.
        for step in [4, 5] {
            let path = dir.path().join(format!("step-0000000{step}.safetensors"));
            let mut bytes = std::fs::read(&path).unwrap();
            let old = sha256(&bytes);
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&bad.to_le_bytes());
            snn_train::write_atomic(&path, &bytes).unwrap();
            let path = dir.path().join("MANIFEST");
            let text = std::fs::read_to_string(&path).unwrap().replace(&old, &sha256(&bytes));
            snn_train::write_atomic(&path, text.as_bytes()).unwrap();
        }
        let error = run(&recipe, dir.path()).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains(words), "{error}");
    }
}

#[test]
fn any_changed_byte_of_a_state_is_found() {
    let recipe = tiny(&["train.checkpoint_every=2"]);
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("run");
    interrupt_after(&recipe, &dir, 5);
    let path = dir.join("step-00000005.safetensors");
    let whole = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    // Every bit of the length and of the header's beginning, and bytes from all over the file.
    let bits = (0..64).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let spread = (0..400).map(|k| (k * (whole.len() / 400), k % 8));
    let in_header = (64..header).step_by(97).map(|at| (at, at % 8));
    let mut found = 0;
    for (at, bit) in bits.chain(spread).chain(in_header) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), &bytes).unwrap();
        let error = snn_train::export_run(&dir, snn_train::Which::Last, &place.path().join("out"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("step-00000005.safetensors: has sha256"), "{at} {bit}: {error}");
        found += 1;
    }
    assert!(found > 900, "{found}");
}

#[test]
fn without_an_intact_checkpoint_nothing_is_trained() {
    let recipe = tiny(&["train.checkpoint_every=2"]);
    let dir = tempfile::tempdir().unwrap();
    interrupt_after(&recipe, dir.path(), 5);
    for step in [4, 5] {
        break_byte(&dir.path().join(format!("step-0000000{step}.safetensors")), 500);
    }
    let error = run(&recipe, dir.path()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("sha256"), "{error}");
}

#[test]
fn manifest_with_any_byte_changed_never_resumes_wrongly() {
    let recipe = tiny(&["train.checkpoint_every=2"]);
    let whole = tempfile::tempdir().unwrap();
    finish(&recipe, whole.path());
    let dir = tempfile::tempdir().unwrap();
    interrupt_after(&recipe, dir.path(), 5);
    let files: Vec<_> = names(dir.path())
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(dir.path().join(name)).unwrap()))
        .collect();
    let len = std::fs::metadata(dir.path().join("MANIFEST")).unwrap().len() as usize;
    for at in (0..len).step_by(7).chain(len - 34..len - 28) {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            snn_train::write_atomic(&dir.path().join(name), bytes).unwrap();
        }
        break_byte(&dir.path().join("MANIFEST"), at);
        match run(&recipe, dir.path()) {
            Ok(_) => assert_eq!(bytes(dir.path()), bytes(whole.path()), "byte {at}"),
            Err(error) => assert!(matches!(error, Error::Checkpoint { .. }), "byte {at}: {error}"),
        }
    }
}

#[test]
fn run_that_lost_its_manifest_loses_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    interrupt_after(&tiny(&["train.checkpoint_every=2"]), dir.path(), 5);
    std::fs::remove_file(dir.path().join("MANIFEST")).unwrap();
    let before = names(dir.path());
    let error = run(&tiny(&["train.checkpoint_every=2"]), dir.path()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("MANIFEST"), "{error}");
    assert_eq!(names(dir.path()), before);
}

#[test]
fn lost_export_of_a_finished_run_is_written_again_where_the_run_is_now() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    finish(&tiny(&[]), &old);
    let expected = bytes(&old);
    std::fs::rename(&old, &new).unwrap();
    assert_eq!(finish(&tiny(&[]), &new).checkpoint, new.join("checkpoint"));
    std::fs::remove_dir_all(new.join("checkpoint")).unwrap();
    finish(&tiny(&[]), &new);
    assert_eq!(bytes(&new), expected);
}

#[test]
fn start_that_fails_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let recipe = tiny(&["data.name=cifar10"]);
    assert_eq!(run(&recipe, &place.path().join("run")).unwrap_err().exit_code(), 2);
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn other_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    interrupt_after(&tiny(&[]), dir.path(), 1);
    let path = dir.path().join("run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let run_file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let hash = run_file["data_hash"].as_str().unwrap();
    let other = text.replace(hash, &"0".repeat(64));
    snn_train::write_atomic(&path, other.as_bytes()).unwrap();
    let error = run(&tiny(&[]), dir.path()).unwrap_err();
    assert!(matches!(error, Error::Identity { what: "data", .. }) && error.exit_code() == 2);
}

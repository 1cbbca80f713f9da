//! A full disk: exit code 5, the path in one line, and a run that goes on once there is room.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use snn_needs::{Need, skipped};

use crate::util::{self, TINY, ended, weights};

/// A small memory file system of one's own needs no more than a user namespace, where those are allowed.
fn may_mount() -> bool {
    let probe = "mount -t tmpfs -o size=64k none /mnt";
    Command::new("unshare")
        .args(["-rm", "sh", "-c", probe])
        .output()
        .is_ok_and(|o| o.status.success())
}

#[test]
fn full_disk_loses_nothing() -> Result<()> {
    if !may_mount() {
        skipped(Need::Tmpfs);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let text = format!("{TINY}keep = 1\n");
    let whole = util::train(folder.path(), "whole", &text, &[])?;
    let mut step = 0;
    for (path, bytes) in util::tree(&whole)? {
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("step-")) {
            step = step.max(bytes.len());
        }
    }
    ensure!(step > 0, "a finished run keeps its last checkpoint");

    // Room for one checkpoint and half of the next; later, room enough.
    let small = folder.path().join("small");
    fs::create_dir(&small)?;
    let out = folder.path().join("out");
    fs::create_dir_all(out.join("checkpoint"))?;
    let script = format!(
        r#"mount -t tmpfs -o size={size} none "$SMALL" || exit 99
           "$SNN" train "$RECIPE" --run "$SMALL/run" 2> "$OUT/first.err"; echo $? > "$OUT/first.code"
           mount -o remount,size=64m "$SMALL" || exit 98
           "$SNN" train "$RECIPE" --run "$SMALL/run" --resume || exit 97
           cp "$SMALL/run/checkpoint/model.safetensors" "$OUT/checkpoint/""#,
        size = step * 3 / 2 + (96 << 10)
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).env("SNN", util::snn()?);
    command.env("RECIPE", util::recipe(folder.path(), &text)?);
    command.env("SMALL", &small).env("OUT", &out);
    let ended = ended(command)?;
    let (code, err) =
        (fs::read_to_string(out.join("first.code"))?, fs::read_to_string(out.join("first.err"))?);
    ensure!(code.trim() == "5", "{code} {err}");
    ensure!(err.contains("small/run") && !err.contains("panicked"), "{err}");
    ensure!(ended.code == Some(0), "{ended:?}");
    ensure!(weights(&out)? == weights(&whole)?, "the run went on differently");
    Ok(())
}

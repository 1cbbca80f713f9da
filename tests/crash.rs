//! A run that is killed, refused by the disk or locked out: nothing is lost, and what is written is written in an order
//! that a power cut cannot break.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use snn_needs::{Need, skipped};
use xtask::crash::{Call, Crash, Fault, is_answered};

use crate::util::{self, TINY};

#[test]
fn a_run_goes_on_from_every_kill_and_every_error_of_the_disk() -> Result<()> {
    if !Need::Strace.is_here() {
        skipped(Need::Strace);
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    let crash = Crash::new(&util::snn()?, place.path())?;
    let calls = crash.calls()?;
    ensure!(calls.len() >= 60, "{} calls are too few to be a run's", calls.len());
    in_order(&calls)?;
    written_once(&calls)?;
    // `cargo xtask crash` meets them all.
    for call in calls.iter().step_by(11) {
        let met = crash.meet(call, Fault::Kill)?;
        ensure!(met.is_identical, "killed at {}: {met:?}", call.line);
    }
    let errors = ["ENOSPC", "EIO", "EDQUOT", "EACCES"];
    for (call, error) in calls.iter().skip(5).step_by(13).zip(errors.iter().cycle()) {
        let met = crash.meet(call, Fault::Error(error))?;
        ensure!(is_answered(&met), "{error} at {}: {met:?}", call.line);
    }
    Ok(())
}

/// The file of a call on a temporary file, by the name that it will have.
fn target(line: &str) -> Option<&str> {
    // The folder may be of the same ending.
    let (before, _) = line.split_once(".tmp\"")?;
    let (_, name) = before.rsplit_once("/.")?;
    Some(name.rsplit_once('.')?.0)
}

/// Every file is written beside its place, made durable, put in its place, and its name made durable; a state's line in
/// MANIFEST comes after the state, and the deletion of an older state after that.
fn in_order(calls: &[Call]) -> Result<()> {
    let is_rename = |call: &&Call| call.name.starts_with("rename");
    let syncs = |call: &Call, what: &str| call.name == "fsync" && call.line.contains(what);
    let mut durable: Vec<&str> = Vec::new();
    let mut states = 0;
    for (at, call) in calls.iter().enumerate() {
        let line = call.line.as_str();
        if call.name.starts_with("rename") {
            let name = target(line).context(line.to_string())?;
            let place = line.rsplit('"').nth(1).and_then(|place| Path::new(place).parent());
            let folder = format!("{}>", place.context("no folder")?.display());
            // Threads may have calls in between, but nobody renames.
            let mut before = calls[..at].iter().rev().take_while(|call| !is_rename(call));
            let mut after = calls[at + 1..].iter().take_while(|call| !is_rename(call));
            ensure!(before.any(|call| syncs(call, name)), "{line} before its bytes are durable");
            ensure!(
                after.any(|call| syncs(call, &folder)),
                "{line} and its name is not made durable"
            );
            if name == "MANIFEST" && states > 0 {
                let before = durable.last().copied().unwrap_or_default();
                ensure!(
                    before.starts_with("step-") || before == "run.json",
                    "{line} after {before}"
                );
            }
            states += usize::from(name.starts_with("step-"));
            durable.push(name);
        } else if call.name.starts_with("unlink") {
            ensure!(line.contains("step-") && durable.last() == Some(&"MANIFEST"), "{line}");
        } else if call.name == "openat" && line.contains("O_CREAT") {
            let is_kept = ["/lock\"", "/metrics.jsonl\""].iter().any(|name| line.contains(name));
            ensure!(is_kept || target(line).is_some(), "written in its place: {line}");
        }
    }
    ensure!(states == 4, "{states} states of a run of four steps");
    Ok(())
}

/// What a checkpoint costs: its bytes are written once.
fn written_once(calls: &[Call]) -> Result<()> {
    let of_states = |call: &&Call| call.name == "write" && call.line.contains("/.step-");
    let sizes = calls
        .iter()
        .filter(of_states)
        .filter_map(|call| call.line.rsplit_once("= ")?.1.parse().ok());
    let sizes: Vec<usize> = sizes.collect();
    let fsyncs = calls.iter().filter(|call| call.name == "fsync" && call.line.contains("/.step-"));
    ensure!(fsyncs.count() == 4, "a state is synced once");
    // Counters in its head grow by digits.
    let alike = |size: &usize| size.abs_diff(sizes[0]) < 256;
    ensure!(sizes.len() == 4 && sizes.iter().all(alike), "{sizes:?}");
    Ok(())
}

/// A run that ends only when it is told to, and has left a checkpoint.
fn endless(folder: &Path, name: &str) -> Result<Child> {
    let text = TINY.replace("epochs = 2", "epochs = 100000");
    let run = folder.join(name).display().to_string();
    let recipe = util::recipe(folder, &text)?;
    let mut command = util::command(&["train", &recipe, "--run", &run])?;
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    util::wait_until("a first checkpoint", || util::has_step(&folder.join(name)))?;
    Ok(child)
}

fn signal(name: &str, child: &Child) -> Result<()> {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status()?;
    ensure!(status.success(), "kill -s {name}: {status}");
    Ok(())
}

#[test]
fn of_twenty_starts_one_trains() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = TINY.replace("epochs = 2", "epochs = 100000");
    let recipe = util::recipe(folder.path(), &text)?;
    let run = folder.path().join("run");
    fs::create_dir(&run)?;
    let place = run.display().to_string();
    let start = || -> Result<Child> {
        let mut command = util::command(&["-q", "train", &recipe, "--run", &place, "--resume"])?;
        Ok(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
    };
    let mut starts = (0..20).map(|_| start()).collect::<Result<Vec<_>>>()?;
    util::wait_until("nineteen ends", || {
        starts.iter_mut().filter_map(|child| child.try_wait().ok().flatten()).count() == 19
    })?;
    let at = starts.iter_mut().position(|child| matches!(child.try_wait(), Ok(None)));
    let mut winner = starts.swap_remove(at.context("somebody trains")?);
    let holder = winner.id().to_string();
    let others: Vec<_> = starts.into_iter().map(Child::wait_with_output).collect();
    let (killed, ended) = (winner.kill(), winner.wait());
    for done in others {
        let done = done?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.code() == Some(4) && said.contains(&holder), "{} {said}", done.status);
    }
    killed?;
    ended?;
    let mut next = start()?;
    util::wait_until("a checkpoint", || util::has_step(&run))?;
    ensure!(next.try_wait()?.is_none(), "the next start goes on at once");
    next.kill()?;
    next.wait()?;
    Ok(())
}

#[test]
fn a_hang_up_leaves_a_checkpoint_unless_it_is_ignored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut child = endless(folder.path(), "run")?;
    signal("HUP", &child)?;
    let status = child.wait()?;
    ensure!(status.code() == Some(129), "{status}");
    let long = TINY.replace("epochs = 2", "epochs = 6");
    let (recipe, run) = (util::recipe(folder.path(), &long)?, folder.path().join("nohup"));
    let script = r#"trap "" HUP; exec "$0" train "$1" --run "$2""#;
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(util::snn()?).args([&recipe, &run.display().to_string()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    util::wait_until("a first checkpoint", || util::has_step(&run))?;
    signal("HUP", &child)?;
    let status = child.wait()?;
    ensure!(status.code() == Some(0), "{status}");
    Ok(())
}

#[test]
fn files_have_the_mode_of_plain_new_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recipe =
        util::recipe(folder.path(), &format!("{TINY}keep_best = true\nlog_steps = true\n"))?;
    for (umask, mode) in [("022", 0o644), ("027", 0o640)] {
        let run = folder.path().join(umask);
        let mut command = Command::new("sh");
        command.args(["-c", r#"umask "$0"; exec "$1" -q train "$2" --run "$3""#, umask]);
        command.arg(util::snn()?).args([&recipe, &run.display().to_string()]);
        let ended = util::ended(command)?;
        ensure!(ended.code == Some(0), "{ended:?}");
        let files = util::tree(&run)?;
        ensure!(files.len() >= 13, "{:?}", files.keys());
        for path in files.keys() {
            let is = fs::metadata(path)?.permissions().mode() & 0o777;
            ensure!(is == mode, "{}: {is:o}", path.display());
        }
    }
    Ok(())
}

#[test]
fn a_directory_that_may_not_be_written_is_5() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let recipe = util::recipe(folder.path(), TINY)?;
    let locked = folder.path().join("locked");
    fs::create_dir(&locked)?;
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555))?;
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    if is_root && !Need::OtherUser.is_here() {
        skipped(Need::OtherUser);
        return Ok(());
    }
    // Another user may not reach the program where it was built.
    let snn = folder.path().join("snn");
    fs::copy(util::snn()?, &snn)?;
    let become_other: &[&str] = if is_root {
        &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    } else {
        &["env"]
    };
    for run in [locked.clone(), locked.join("run")] {
        let mut command = Command::new(become_other[0]);
        command
            .args(&become_other[1..])
            .arg(&snn)
            .args(["-q", "train", &recipe, "--run"])
            .arg(&run);
        let ended = util::ended(command)?;
        ensure!(ended.code == Some(5) && ended.err.contains("locked"), "{ended:?}");
        ensure!(fs::read_dir(&locked)?.count() == 0, "something was written");
    }
    Ok(())
}

#[test]
fn a_file_that_may_not_grow_is_5_and_the_run_goes_on_later() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let whole = util::train(folder.path(), "whole", TINY, &[])?;
    let recipe = util::recipe(folder.path(), TINY)?;
    let run = folder.path().join("small");
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -f 16; exec "$0" -q train "$1" --run "$2""#]);
    command.arg(util::snn()?).args([&recipe, &run.display().to_string()]);
    let ended = util::ended(command)?;
    ensure!(ended.code == Some(5) && ended.err.contains("step-"), "{ended:?}");
    let again = util::train(folder.path(), "small", TINY, &["--resume"])?;
    ensure!(util::weights(&again)? == util::weights(&whole)?, "the run went on differently");
    Ok(())
}

#[test]
fn what_does_not_fit_into_memory_is_refused_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recipe = util::recipe(folder.path(), &TINY.replace("vgg_snn", "sew_resnet19"))?;
    let run = folder.path().join("run");
    let start = |kib: &str, set: &str| -> Result<util::Ended> {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            r#"ulimit -v "$0"; exec "$1" -q --threads 1 train "$2" --run "$3" --set "$4""#,
            kib,
        ]);
        command.arg(util::snn()?).args([&recipe, &run.display().to_string(), set]);
        util::ended(command)
    };
    // 8 x the width are 64 x the weights: 800 million, with their gradients and moments 9 GiB.
    let ended = start("3000000", "model.width=8")?;
    ensure!(ended.code == Some(1) && ended.err.contains("model.width is 8; use less"), "{ended:?}");
    ensure!(ended.err.contains("MiB are free") && !run.exists(), "{ended:?}");
    Ok(())
}

#[test]
fn memory_and_open_files_stay_flat() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // No checkpoint but at the end of an epoch, whose length makes a line of metrics rare.
    let text = TINY.replace("epochs = 2", "epochs = 60").replace("checkpoint_every = 1\n", "");
    let text = text.replace("size = 16", "size = 8").replace("vgg_snn", "sew_resnet19");
    let run = folder.path().join("run");
    let recipe = util::recipe(folder.path(), &text)?;
    let place = run.display().to_string();
    let mut command = util::command(&["-q", "train", &recipe, "--run", &place, "--threads", "1"])?;
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let lines =
        || fs::read_to_string(run.join("metrics.jsonl")).map_or(0, |text| text.lines().count());
    let open = || fs::read_dir(format!("/proc/{}/fd", child.id())).map_or(0, |fds| fds.count());
    util::wait_until("ten epochs", || lines() >= 10)?;
    let early = (0..5).map(|_| open()).min();
    util::wait_until("fifty epochs", || lines() >= 50)?;
    let late = (0..5).map(|_| open()).min();
    child.wait()?;
    // A checkpoint in progress has a file open.
    let most = early.map(|early| early + 1);
    ensure!(late <= most, "{early:?} files were open, later {late:?}");
    let text = fs::read_to_string(run.join("metrics.jsonl"))?;
    let peaks = text.lines().map(|line| -> Result<f64> {
        let line: serde_json::Value = serde_json::from_str(line)?;
        line["clock"]["peak_rss_mb"].as_f64().context("no peak_rss_mb")
    });
    let peaks = peaks.collect::<Result<Vec<_>>>()?;
    ensure!(peaks.len() == 60 && peaks[59] - peaks[20] <= 1.0, "{peaks:?}");
    Ok(())
}

//! The program as a shell sees it: one clear line, the right exit code, JSON on one line.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use snn_needs::{Need, skipped};

use crate::util::{self, Ended, TINY, run};

fn refused(ended: &Ended, code: i32, named: &[&str]) -> Result<()> {
    ensure!(ended.code == Some(code), "expected exit code {code}: {ended:?}");
    for name in named {
        ensure!(ended.err.contains(name), "`{name}` is not named: {ended:?}");
    }
    let errors = ended.err.lines().filter(|line| line.contains("ERROR")).count();
    ensure!(errors <= 1, "more than one line: {ended:?}");
    Ok(())
}

fn one_json(ended: &Ended) -> Result<Value> {
    ensure!(ended.code == Some(0), "{ended:?}");
    ensure!(ended.out.lines().count() == 1, "not one line: {}", ended.out);
    let value: Value = serde_json::from_str(&ended.out)?;
    ensure!(value.is_object(), "{value}");
    Ok(value)
}

#[test]
fn usage_errors_are_1_and_help_is_0() -> Result<()> {
    for args in [&["--help"][..], &["--version"], &["train", "--help"]] {
        let ended = run(args)?;
        ensure!(ended.code == Some(0) && !ended.out.is_empty(), "{args:?}: {ended:?}");
    }
    for args in [&[][..], &["trane"], &["train"], &["train", "a.toml", "--runn", "b"]] {
        let ended = run(args)?;
        ensure!(ended.code == Some(1) && ended.out.is_empty(), "{args:?}: {ended:?}");
    }
    refused(&run(&["train", "no-such-recipe.toml"])?, 1, &["no-such-recipe.toml"])
}

#[test]
fn misspelt_field_is_named_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("run").display().to_string();
    let wrong = util::recipe(folder.path(), &TINY.replace("epochs = 2", "epoks = 2"))?;
    refused(&run(&["train", &wrong, "--run", &dir])?, 1, &["epoks", "line 22"])?;
    let right = util::recipe(folder.path(), TINY)?;
    refused(&run(&["train", &right, "--run", &dir, "--set", "train.bach=4"])?, 1, &["bach"])?;
    refused(
        &run(&["train", &right, "--run", &dir, "--set", "train.batch=0"])?,
        1,
        &["train.batch"],
    )?;
    ensure!(!Path::new(&dir).join("run.json").exists(), "a refused recipe began a run");
    Ok(())
}

/// Both of the doctor's answers name every thing that it looks at.
fn the_doctor_says_what_there_is() -> Result<()> {
    let found = one_json(&run(&["doctor", "--json"])?)?;
    for field in [
        "version",
        "features",
        "engine",
        "engine_chosen",
        "engines",
        "threads",
        "processors",
        "allocator",
    ] {
        ensure!(!found[field].is_null(), "{field}: {found}");
    }
    ensure!(found["engine_chosen"] == "the fastest that this processor has", "{found}");
    #[cfg(target_os = "linux")]
    ensure!(
        found["memory"].as_u64() >= found["memory_available"].as_u64()
            && !found["memory"].is_null(),
        "{found}"
    );
    // What is not there is said to be absent, not to be missing from the program.
    ensure!(found["cuda"]["devices"].is_array(), "{found}");
    let ended = run(&["--engine", "portable", "doctor"])?;
    for named in [
        "features",
        "portable  in use: chosen by --engine",
        "processor",
        "memory",
        "cache",
        "allocator",
        "cuda",
    ] {
        ensure!(ended.code == Some(0) && ended.out.contains(named), "{named}: {ended:?}");
    }
    ensure!(!ended.out.contains("not built yet"), "{ended:?}");
    Ok(())
}

#[test]
fn result_agrees_with_eval_and_json_is_one_line() -> Result<()> {
    one_json(&run(&["models", "--json"])?)?;
    the_doctor_says_what_there_is()?;
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    let result: Value = serde_json::from_str(&fs::read_to_string(dir.join("result.json"))?)?;
    let checkpoint = dir.join("checkpoint").display().to_string();
    let again = one_json(&run(&["eval", &checkpoint, "--json"])?)?;
    for field in ["dataset", "split", "split_hash", "top1", "top5", "aurc_softmax", "aurc_logit"] {
        ensure!(result[field] == again[field], "{field}: {} {}", result[field], again[field]);
    }
    Ok(())
}

#[test]
fn foreign_or_damaged_checkpoint_is_2() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?.join("checkpoint");
    let (config, weights) = (dir.join("config.json"), dir.join("model.safetensors"));
    let path = dir.display().to_string();
    let eval = || run(&["eval", path.as_str()]);
    let (good_config, good_weights) = (fs::read_to_string(&config)?, fs::read(&weights)?);

    fs::write(&config, good_config.replace("16", "32"))?;
    refused(&eval()?, 2, &["config.json", "SHA256SUMS"])?;
    // Who changes a file by hand deletes the hashes.
    fs::remove_file(dir.join("SHA256SUMS"))?;
    ensure!(good_config.contains("\"vgg_snn\""), "{good_config}");
    fs::write(&config, good_config.replace("\"vgg_snn\"", "\"resnet19\""))?;
    refused(&eval()?, 2, &["model.safetensors"])?;
    fs::write(&config, "{")?;
    refused(&eval()?, 2, &["config.json"])?;
    fs::write(&config, &good_config)?;

    let mut not_a_number = good_weights.clone();
    let last = not_a_number.len() - 4;
    not_a_number[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    for damaged in [&not_a_number[..], &good_weights[..last], &[]] {
        fs::write(&weights, damaged)?;
        refused(&eval()?, 2, &["model.safetensors"])?;
    }
    fs::write(&weights, &good_weights)?;
    ensure!(eval()?.code == Some(0), "the intact checkpoint works");
    refused(&run(&["eval", &dir.join("nothing").display().to_string()])?, 2, &["nothing"])?;
    // The error for a run's directory names its checkpoint. Wrong settings are the caller's fault, not the file's.
    let run_dir = folder.path().join("run").display().to_string();
    refused(&run(&["eval", &run_dir])?, 2, &["is a run", &path])?;
    refused(
        &run(&["eval", &path, "--dataset", "nothing"])?,
        1,
        &["name: \"nothing\" is not a known data set"],
    )?;
    refused(&run(&["eval", &path, "--t-steps", "0"])?, 1, &["t_steps"])?;
    fs::write(&config, good_config.replacen("\"t_steps\": 2", "\"t_steps\": 3", 1))?;
    refused(&eval()?, 2, &["config.json", "--t-steps"])
}

#[test]
fn damaged_data_file_is_2_and_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images");
    fs::create_dir(&images)?;
    let shipped = xtask::sh::root().join("data/fashion-mnist");
    let mut largest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(&shipped)? {
        let entry = entry?;
        let (size, to) = (entry.metadata()?.len(), images.join(entry.file_name()));
        fs::copy(entry.path(), &to)?;
        largest = largest.max(Some((size, to)));
    }
    let (_, victim) = largest.context("no data")?;
    let name = victim.file_name().context("no name")?.to_string_lossy().into_owned();
    let recipe = TINY.replace("synthetic", "fashion_mnist").replace("epochs = 2", "epochs = 1");
    let recipe = util::recipe(folder.path(), &recipe)?;
    let data = images.display().to_string();
    let train = |to: &str| {
        let dir = folder.path().join(to).display().to_string();
        run(&["train", &recipe, "--data", &data, "--run", &dir])
    };

    let whole = fs::read(&victim)?;
    let mut wrong_start = whole.clone();
    wrong_start[..4].copy_from_slice(b"none");
    for damaged in [&whole[..whole.len() / 2], &[], &wrong_start] {
        fs::write(&victim, damaged)?;
        refused(&train("damaged")?, 2, &[name.as_str()])?;
    }
    fs::remove_file(&victim)?;
    refused(&train("missing")?, 2, &[name.trim_end_matches(".gz")])?;
    fs::write(&victim, &whole)?;
    ensure!(train("intact")?.code == Some(0), "the intact file works");
    Ok(())
}

#[test]
fn nothing_is_written_over_what_was_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run_dir = folder.path().join("run");
    fs::create_dir(&run_dir)?;
    // A recipe of one's own in the run directory, or an old run that lost its run.json.
    for (name, text) in [("recipe.toml", TINY), ("metrics.jsonl", "{}\n"), ("MANIFEST", "x\n")] {
        let file = run_dir.join(name);
        fs::write(&file, text)?;
        let recipe = util::recipe(folder.path(), TINY)?;
        let dir = run_dir.display().to_string();
        for more in [&["--resume"][..], &[]] {
            let ended = run(&[&["train", &recipe, "--run", &dir], more].concat())?;
            refused(&ended, 1, &[name, "another directory"])?;
        }
        ensure!(fs::read_to_string(&file)? == text, "{name} was written over");
        fs::remove_file(&file)?;
    }
    // The golden file itself is not where ours go.
    let golden = folder.path().join("lif.safetensors");
    fs::copy(xtask::sh::root().join("data/golden/lif.safetensors"), &golden)?;
    let before = fs::read(&golden)?;
    let (file, dir) = (golden.display().to_string(), folder.path().display().to_string());
    let ended = run(&["conformance", &file, "--dump", &dir])?;
    refused(&ended, 1, &["lif.safetensors", "another output"])?;
    ensure!(fs::read(&golden)? == before, "the golden file was written over");
    Ok(())
}

#[test]
fn a_result_that_cannot_be_printed_is_5_and_errors_pass_every_filter() -> Result<()> {
    if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
        let mut command = util::command(&["models", "--json"])?;
        let status = command.stdout(full).stderr(std::process::Stdio::null()).status()?;
        ensure!(status.code() == Some(5), "{status:?}");
    } else {
        skipped(Need::FullDevice);
    }
    let mut command = util::command(&["eval", "no-such-checkpoint"])?;
    command.env("RUST_LOG", "another_program=debug");
    refused(&util::ended(command)?, 2, &["ERROR", "no-such-checkpoint"])
}

#[test]
fn a_check_of_nothing_is_2() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let wrong = folder.path().join("losses.safetensors");
    fs::copy(xtask::sh::root().join("data/golden/lif.safetensors"), &wrong)?;
    let ended = run(&["conformance", &wrong.display().to_string()])?;
    refused(&ended, 2, &["losses.safetensors", "no case"])?;
    // A tensor that nobody compares is not passed over.
    let golden = fs::read(xtask::sh::root().join("data/golden/lif.safetensors"))?;
    let known: &[u8] = b"tau_1_5.membrane";
    let at = golden.windows(known.len()).position(|w| w == known).context("no such key")?;
    let mut other = golden.clone();
    other[at..at + known.len()].copy_from_slice(b"tau_1_5.mumbrane");
    let path = folder.path().join("lif.safetensors");
    fs::write(&path, other)?;
    let ended = run(&["conformance", &path.display().to_string()])?;
    refused(&ended, 2, &["lif.safetensors", "mumbrane"])
}

#[test]
fn diverging_run_is_3() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recipe = util::recipe(folder.path(), TINY)?;
    let dir = folder.path().join("run").display().to_string();
    let ended = run(&["train", &recipe, "--run", &dir, "--set", "optimizer.lr=1e30"])?;
    refused(&ended, 3, &["step"])
}

#[test]
fn data_sets_are_checked_and_what_is_missing_is_named() -> Result<()> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").display().to_string();
    let whole = one_json(&run(&["data", "check", "fashion_mnist", "--data", &data, "--json"])?)?;
    ensure!(whole["split"] == "fashion-mnist/subset-600-per-class", "{whole}");
    ensure!(whole["train"] == 6000 && whole["missing"].is_null(), "{whole}");
    refused(&run(&["data", "check", "mnist", "--data", &data])?, 2, &["mnist", "--data DIR"])?;
    refused(&run(&["data", "check", "cifar11"])?, 1, &["cifar11", "cifar100"])?;
    let folder = tempfile::tempdir()?;
    // One image of CIFAR-10 on each side.
    for name in ["data_batch_1.bin", "test_batch.bin"] {
        fs::write(folder.path().join(name), [3; 3073])?;
    }
    let part = folder.path().display().to_string();
    let named = ["1 of 50000 training and 1 of 10000 test", "www.cs.toronto.edu"];
    refused(&run(&["data", "check", "cifar10", "--data", &part])?, 2, &named)?;
    // On each side one recording of a car and one of background, each of two events a millisecond apart.
    let place = [3, 0, 1, 0x10];
    let events = [[0u8, 0, 0, 0], place, [0xe8, 3, 0, 0], place].concat();
    let dat = [b"% Version 2\n\x00\x08".as_slice(), &events].concat();
    for class in ["train/cars", "train/background", "test/cars", "test/background"] {
        let folder = folder.path().join(format!("n-cars_{class}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("obj_000000_td.dat"), &dat)?;
    }
    let named = ["2 of 15422 training and 2 of 8607 test", "www.prophesee.ai"];
    refused(&run(&["data", "check", "ncars", "--data", &part, "--decode"])?, 2, &named)?;
    let list = one_json(&run(&["data", "list", "--json"])?)?;
    let sets = list["datasets"].as_array().context("no list")?;
    ensure!(sets.len() == 27 && sets.iter().all(|set| set["readable"] == true), "{list}");
    let fetched = run(&["data", "get", "cub200", "--data", &part])?;
    refused(&fetched, 2, &["cub200", "by hand", "www.vision.caltech.edu"])
}

#[test]
fn a_device_that_this_build_has_not_is_refused_and_never_replaced() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recipe = util::recipe(folder.path(), TINY)?;
    let dir = folder.path().join("run").display().to_string();
    let train = |device: &str| run(&["train", &recipe, "--run", &dir, "--device", device]);
    for device in ["cuda:0", "cuda:7"] {
        refused(&train(device)?, 1, &[device, "--features cuda", "use cpu"])?;
    }
    refused(&train("gpu")?, 1, &["gpu", "use cpu, or cuda:N"])?;
    let forward = ["forward", "none", "--input", "x", "--output", "y"];
    for command in [&["eval", "none"][..], &forward, &["bench", "train"]] {
        let ended = run(&[command, &["--device", "cuda:0"]].concat())?;
        refused(&ended, 1, &["cuda:0", "--features cuda", "use cpu"])?;
    }
    ensure!(!Path::new(&dir).exists(), "a refused device began a run");
    Ok(())
}

#[test]
fn recomputed_stages_take_less_memory_for_the_same_loss() -> Result<()> {
    let sizes = ["--model", "resnet19", "--width", "0.25", "--batch", "16", "--runs", "1"];
    let step = |checkpoint| {
        one_json(&run(
            &[&["bench", "train", "--json", "--checkpoint", checkpoint], &sizes[..]].concat()
        )?)
    };
    let (kept, again) = (step("none")?, step("stage")?);
    ensure!(kept["loss"].is_f64() && kept["loss"] == again["loss"], "{kept} {again}");
    // 144 and 88 MB where this was written; elsewhere than on Linux nothing says how much.
    let megabytes = |of: &Value| of["peak_rss_mb"].as_f64().context("peak_rss_mb");
    let (kept, again) = (megabytes(&kept)?, megabytes(&again)?);
    ensure!(again < 0.8 * kept || kept == 0.0, "{again} MB of {kept} MB");
    refused(&run(&["bench", "train", "--checkpoint", "block"])?, 1, &["block", "stage"])
}

#[test]
fn thread_counts_that_cannot_be_had_are_refused_at_once() -> Result<()> {
    for threads in ["0", "1025", "100000"] {
        refused(&run(&["models", "--threads", threads])?, 1, &["threads", "use 1 to 1024"])?;
    }
    // With 2 GB of addresses the stacks of 1024 threads cannot be had.
    #[cfg(target_os = "linux")]
    {
        let mut shell = std::process::Command::new("sh");
        let snn = util::snn()?.display().to_string();
        shell.args(["-c", "ulimit -v 2000000 && exec \"$0\" models --threads 1024", &snn]);
        refused(&util::ended(shell)?, 1, &["threads: cannot start 1024", "ask for fewer"])?;
    }
    Ok(())
}

#[test]
fn event_files_become_others_and_empty_ones_are_2() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let atis = [5, 7, 0x80, 0x00, 0x0a, 6, 7, 0x00, 0x03, 0xe8];
    fs::write(path("a.bin"), atis)?;
    let convert = |from: &str, to: &str| run(&["data", "convert", &path(from), &path(to)]);
    for (from, to) in
        [("a.bin", "b.evt2"), ("b.evt2", "c.es"), ("c.es", "d.dat"), ("d.dat", "e.bin")]
    {
        let ended = convert(from, to)?;
        ensure!(ended.code == Some(0) && ended.out.contains("2 events"), "{ended:?}");
    }
    ensure!(fs::read(path("e.bin"))? == atis);
    let from_zero =
        ["data", "convert", &path("a.bin"), &path("f.raw"), "--out-format", "atis", "--from-zero"];
    ensure!(run(&from_zero)?.code == Some(0));
    ensure!(fs::read(path("f.raw"))? == [5, 7, 0x80, 0, 0, 6, 7, 0, 0x03, 0xde]);
    refused(&convert("a.bin", "f.raw")?, 1, &["f.raw", "--out-format", "evt3"])?;
    fs::write(path("empty.bin"), [])?;
    refused(&convert("empty.bin", "g.npy")?, 2, &["empty.bin", "no events"])?;
    let frames = ["data", "frames", &path("empty.bin"), &path("g.safetensors")];
    refused(&run(&frames)?, 2, &["empty.bin", "no events"])?;
    refused(&convert("none.bin", "g.npy")?, 2, &["none.bin: No such file"])?;
    fs::write(path("a.txt"), "text")?;
    refused(&convert("a.txt", "g.npy")?, 2, &["a.txt", "--format", "aedat2"])
}

#[test]
fn recordings_and_data_sets_are_drawn() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    // ON at (0, 0) at once, OFF at (33, 33) after 100 us.
    fs::write(path("a.bin"), [0, 0, 0x80, 0, 0, 33, 33, 0, 0, 100])?;
    let show = |input: &str, out: &str, more: &[&str]| {
        run(&[&["data", "show", input, "--out", &path(out)], more].concat())
    };
    for (out, more) in [
        ("image.png", &[][..]),
        ("frames.png", &["--view", "frames", "--t-steps", "2"]),
        ("raster.png", &["--view", "raster"]),
        ("frames.gif", &["--t-steps", "2"]),
    ] {
        let ended = show(&path("a.bin"), out, more)?;
        ensure!(ended.code == Some(0) && ended.out.contains(out), "{ended:?}");
    }
    // A PNG's size stands at byte 16, a GIF's at byte 6; 34 pixels are drawn 7 wide.
    let sizes =
        |name: &str| Ok::<_, anyhow::Error>(fs::read(path(name))?.get(16..24).map(<[u8]>::to_vec));
    ensure!(sizes("image.png")? == Some(vec![0, 0, 0, 238, 0, 0, 0, 238]));
    ensure!(sizes("frames.png")? == Some(vec![0, 0, 1, 222, 0, 0, 0, 238]));
    ensure!(fs::read(path("frames.gif"))?.get(..10) == Some(&b"GIF89a\xee\0\xee\0"[..]));
    let grid = show("synthetic", "grid.png", &[])?;
    ensure!(grid.code == Some(0) && grid.out.contains("row 0:"), "{grid:?}");
    refused(&show(&path("a.bin"), "a.jpg", &[])?, 1, &["a.jpg", ".png nor .gif"])?;
    refused(&show("nothing", "a.png", &[])?, 1, &["nothing", "cifar10"])?;
    refused(&show(&path("none.bin"), "a.png", &[])?, 2, &["none.bin"])
}

#[test]
fn stages_of_their_own_steps_are_counted_and_refuse_others() -> Result<()> {
    let ended = run(&["models", "--stage-t", "8,6,4,2"])?;
    let row = ended.out.lines().find(|line| line.starts_with("vgg9"));
    ensure!(row.is_some_and(|row| row.contains(" 5.00 ") && row.ends_with(" 1.001")), "{ended:?}");
    refused(&run(&["models", "--stage-t", "2,4,4,2"])?, 1, &["4 after 2 steps"])?;
    let folder = tempfile::tempdir()?;
    let method = "method={ kind = \"ssnn\", stage_steps = [2, 2, 1, 1] }";
    let more = ["--set", method, "--set", "schedule.epochs=1"];
    let dir = util::train(folder.path(), "run", TINY, &more)?;
    let checkpoint = dir.join("checkpoint").display().to_string();
    let whole = run(&["eval", &checkpoint, "--t-steps", "2"])?;
    ensure!(whole.code == Some(0), "{whole:?}");
    let says = ["--t-steps 4", "time steps of their own", "1 after stage2"];
    refused(&run(&["eval", &checkpoint, "--t-steps", "4"])?, 1, &says)?;
    Ok(())
}

#[test]
fn an_ann_becomes_a_checkpoint_that_eval_takes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = TINY.replace("kind = \"tks\"", "kind = \"ce\"");
    let qcfs = ["neuron.kind=qcfs", "neuron.levels=3", "model.t_steps=1"];
    let sets = qcfs.iter().flat_map(|set| ["--set", set]).collect::<Vec<_>>();
    let run_dir = util::train(folder.path(), "ann", &text, &sets)?;
    let (ann, snn) = (run_dir.join("checkpoint").display().to_string(), path("snn"));
    let ended = run(&["convert-ann", &ann, "--out", &snn])?;
    ensure!(ended.code == Some(0) && ended.out.contains("2 bits"), "{ended:?}");
    let of = |checkpoint: &str, more: &[&str]| {
        one_json(&run(&[&["eval", checkpoint, "--json"], more].concat())?)
    };
    let (of_ann, of_snn) = (of(&ann, &[])?, of(&snn, &[])?);
    for field in ["top1", "aurc_softmax", "aurc_logit", "t_steps"] {
        ensure!(of_ann[field] == of_snn[field], "{field}: {of_ann} {of_snn}");
    }
    ensure!(of(&snn, &["--t-steps", "4"])?["t_steps"] == 4);
    // What exists is not written over, and what is no ANN is left alone.
    refused(&run(&["convert-ann", &ann, "--out", &snn])?, 1, &["--out", "exists"])?;
    let other = path("other");
    refused(&run(&["convert-ann", &snn, "--out", &other])?, 2, &["is if", "neuron.kind"])?;
    refused(&run(&["convert-ann", &ann, "--bits", "9", "--out", &other])?, 1, &["--bits"])?;
    ensure!(!Path::new(&other).exists());
    let ended =
        run(&["bench", "lif", "--shape", "2,8", "--runs", "1", "--set", "neuron.kind=plif"])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    refused(&run(&["bench", "lif", "--set", "data.size=3"])?, 1, &["neuron.KEY=VALUE"])
}

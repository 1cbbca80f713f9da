//! What the tests share: the program, a recipe that trains in a second, and what a run left.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Two epochs of eight steps on generated images, a third of a second, in which every layer spikes and the training
/// accuracy climbs to a half. Line 22 is the number of epochs.
pub(crate) const TINY: &str = r#"seed = 7

[data]
name = "synthetic"
size = 16
limit_train = 64
limit_test = 32

[model]
architecture = "vgg_snn"
width = 0.0625
t_steps = 2

[loss]
kind = "tks"

[optimizer]
lr = 0.01

[schedule]
warmup_epochs = 0
epochs = 2

[train]
batch = 8
checkpoint_every = 1
"#;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program of this build. Built first, so that no test ever passes on yesterday's.
pub(crate) fn snn() -> Result<PathBuf> {
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| build().map_err(|e| format!("{e:#}"))).clone().map_err(anyhow::Error::msg)
}

/// The folder of this build's programs: `release` or `debug` in the target folder.
pub(crate) fn profile() -> Result<PathBuf> {
    // <target>/<profile>/deps/main-<hash>
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(Path::parent).context("no profile folder")?.to_path_buf())
}

fn build() -> Result<PathBuf> {
    let profile = profile()?;
    let target = profile.parent().context("no target folder")?;
    let mut cargo = xtask::sh::snn_build(&["--quiet", "--features", "hub", "--target-dir"]);
    cargo.arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let done = cargo.output().context("starting cargo")?;
    ensure!(done.status.success(), "building snn: {}", String::from_utf8_lossy(&done.stderr));
    Ok(profile.join(format!("snn{}", std::env::consts::EXE_SUFFIX)))
}

/// `snn`, free of the caller's settings.
pub(crate) fn command(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(snn()?);
    command.args(args).current_dir(xtask::sh::root()).stdin(Stdio::null());
    for name in ["RUST_LOG", "SNN_ENGINE", "RAYON_NUM_THREADS"] {
        command.env_remove(name);
    }
    Ok(command)
}

/// Runs `snn` to its end. It never panics, however it ends.
pub(crate) fn run(args: &[&str]) -> Result<Ended> {
    ended(command(args)?)
}

pub(crate) fn ended(mut command: Command) -> Result<Ended> {
    let done = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ended =
        Ended { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) };
    ensure!(!ended.err.contains("panicked"), "{}", ended.err);
    Ok(ended)
}

/// Writes a recipe into a folder and returns its path.
pub(crate) fn recipe(folder: &Path, text: &str) -> Result<String> {
    let path = folder.join("recipe.toml");
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// Trains a recipe in `folder/<name>` and wants success.
pub(crate) fn train(folder: &Path, name: &str, text: &str, more: &[&str]) -> Result<PathBuf> {
    let dir = folder.join(name);
    let (path, run_dir) = (recipe(folder, text)?, dir.display().to_string());
    let ended = run(&[&["train", path.as_str(), "--run", run_dir.as_str()], more].concat())?;
    ensure!(ended.code == Some(0), "{ended:?}");
    Ok(dir)
}

/// The weights that a finished run exported.
pub(crate) fn weights(run: &Path) -> Result<Vec<u8>> {
    let path = run.join("checkpoint/model.safetensors");
    fs::read(&path).with_context(|| path.display().to_string())
}

/// The lines of `metrics.jsonl` without what a clock said.
pub(crate) fn metrics(run: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(run.join("metrics.jsonl"))?;
    text.lines()
        .map(|line| {
            let mut value: Value = serde_json::from_str(line)?;
            value.as_object_mut().context("not an object")?.remove("clock");
            Ok(value)
        })
        .collect()
}

/// The bytes of a colored PNG picture.
pub(crate) fn png(
    width: usize,
    height: usize,
    pixel: impl Fn(usize, usize) -> [u8; 3],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb: Vec<u8> = pixels.flat_map(|(x, y)| pixel(x, y)).collect();
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(bytes)
}

/// Every file below a folder.
pub(crate) fn tree(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(tree(&path)?);
        } else {
            files.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(files)
}

/// Waits until something holds, for at most half a minute.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !holds() {
        ensure!(start.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Whether a run has left a checkpoint to go on from.
pub(crate) fn has_step(run: &Path) -> bool {
    let names = fs::read_dir(run).into_iter().flatten().flatten();
    names.map(|e| e.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("step-") && name.ends_with(".safetensors")
    })
}

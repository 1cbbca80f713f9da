//! `cargo xtask dist`: one static `snn` in target/dist, which needs nothing of the system that it runs on.
//!
//! glibc is linked in, so the allocator keeps its settings. What was built is run in a folder that becomes the root and
//! holds nothing but it and its input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use crate::{files, sh};

/// What is built. Named, so that the flags below do not reach build scripts.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Everything linked in, and no table of names: a panic is a defect, and its line is in the message.
const FLAGS: &str = "-C target-feature=+crt-static -C strip=symbols";
/// A second of training, whose checkpoint then predicts.
const RECIPE: &str = "\
seed = 7
[data]
name = \"synthetic\"
size = 16
limit_train = 64
limit_test = 32
[model]
architecture = \"vgg_snn\"
width = 0.0625
t_steps = 2
[schedule]
warmup_epochs = 0
epochs = 1
[train]
batch = 8
";

/// Builds, checks and describes the program.
///
/// # Errors
/// On another platform, or what does not build or does not run.
pub fn run() -> anyhow::Result<()> {
    let is_linux = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));
    ensure!(is_linux, "a static snn is built on Linux with glibc on x86-64");
    let mut build = sh::snn_build(&["--release", "--features", "hub", "--target", TARGET]);
    build.env("RUSTFLAGS", FLAGS);
    sh::run(build).context("it needs libc.a, such as of Debian's libc6-dev")?;
    let built = sh::target_folder()?.join(TARGET).join("release/snn");
    let bytes = fs::read(&built).with_context(|| built.display().to_string())?;
    let folder = sh::root().join("target/dist");
    files::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    let snn = folder.join("snn");
    fs::copy(&built, &snn).with_context(|| format!("writing {}", snn.display()))?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    files::write(&folder.join("snn.sha256"), format!("{sha256}  snn\n"))?;
    let ran = in_empty_root(&snn, &folder.join("root"))?;
    sh::print(&format!("{}: {} bytes, sha256 {sha256}; {ran}", snn.display(), bytes.len()))
}

/// Runs the program where there is nothing else, and says what it did, or that no root may be changed here.
fn in_empty_root(snn: &Path, root: &Path) -> anyhow::Result<String> {
    let Some(enter) = way_in(root)? else {
        return Ok("SKIPPED in an empty root: neither unshare nor chroot is permitted here".into());
    };
    fs::copy(snn, root.join("snn"))?;
    files::write(&root.join("recipe.toml"), RECIPE)?;
    files::write(&root.join("picture.png"), picture()?)?;
    let mut golden = Vec::new();
    for name in files::tree(&sh::root().join("data/golden"))? {
        if name.ends_with(".safetensors") && !name.contains('/') {
            fs::copy(sh::root().join("data/golden").join(&name), root.join(&name))?;
            golden.push(format!("/{name}"));
        }
    }
    let golden: Vec<&str> = golden.iter().map(String::as_str).collect();
    let runs: [&[&str]; 4] = [
        &["doctor"],
        &[&["conformance"], &golden[..]].concat(),
        &["train", "/recipe.toml", "--run", "/run"],
        &["predict", "/run/checkpoint", "/picture.png"],
    ];
    for args in runs {
        let mut command = enter(root);
        // It has no environment either.
        command.arg("/snn").args(args).env_clear();
        sh::say(&format!("$ {}", sh::shown(&command)));
        let said = sh::output(command)?;
        sh::say(said.lines().last().unwrap_or_default());
    }
    files::remove(root)?;
    let files = golden.len();
    Ok(format!("runs in an empty root: doctor, conformance ({files} files), train, predict"))
}

/// A command that runs its arguments with a folder as the root.
type Enter = fn(&Path) -> Command;

/// The way to make a folder the root that is permitted here; the folder is made, empty.
fn way_in(root: &Path) -> anyhow::Result<Option<Enter>> {
    files::remove(root)?;
    fs::create_dir_all(root)?;
    let unshare: Enter = |root| {
        let mut command = Command::new(program("unshare"));
        command.arg("--map-root-user").arg("--root").arg(root);
        command
    };
    let chroot: Enter = |root| {
        let mut command = Command::new(program("chroot"));
        command.arg(root);
        command
    };
    // The root of this machine can be entered wherever another one can.
    let works = |enter: &Enter| {
        let tried = enter(Path::new("/")).arg("true").output();
        tried.is_ok_and(|done| done.status.success())
    };
    Ok([unshare, chroot].into_iter().find(works))
}

/// A program of the system by its place, for it is started without PATH.
fn program(name: &str) -> PathBuf {
    let places =
        ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(|folder| Path::new(folder).join(name));
    places.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}

fn picture() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    let pixels: Vec<u8> = (0..16 * 16 * 3).map(|n| (n % 251) as u8).collect();
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

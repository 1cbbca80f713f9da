//! A crate alone: the first program of a crate's README, built outside the workspace with that crate and none else of
//! ours, does what the README says in no more lines than it should take.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::util;

/// A README's program.
struct Program {
    /// The crate whose README it stands in.
    name: &'static str,
    /// The other crates of ours that it may use.
    also: &'static [&'static str],
    /// Lines of its `main`, at most.
    lines: usize,
}

const PROGRAMS: [Program; 4] = [
    Program { name: "snn-neuron", also: &[], lines: 8 },
    Program { name: "snn-losses", also: &[], lines: 8 },
    Program { name: "snn-data", also: &[], lines: 10 },
    Program { name: "snn-models", also: &["snn-data"], lines: 8 },
];

#[test]
fn every_readme_program_builds_alone_and_prints_what_it_says() -> Result<()> {
    let place = tempfile::tempdir()?;
    let mut expected = Vec::new();
    for program in &PROGRAMS {
        let readme = xtask::sh::root().join("crates").join(program.name).join("README.md");
        let readme = fs::read_to_string(&readme).with_context(|| readme.display().to_string())?;
        // A program of two crates is no test of the documentation of one, which takes blocks of `rust`.
        let code = block(&readme, "rs").or(block(&readme, "rust")).context("no program")?;
        let lines = lines_of_main(code).with_context(|| format!("{}: no main", program.name))?;
        let most = program.lines;
        ensure!(lines <= most, "{}: main has {lines} lines, at most {most}", program.name);
        let (_, after) = readme.split_once(code).context("the program is in its README")?;
        let prints = block(after, "text").with_context(|| {
            format!("{}: no ```text block says what the program prints", program.name)
        })?;
        expected.push(prints.to_owned());
        write(place.path(), program, code)?;
    }
    let programs = build(place.path())?;
    inputs(place.path())?;
    for (program, expected) in PROGRAMS.iter().zip(expected) {
        let mut command = Command::new(programs.join(package(program)));
        command.current_dir(place.path());
        let ended = util::ended(command)?;
        ensure!(ended.code == Some(0), "{}: {ended:?}", program.name);
        assert_eq!(ended.out, expected, "{}", program.name);
    }
    Ok(())
}

/// The first block of a Markdown text in a language, without its fences.
fn block<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("```{language}"))?;
    // After the language may stand what the documentation's tests should do with it.
    let (_, code) = rest.split_once('\n')?;
    Some(code.split_once("```")?.0)
}

/// The lines between the braces of `main`, empty ones aside.
fn lines_of_main(code: &str) -> Option<usize> {
    let lines = code.lines().skip_while(|line| !line.starts_with("fn main()")).skip(1);
    let body: Vec<&str> = lines.take_while(|line| *line != "}").collect();
    (!body.is_empty()).then(|| body.iter().filter(|line| !line.trim().is_empty()).count())
}

fn package(program: &Program) -> String {
    format!("alone-{}", program.name)
}

/// Writes a program as a package that depends on what its crate's reader would name.
fn write(place: &Path, program: &Program, code: &str) -> Result<()> {
    let mut names = [&[program.name], program.also].concat();
    for (module, foreign) in [("candle_core", "candle-core"), ("serde_json", "serde_json")] {
        if code.contains(module) {
            names.push(foreign);
        }
    }
    member(&place.join(program.name), &package(program), &names, code)
}

fn member(folder: &Path, package: &str, dependencies: &[&str], code: &str) -> Result<()> {
    let mut manifest = format!(
        "[package]\nname = {package:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n"
    );
    for name in dependencies {
        // What a checkpoint says of its files is read as JSON.
        let is_read = *name == "snn-data" && dependencies.contains(&"serde_json");
        let features = if is_read { ", features = [\"serde\"]" } else { "" };
        manifest += &format!("{name} = {{ workspace = true{features} }}\n");
    }
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/main.rs"), code)?;
    Ok(())
}

/// Builds all of them and returns the folder of the programs.
///
/// Foreign crates have the versions, features and settings that they have in our workspace, so that none is compiled
/// again: a member that does nothing asks for all of their features. Ours are compiled again, for which they are not
/// optimized.
fn build(place: &Path) -> Result<PathBuf> {
    let root = xtask::sh::root();
    fs::copy(root.join("Cargo.lock"), place.join("Cargo.lock"))?;
    let ours = fs::read_to_string(root.join("Cargo.toml"))?;
    let section = |from: &str, to: &str| -> Result<&str> {
        let (_, rest) =
            ours.split_once(from).with_context(|| format!("no {from} in Cargo.toml"))?;
        Ok(rest.split_once(to).map_or(rest, |(section, _)| section))
    };
    let versions = section("\n[workspace.dependencies]\n", "\n[")?;
    let lines = versions.lines().filter_map(|line| line.split_once(" = "));
    let (own, foreign): (Vec<_>, Vec<_>) = lines.partition(|(_, value)| value.contains("path = "));
    let foreign: Vec<&str> = foreign.into_iter().map(|(name, _)| name).collect();
    member(&place.join("same"), "alone-same", &foreign, "fn main() {}\n")?;
    let names = PROGRAMS.iter().map(|program| program.name).chain(["same"]);
    let mut manifest = format!(
        "[workspace]\nmembers = {:?}\nresolver = \"3\"\n\n[workspace.dependencies]\n{}\n[profile.dev]\n{}",
        names.collect::<Vec<_>>(),
        versions.replace("path = \"", &format!("path = \"{}/", root.display())),
        section("\n[profile.dev]\n", "\n[profile.release.package.")?,
    );
    for (name, _) in own {
        manifest += &format!("\n[profile.release.package.{name}]\nopt-level = 0\n");
    }
    fs::write(place.join("Cargo.toml"), manifest)?;
    let profile = util::profile()?;
    let target = profile.parent().context("no target folder")?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--offline", "--quiet", "--target-dir"]).arg(target).current_dir(place);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let done = cargo.output().context("starting cargo")?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(profile)
}

/// The files that the programs read, in the folder where they run.
fn inputs(place: &Path) -> Result<()> {
    // ON at (5, 7) after 10 us, OFF at (6, 7) after 1 ms.
    fs::write(place.join("recording.bin"), [5, 7, 0x80, 0x00, 0x0a, 6, 7, 0x00, 0x03, 0xe8])?;
    fs::write(
        place.join("picture.png"),
        util::png(24, 16, |x, y| [10 * x as u8, 15 * y as u8, 99])?,
    )?;
    let trained = xtask::sh::root().join("data/golden/run-1/finished/checkpoint");
    let checkpoint = place.join("checkpoint");
    fs::create_dir(&checkpoint)?;
    fs::copy(trained.join("model.safetensors"), checkpoint.join("model.safetensors"))?;
    // That version did not say yet how files are prepared.
    let mut config: Value = serde_json::from_slice(&fs::read(trained.join("config.json"))?)?;
    config["preprocess"] = json!({
        "kind": "pictures", "channels": 3, "height": 16, "width": 16, "crop": 0.875,
        "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
    });
    fs::write(checkpoint.join("config.json"), config.to_string())?;
    Ok(())
}

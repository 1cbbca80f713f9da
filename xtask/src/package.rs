//! `cargo xtask package`: every archive that `cargo publish` would send, unpacked elsewhere, compiled and tested there.
//!
//! The unpacked crates are a workspace of their own, whose patches lead from one to the other: none is on a registry yet.
//! Foreign crates have the versions and settings of ours and are built into the same folder, so that none is compiled
//! again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::{files, sh};

/// What every archive holds besides its code.
const HELD: [&str; 4] = ["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];
/// What a registry shows.
const SAID: [&str; 5] = ["description", "license", "readme", "keywords", "categories"];

/// A crate that is published.
struct Package {
    name: String,
    version: String,
}

impl Package {
    /// The folder that its archive holds.
    fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// Packages, unpacks, compiles and tests.
///
/// # Errors
/// What is missing in an archive or does not work there.
pub fn run() -> anyhow::Result<()> {
    let about = sh::metadata(&["--no-deps"])?;
    let packages = published(&about)?;
    let out = sh::root().join("target/package");
    let unpacked = out.join("unpacked");
    files::remove(&unpacked)?;
    fs::create_dir_all(&unpacked)?;
    let mut package = sh::cargo(&["package", "--no-verify", "--allow-dirty", "--offline"]);
    package.args(packages.iter().flat_map(|package| ["--package", &package.name]));
    package.arg("--target-dir").arg(&out);
    sh::run(package)?;
    for package in &packages {
        unpack(package, &out.join("package"), &unpacked)?;
    }
    files::write(&unpacked.join("Cargo.toml"), manifest(&packages)?)?;
    fs::copy(sh::root().join("Cargo.lock"), unpacked.join("Cargo.lock"))?;
    let mut test = sh::cargo(&["test", "--workspace", "--release", "--offline", "--target-dir"]);
    test.arg(sh::target_folder()?).current_dir(&unpacked);
    sh::run(test)?;
    sh::print(&format!("{} archives compile and pass their tests elsewhere", packages.len()))
}

/// The crates of the workspace that are published, each with what a registry shows.
fn published(about: &Value) -> anyhow::Result<Vec<Package>> {
    let mut packages = Vec::new();
    for package in about["packages"].as_array().context("cargo lists no packages")? {
        // `publish = false` is an empty list of registries.
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        let text = |field: &str| package[field].as_str().map(str::to_owned);
        let name = text("name").context("a package has no name")?;
        for field in SAID {
            let value = &package[field];
            let is_said = value.as_str().is_some_and(|text| !text.is_empty())
                || value.as_array().is_some_and(|list| (1..=5).contains(&list.len()));
            ensure!(is_said, "{name}: its Cargo.toml has no {field}, or more than five");
        }
        packages
            .push(Package { name, version: text("version").context("a package has no version")? });
    }
    ensure!(!packages.is_empty(), "no crate is published");
    Ok(packages)
}

fn unpack(package: &Package, from: &Path, to: &Path) -> anyhow::Result<()> {
    let archive = from.join(format!("{}.crate", package.folder()));
    let bytes = fs::metadata(&archive).with_context(|| archive.display().to_string())?.len();
    let mut tar = sh::command("tar", &["-xzf"]);
    tar.arg(&archive).arg("-C").arg(to);
    sh::run(tar)?;
    let folder = to.join(package.folder());
    let found: BTreeSet<String> = files::tree(&folder)?.into_iter().collect();
    if let Some(missing) = HELD.iter().find(|name| !found.contains(**name)) {
        bail!("{}: its archive has no {missing}", package.name);
    }
    for name in HELD {
        // Where links are not followed, an archive has a path for a licence.
        let text = files::read(&folder.join(name))?;
        ensure!(text.lines().count() > 3, "{}: {name} in its archive is no text", package.name);
    }
    sh::say(&format!("{}: {} files, {bytes} bytes", package.folder(), found.len()));
    Ok(())
}

/// The workspace of the unpacked archives.
fn manifest(packages: &[Package]) -> anyhow::Result<String> {
    let ours = files::read(&sh::root().join("Cargo.toml"))?;
    let (_, profiles) = ours.split_once("\n[profile.").context("Cargo.toml has no profiles")?;
    let folders: Vec<PathBuf> = packages.iter().map(|package| package.folder().into()).collect();
    let mut text =
        format!("[workspace]\nmembers = {folders:?}\nresolver = \"3\"\n\n[patch.crates-io]\n");
    for package in packages {
        text += &format!("{} = {{ path = {:?} }}\n", package.name, package.folder());
    }
    Ok(format!("{text}\n[profile.{profiles}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn published_crates_say_what_a_registry_shows() {
        let package = |name: &str, keywords: usize| {
            json!({
                "name": name, "version": "0.1.0", "publish": null, "description": "d", "license": "MIT",
                "readme": "README.md", "keywords": vec!["k"; keywords], "categories": ["science"],
            })
        };
        let mut hidden = package("b", 0);
        hidden["publish"] = json!([]);
        let found = super::published(&json!({"packages": [package("a", 5), hidden]})).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].folder(), "a-0.1.0");
        for keywords in [0, 6] {
            let about = json!({"packages": [package("a", keywords)]});
            let error = super::published(&about).map(drop).unwrap_err().to_string();
            assert!(error.starts_with("a: its Cargo.toml has no keywords"), "{error}");
        }
        assert!(super::published(&json!({"packages": []})).is_err());
    }
}

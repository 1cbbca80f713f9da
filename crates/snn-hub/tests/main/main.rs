//! Publishing and pulling against a Hub on this machine.

#![expect(clippy::disallowed_methods, reason = "tests make files on purpose")]
#![expect(clippy::unwrap_used, reason = "tests panic")]

/// A server that lies, cuts, stalls and refuses.
mod hostile;
mod hub;
/// A checkpoint goes up and comes down.
mod whole;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use snn_hub::{Address, Checkpoint, Patience, Pulled, Settings};
use tempfile::TempDir;

use hub::{Hub, TOKEN};

/// The repository of the tests.
const REPOSITORY: &str = "me/net";

/// A Hub, a checkpoint, and a person who has a token and a home of its own.
struct Scene {
    hub: Hub,
    dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { hub: Hub::start(0).unwrap(), dir: tempfile::tempdir().unwrap() };
        let weights: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        scene.write(&[
            ("README.md", b"# Net\n"),
            ("config.json", b"{}"),
            ("model.safetensors", &weights),
        ]);
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes files of the checkpoint and SHA256SUMS of them alone.
    fn write(&self, files: &[(&str, &[u8])]) {
        fs::create_dir_all(self.at("checkpoint")).unwrap();
        for (name, bytes) in files {
            fs::write(self.at("checkpoint").join(name), bytes).unwrap();
        }
        fs::write(self.at("checkpoint/SHA256SUMS"), sums(files)).unwrap();
    }

    fn settings(&self, also: &[(&str, &str)]) -> Settings {
        let home = self.at("home").display().to_string();
        let own = [("HF_ENDPOINT", self.hub.url()), ("HF_TOKEN", TOKEN.into()), ("HF_HOME", home)];
        let mut settings = Settings::from_env(|name| {
            let other = also.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            other.or_else(|| own.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone()))
        })
        .unwrap();
        let [silence, pause, longest] = [300, 1, 1100].map(Duration::from_millis);
        settings.patience = Patience { silence, pause, longest };
        settings
    }

    fn publish(&self) -> snn_hub::Result<snn_hub::Published> {
        let checkpoint = Checkpoint::read(&self.at("checkpoint"))?;
        snn_hub::publish(&checkpoint, &address(), &self.settings(&[]))
    }

    fn pull(&self, out: &str) -> snn_hub::Result<Pulled> {
        snn_hub::pull(&address(), Some(&self.at(out)), &self.settings(&[]))
    }

    /// Whether the token went to the endpoint's own host and to no other one, in any header, path or body.
    fn token_stayed_at_home(&self) -> bool {
        let elsewhere = self.hub.elsewhere();
        let host = elsewhere.trim_start_matches("http://");
        self.hub.log().iter().all(|request| {
            let body = String::from_utf8_lossy(&request.body);
            let bearer = format!("Authorization: Bearer {TOKEN}").to_lowercase();
            let head = request.head.to_lowercase().replace(&bearer, "");
            let is_home = request.header("host") != Some(host);
            !body.contains(TOKEN)
                && !head.contains(TOKEN)
                && (is_home || request.header("authorization").is_none())
        })
    }
}

fn address() -> Address {
    REPOSITORY.parse().unwrap()
}

fn sums(files: &[(&str, &[u8])]) -> String {
    let hex =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    files.iter().map(|(name, bytes)| format!("{}  {name}\n", hex(bytes))).collect()
}

/// Every file and link below a folder, by name.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = paths
        .flat_map(|path| match path.is_dir() && !path.is_symlink() {
            true => tree(&path),
            false => vec![path],
        })
        .collect();
    all.sort();
    all
}

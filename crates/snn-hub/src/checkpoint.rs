//! A checkpoint directory: the files that travel, and what SHA256SUMS says of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::hash::{self, Oid};
use crate::{Error, Result};

/// The names that are published and pulled, with the most bytes that each may have. No other name is ever sent, asked
/// for or written.
pub const FILES: [(&str, u64); 5] = [
    ("README.md", 1 << 20),
    ("config.json", 1 << 20),
    ("model.safetensors", 4 << 30),
    ("metrics.json", 1 << 20),
    (SUMS, 1 << 16),
];
/// Without these there is no checkpoint.
pub(crate) const NEEDED: [&str; 2] = ["config.json", "model.safetensors"];
/// Hashes of the others, in the form of `sha256sum`.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// A file that travels.
#[derive(Clone, Debug)]
pub struct File {
    /// One of [`FILES`].
    pub name: &'static str,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    pub(crate) sha256: String,
    pub(crate) git: String,
}

/// A directory that is fit to be published.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// What travels, in the order of [`FILES`].
    pub files: Vec<File>,
    /// What else lies there and stays, sorted.
    pub left_out: Vec<String>,
}

impl Checkpoint {
    /// Reads and hashes a directory: every file of [`FILES`] that it has.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where config.json, model.safetensors or SHA256SUMS is missing, a file is too large or no
    /// regular one, or SHA256SUMS does not list all others or says other than they are; [`Error::Io`].
    pub fn read(dir: &Path) -> Result<Self> {
        let mut left_out = Vec::new();
        for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
            let name = entry.map_err(Error::io(dir))?.file_name().to_string_lossy().into_owned();
            if !FILES.iter().any(|(known, _)| *known == name) {
                left_out.push(name);
            }
        }
        left_out.sort();
        let mut files = Vec::new();
        for (name, most) in FILES {
            files.extend(File::read(dir, name, most)?);
        }
        for name in NEEDED.into_iter().chain([SUMS]) {
            if !files.iter().any(|file| file.name == name) {
                let why = format!(
                    "has no {name}; `snn export` makes a directory with all that is published"
                );
                return Err(Error::checkpoint(dir, why));
            }
        }
        let listed = agrees_with_sums(&files)
            .map_err(|(name, why)| Error::checkpoint(&dir.join(name), why))?;
        let is_listed =
            |file: &File| file.name == SUMS || listed.iter().any(|name| name == file.name);
        if let Some(file) = files.iter().find(|file| !is_listed(file)) {
            let why = format!("does not list {}; export the checkpoint again", file.name);
            return Err(Error::checkpoint(&dir.join(SUMS), why));
        }
        Ok(Self { files, left_out })
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl File {
    /// The file of a name in a directory, where there is one.
    fn read(dir: &Path, name: &'static str, most: u64) -> Result<Option<Self>> {
        let path = dir.join(name);
        // Before it is opened: opening a pipe waits for its writer.
        let about = match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            about => about.map_err(Error::io(&path))?,
        };
        if !about.is_file() {
            return Err(Error::checkpoint(
                &path,
                "is no regular file; copy what it holds into one",
            ));
        }
        if about.len() > most {
            let why = format!("has {} bytes; at most {most} travel under this name", about.len());
            return Err(Error::checkpoint(&path, why));
        }
        Self::hashed(name, &path, about.len()).map(Some)
    }

    /// A file of a known length with its hashes.
    pub(crate) fn hashed(name: &'static str, path: &Path, bytes: u64) -> Result<Self> {
        let from = fs::File::open(path).map_err(Error::io(path))?;
        let (sha256, git) = hash::both(from, bytes).map_err(Error::io(path))?;
        Ok(Self { name, path: path.to_path_buf(), bytes, sha256, git })
    }

    /// Whether it has the content that is called so.
    pub(crate) fn is(&self, oid: &Oid) -> bool {
        match oid {
            Oid::Sha256(hex) => *hex == self.sha256,
            Oid::Git(hex) => *hex == self.git,
        }
    }
}

/// The names that SHA256SUMS lists, where it is among the files and what it says of them is so; else the file that is at
/// fault and why.
pub(crate) fn agrees_with_sums(files: &[File]) -> Result<Vec<String>, (&'static str, String)> {
    let Some(sums) = files.iter().find(|file| file.name == SUMS) else { return Ok(Vec::new()) };
    let text = fs::read_to_string(&sums.path).map_err(|e| (SUMS, e.to_string()))?;
    let mut listed = Vec::new();
    for line in text.lines() {
        let parts = line.split_once("  ").or_else(|| line.split_once(" *"));
        let Some((sum, name)) = parts.filter(|(sum, _)| sum.len() == 64) else {
            return Err((
                SUMS,
                "is no list of hashes and names as sha256sum writes it; export again".into(),
            ));
        };
        let Some(file) = files.iter().find(|file| file.name == name) else {
            return Err((
                SUMS,
                format!("lists {name:?}, which is not there or does not travel; export again"),
            ));
        };
        if !file.sha256.eq_ignore_ascii_case(sum) {
            let is = &file.sha256;
            return Err((
                file.name,
                format!("has sha256 {is}, {SUMS} says {sum}; export or copy it again"),
            ));
        }
        listed.push(name.to_owned());
    }
    Ok(listed)
}

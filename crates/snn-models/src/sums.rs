//! SHA256SUMS: what the files of an exported checkpoint were when they were written.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

use sha2::{Digest, Sha256};

use crate::file::read_file;
use crate::{Error, Result};

/// Name of the file of hashes, in the form that `sha256sum -c` reads.
pub const SUMS_FILE: &str = "SHA256SUMS";
/// A larger file of hashes is refused.
const MOST: u64 = 1 << 16;

/// The hashes of a checkpoint directory's files, by name; empty where the directory has no [`SUMS_FILE`].
pub(crate) struct Sums(Vec<(String, String)>);

impl Sums {
    /// Reads a directory's hashes.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(SUMS_FILE);
        let bytes = match read_file(&path, MOST) {
            Err(Error::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self(Vec::new()));
            }
            read => read?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Option<Vec<_>> = text.lines().map(parse).collect();
        let fault = || Error::Checkpoint {
            path: path.clone(),
            why:
                "is no list of hashes and names as sha256sum writes it; copy it again or delete it"
                    .into(),
        };
        lines.map(Self).ok_or_else(fault)
    }

    /// Refuses bytes that are not the ones that were written under this name. A file that is not listed passes.
    pub(crate) fn check(&self, dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
        let Some((sum, _)) = self.0.iter().find(|(_, listed)| listed == name) else {
            return Ok(());
        };
        compare(dir, name, &sha256(bytes), sum)
    }
}

/// Checks every file that a directory's [`SUMS_FILE`] lists, and returns their names in its order.
///
/// # Errors
/// [`Error::Io`] when a file cannot be read; [`Error::Checkpoint`] where there is no [`SUMS_FILE`], and for a listed name
/// that is not a plain one, a file that is no regular one, and one that is not what was written.
pub fn check_sums(dir: &Path) -> Result<Vec<String>> {
    let Sums(listed) = Sums::read(dir)?;
    let fault = |name: &str, why: &str| Error::Checkpoint { path: dir.join(name), why: why.into() };
    if listed.is_empty() {
        let why = "is missing or empty, so that nothing says what the files were; export the checkpoint again";
        return Err(fault(SUMS_FILE, why));
    }
    for (sum, name) in &listed {
        let mut parts = Path::new(name).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            return Err(fault(SUMS_FILE, &format!("lists {name:?}, which is no plain file name")));
        }
        let path = dir.join(name);
        let io = |cause| Error::Io { path: path.clone(), cause };
        if !std::fs::metadata(&path).map_err(io)?.is_file() {
            return Err(fault(name, "is not a regular file; copy the checkpoint again"));
        }
        let mut hash = Sha256::new();
        io::copy(&mut File::open(&path).map_err(io)?, &mut hash).map_err(io)?;
        compare(dir, name, &hex(&hash.finalize()), sum)?;
    }
    Ok(listed.into_iter().map(|(_, name)| name).collect())
}

/// Refuses a file whose hash is not the listed one.
fn compare(dir: &Path, name: &str, is: &str, sum: &str) -> Result<()> {
    if is == sum {
        return Ok(());
    }
    let why = format!(
        "has sha256 {is}, {SUMS_FILE} beside it says {sum}; copy the checkpoint again, or delete {SUMS_FILE} if you \
         changed the file yourself"
    );
    Err(Error::Checkpoint { path: dir.join(name), why })
}

/// The bytes of [`SUMS_FILE`] for files of these names and contents, such as those of
/// [`Model::to_files`](crate::Model::to_files). Write it first: a copy that ends early is then found to be one.
pub fn sums(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let lines = files.iter().map(|(name, bytes)| format!("{}  {name}\n", sha256(bytes)));
    lines.collect::<String>().into_bytes()
}

/// The hash and the name of a line.
fn parse(line: &str) -> Option<(String, String)> {
    let (sum, name) = line.split_once("  ").or_else(|| line.split_once(" *"))?;
    let is_sum = sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
    (is_sum && !name.is_empty()).then(|| (sum.to_ascii_lowercase(), name.into()))
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

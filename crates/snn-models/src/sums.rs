//! SHA256SUMS: what the files of an exported checkpoint were when they were written.

use std::path::Path;

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
        match sha256(bytes) {
            is if is == *sum => Ok(()),
            is => Err(Error::Checkpoint {
                path: dir.join(name),
                why: format!(
                    "has sha256 {is}, {SUMS_FILE} beside it says {sum}; copy the checkpoint again, or delete {SUMS_FILE} \
                     if you changed the file yourself"
                ),
            }),
        }
    }
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
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

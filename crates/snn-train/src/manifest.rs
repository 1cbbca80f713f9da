//! MANIFEST: which checkpoints of a run exist. Nothing else in the directory says so.
//!
//! One line a checkpoint, oldest first: `step bytes sha256 metrics_bytes file`.

use std::path::Path;

use crate::result::RESULT_FILE;
use crate::run_file::RUN_FILE;
use crate::{Error, Result, atomic, hash, write_atomic};

pub(crate) const MANIFEST_FILE: &str = "MANIFEST";

/// A line of MANIFEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Optimizer steps taken.
    pub(crate) step: u64,
    /// Length of the checkpoint.
    pub(crate) bytes: u64,
    /// Its hash in hexadecimal.
    pub(crate) sha256: String,
    /// Length that metrics.jsonl had when it was written.
    pub(crate) metrics_bytes: u64,
}

impl Entry {
    pub(crate) fn file(&self) -> String {
        format!("step-{:08}.safetensors", self.step)
    }

    fn line(&self) -> String {
        let Entry { step, bytes, sha256, metrics_bytes } = self;
        format!("{step} {bytes} {sha256} {metrics_bytes} {}\n", self.file())
    }

    /// The entry of a line that [`Entry::line`] could have written.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (step, bytes) = (number()?, number()?);
        let sha256 = words.next()?.to_string();
        let metrics_bytes = words.next()?.parse().ok()?;
        let entry = Entry { step, bytes, sha256, metrics_bytes };
        (entry.line() == format!("{line}\n")).then_some(entry)
    }

    /// The checkpoint's bytes, if they are the ones that were written.
    pub(crate) fn read(&self, dir: &Path) -> Result<Vec<u8>> {
        let path = dir.join(self.file());
        let len = std::fs::metadata(&path)
            .map_err(|e| Error::checkpoint(&path, format!("cannot be read: {e}")))?
            .len();
        if len != self.bytes {
            let why = format!("has {len} bytes, {MANIFEST_FILE} says {}", self.bytes);
            return Err(Error::checkpoint(&path, why));
        }
        let bytes = std::fs::read(&path)
            .map_err(|e| Error::checkpoint(&path, format!("cannot be read: {e}")))?;
        let got = hash::sha256(&bytes);
        if got != self.sha256 {
            let why = format!("has sha256 {got}, {MANIFEST_FILE} says {}", self.sha256);
            return Err(Error::checkpoint(&path, why));
        }
        Ok(bytes)
    }
}

/// The checkpoints of one run directory.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) entries: Vec<Entry>,
    /// A line could not be read, so a file that is not listed may be the one it named.
    damaged: bool,
}

impl Manifest {
    /// Reads MANIFEST. A run that has none has no checkpoint yet. Lines that cannot be read are left out with a
    /// warning.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when there is a MANIFEST without a readable line: it is never written empty.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(MANIFEST_FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Error::io(path)(error)),
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut manifest = Self::default();
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n').and_then(Entry::parse) {
                Some(entry) => manifest.entries.push(entry),
                None => {
                    manifest.damaged = true;
                    tracing::warn!(path = %path.display(), line, "unreadable line is left out");
                }
            }
        }
        if manifest.entries.is_empty() {
            return Err(Error::checkpoint(path, "is damaged; start another run"));
        }
        Ok(manifest)
    }

    /// Makes a checkpoint's file and then its line durable.
    pub(crate) fn save(
        &mut self,
        dir: &Path,
        step: u64,
        bytes: &[u8],
        metrics_bytes: u64,
        keep: usize,
    ) -> Result<()> {
        let (len, sha256) = (bytes.len() as u64, hash::sha256(bytes));
        let entry = Entry { step, bytes: len, sha256, metrics_bytes };
        write_atomic(&dir.join(entry.file()), bytes)?;
        self.push(dir, entry, keep)
    }

    /// Adds a checkpoint whose file is durable, forgets all but the last `keep`, and then deletes what was forgotten.
    fn push(&mut self, dir: &Path, entry: Entry, keep: usize) -> Result<()> {
        let mut entries = self.entries.clone();
        entries.retain(|old| old.step < entry.step);
        entries.push(entry);
        entries.drain(..entries.len().saturating_sub(keep.max(1)));
        let text: String = entries.iter().map(Entry::line).collect();
        write_atomic(&dir.join(MANIFEST_FILE), text.as_bytes())?;
        let kept = |old: &Entry| entries.iter().any(|e| e.step == old.step);
        for old in self.entries.iter().filter(|old| !kept(old)) {
            atomic::remove(&dir.join(old.file()))?;
        }
        *self = Self { entries, damaged: false };
        Ok(())
    }

    /// Deletes what an interrupted process left: temporary files, and checkpoints that are not listed.
    pub(crate) fn sweep(&self, dir: &Path) -> Result<()> {
        for entry in std::fs::read_dir(dir).map_err(Error::io(dir))? {
            let entry = entry.map_err(Error::io(dir))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let (stem, is_temp) =
                name.strip_suffix(".tmp").map_or((name, false), |stem| (stem, true));
            let step = stem.strip_prefix("step-").and_then(|s| s.strip_suffix(".safetensors"));
            let checkpoint = step.is_some_and(|s| s.len() >= 8 && s.parse::<u64>().is_ok());
            let ours = checkpoint || [MANIFEST_FILE, RUN_FILE, RESULT_FILE].contains(&stem);
            let listed = self.entries.iter().any(|e| e.file() == name);
            if (is_temp && ours) || (checkpoint && !listed && !self.damaged) {
                atomic::remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(step: u64, bytes: &[u8]) -> Entry {
        let (len, sha256) = (bytes.len() as u64, hash::sha256(bytes));
        Entry { step, bytes: len, sha256, metrics_bytes: 10 * step }
    }

    fn push(dir: &Path, manifest: &mut Manifest, step: u64) {
        manifest.save(dir, step, b"data", 10 * step, 2).unwrap();
    }

    #[test]
    fn last_lines_are_kept_and_the_rest_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        for step in [1, 2, 3] {
            push(dir.path(), &mut manifest, step);
        }
        let read = Manifest::read(dir.path()).unwrap();
        assert_eq!(read.entries, [entry(2, b"data"), entry(3, b"data")]);
        assert!(!dir.path().join("step-00000001.safetensors").exists());
        assert_eq!(read.entries[1].read(dir.path()).unwrap(), b"data");
        write_atomic(&dir.path().join("step-00000003.safetensors"), b"dat4").unwrap();
        assert!(matches!(read.entries[1].read(dir.path()), Err(Error::Checkpoint { .. })));
    }

    #[test]
    fn sweep_deletes_what_is_not_listed() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        push(dir.path(), &mut manifest, 1);
        for stray in ["step-00000009.safetensors", "result.json.tmp", "notes.txt"] {
            write_atomic(&dir.path().join(stray), b"x").unwrap();
        }
        manifest.sweep(dir.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["MANIFEST", "notes.txt", "step-00000001.safetensors"]);
    }

    #[test]
    fn damage_at_any_byte_loses_lines_and_invents_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        push(dir.path(), &mut manifest, 1);
        push(dir.path(), &mut manifest, 2);
        let path = dir.path().join(MANIFEST_FILE);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            write_atomic(&path, &whole[..cut]).unwrap();
            match Manifest::read(dir.path()) {
                Ok(read) => assert_eq!(read.entries, [entry(1, b"data")]),
                Err(error) => assert!(matches!(error, Error::Checkpoint { .. })),
            }
        }
        assert!(Entry::parse("1 4 x 10 step-00000001.safetensors").is_some());
        for bad in [
            "",
            "1",
            "01 4 x 10 step-00000001.safetensors",
            "1 4 x 10 step-00000002.safetensors",
            "1 4 x 10 step-00000001.safetensors ",
        ] {
            assert_eq!(Entry::parse(bad), None, "{bad}");
        }
    }
}

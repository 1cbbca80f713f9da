//! MANIFEST: which checkpoints of a run exist. Nothing else in the directory says so.
//!
//! A line with the names of the columns, then one a checkpoint, oldest first. It is written before the first checkpoint, so
//! that a run without it is a damaged one.

use std::path::{Path, PathBuf};

use snn_records::{BEST_DIR, CHECKPOINT_DIR, METRICS_FILE, RECIPE_FILE, RESULT_FILE, RUN_FILE};

use crate::files::{self, LINES};
use crate::{Error, Result, atomic, hash, write_atomic};

pub(crate) const MANIFEST_FILE: &str = "MANIFEST";
const COLUMNS: &str = "# step bytes sha256 metrics_bytes file\n";

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
        let unreadable =
            |e: std::io::Error| Error::checkpoint(&path, format!("cannot be read: {e}"));
        let len = std::fs::metadata(&path).map_err(unreadable)?.len();
        if len != self.bytes {
            let why = format!("has {len} bytes, {MANIFEST_FILE} says {}", self.bytes);
            return Err(Error::checkpoint(&path, why));
        }
        let bytes = files::read(&path, self.bytes).map_err(|error| match error {
            Error::Io { cause, .. } => unreadable(cause),
            other => other,
        })?;
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
    /// Writes one without checkpoints, when a run starts.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        write_atomic(&dir.join(MANIFEST_FILE), COLUMNS.as_bytes())?;
        Ok(Self::default())
    }

    /// Reads MANIFEST. Lines that cannot be read are left out with a warning.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it has no readable line, or is missing although the run has begun to write.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        match Self::read_if_there(dir)? {
            Some(manifest) => Ok(manifest),
            // Killed between run.json and here.
            None if checkpoints(dir)?.is_empty() && !dir.join(METRICS_FILE).exists() => {
                Self::start(dir)
            }
            None => Err(damage(dir, "is missing, and the run has begun")),
        }
    }

    /// [`Manifest::read`] that writes nothing; none where there is no MANIFEST.
    pub(crate) fn read_if_there(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(MANIFEST_FILE);
        let Some(bytes) = files::read_if_there(&path, LINES)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let mut manifest = Self::default();
        let mut begins = false;
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n').and_then(Entry::parse) {
                Some(entry) => manifest.entries.push(entry),
                None if line == COLUMNS => begins = true,
                None => {
                    manifest.damaged = true;
                    tracing::warn!(path = %path.display(), line, "unreadable line is left out");
                }
            }
        }
        if manifest.entries.is_empty() {
            // At most one checkpoint is written before its line is.
            if !begins || manifest.damaged || checkpoints(dir)?.len() > 1 {
                return Err(damage(dir, "is damaged"));
            }
        }
        Ok(Some(manifest))
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
        let lines: String = entries.iter().map(Entry::line).collect();
        write_atomic(&dir.join(MANIFEST_FILE), format!("{COLUMNS}{lines}").as_bytes())?;
        let kept = |old: &Entry| entries.iter().any(|e| e.step == old.step);
        for old in self.entries.iter().filter(|old| !kept(old)) {
            atomic::remove(&dir.join(old.file()))?;
        }
        let was_damaged = self.damaged;
        *self = Self { entries, damaged: false };
        // What an unreadable line named is older than what is on the disk now.
        if was_damaged { self.sweep(dir) } else { Ok(()) }
    }

    /// Deletes what an interrupted process left: temporary files, and checkpoints that are not listed.
    pub(crate) fn sweep(&self, dir: &Path) -> Result<()> {
        sweep_temporary(dir)?;
        let listed = |name: &String| self.entries.iter().any(|entry| entry.file() == *name);
        for name in checkpoints(dir)?.into_iter().filter(|name| !listed(name) && !self.damaged) {
            atomic::remove(&dir.join(name))?;
        }
        Ok(())
    }
}

/// Deletes the temporary files of an interrupted process, in a run directory and in the checkpoints inside it.
pub(crate) fn sweep_temporary(dir: &Path) -> Result<()> {
    let inside = [CHECKPOINT_DIR, BEST_DIR].map(|name| dir.join(name));
    let inside = inside.iter().map(PathBuf::as_path).filter(|dir| dir.is_dir());
    for dir in std::iter::once(dir).chain(inside) {
        for name in names(dir)? {
            if atomic::target_of(&name).is_some_and(is_ours) {
                atomic::remove(&dir.join(name))?;
            }
        }
    }
    Ok(())
}

/// Whether a run writes a file of that name.
fn is_ours(name: &str) -> bool {
    const RECORDS: [&str; 7] = [
        MANIFEST_FILE,
        RUN_FILE,
        RECIPE_FILE,
        RESULT_FILE,
        snn_models::CONFIG_FILE,
        snn_models::WEIGHTS_FILE,
        snn_models::SUMS_FILE,
    ];
    RECORDS.contains(&name) || is_checkpoint(name)
}

fn damage(dir: &Path, what: &str) -> Error {
    let why = format!("{what}; put a copy of it back, or start the run again in another directory");
    Error::checkpoint(dir.join(MANIFEST_FILE), why)
}

/// The names in a directory that are text, as all of ours are.
fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(Error::io(dir))?;
    Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// The checkpoints in a directory, listed or not.
fn checkpoints(dir: &Path) -> Result<Vec<String>> {
    Ok(names(dir)?.into_iter().filter(|name| is_checkpoint(name)).collect())
}

fn is_checkpoint(name: &str) -> bool {
    let digits = name.strip_prefix("step-").and_then(|name| name.strip_suffix(".safetensors"));
    digits.is_some_and(|digits| digits.len() >= 8 && digits.parse::<u64>().is_ok())
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
        for stray in ["step-00000009.safetensors", ".result.json.a1B2c3.tmp", "notes.tmp"] {
            write_atomic(&dir.path().join(stray), b"x").unwrap();
        }
        manifest.sweep(dir.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["MANIFEST", "notes.tmp", "step-00000001.safetensors"]);
    }

    #[test]
    fn what_a_damaged_line_named_goes_once_a_newer_one_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        push(dir.path(), &mut manifest, 1);
        push(dir.path(), &mut manifest, 2);
        let path = dir.path().join(MANIFEST_FILE);
        let damaged = std::fs::read_to_string(&path).unwrap().replace("\n2 4", "\n2 x");
        write_atomic(&path, damaged.as_bytes()).unwrap();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        manifest.sweep(dir.path()).unwrap();
        let files = |dir: &Path| checkpoints(dir).unwrap().len();
        assert_eq!((manifest.entries.len(), files(dir.path())), (1, 2), "it may be the newest");
        push(dir.path(), &mut manifest, 3);
        assert_eq!((manifest.entries.len(), files(dir.path())), (2, 2));
        assert!(!dir.path().join("step-00000002.safetensors").exists());
    }

    #[cfg(unix)]
    #[test]
    fn pipes_in_the_place_of_files_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = |name: &str| {
            let path = dir.path().join(name);
            let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
        };
        pipe(MANIFEST_FILE);
        let error = Manifest::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("MANIFEST: is not a regular file"), "{error}");
        pipe("step-00000001.safetensors");
        let of_pipe = Entry { bytes: 0, ..entry(1, b"data") };
        let error = of_pipe.read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("is not a regular file"), "{error}");
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
                Ok(read) => assert_eq!(read.entries, [entry(1, b"data")], "{cut}"),
                Err(error) => assert!(matches!(error, Error::Checkpoint { .. })),
            }
        }
        // A run that has begun has one.
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Manifest::read(dir.path()), Err(Error::Checkpoint { .. })));
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

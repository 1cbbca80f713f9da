//! steps.jsonl: a line for every optimizer step, where the recipe asks for it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use snn_records::{STEPS_FILE, StepLine};

use crate::{Error, Result, files};

/// A longer log is refused.
const MOST: u64 = 1 << 33;

/// The open log; lines are on the disk when a checkpoint is.
pub(crate) struct StepsFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl StepsFile {
    /// Opens the log of a run that has taken `step` steps; lines of later ones, which are taken again, are cut off.
    pub(crate) fn open(dir: &Path, step: u64) -> Result<Self> {
        let path = dir.join(STEPS_FILE);
        let old = files::read_if_there(&path, MOST)?.unwrap_or_default();
        let open = || {
            let file = OpenOptions::new().append(true).create(true).open(&path)?;
            file.set_len(kept(&old, step))?;
            Ok(BufWriter::new(file))
        };
        let file = open().map_err(Error::io(&path))?;
        Ok(Self { path, file })
    }

    pub(crate) fn push(&mut self, line: &StepLine) -> Result<()> {
        let mut write = || {
            serde_json::to_writer(&mut self.file, line)?;
            self.file.write_all(b"\n")
        };
        write().map_err(Error::io(&self.path))
    }

    /// Makes every line durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let mut sync = || {
            self.file.flush()?;
            self.file.get_ref().sync_all()
        };
        sync().map_err(Error::io(&self.path))
    }
}

/// Bytes of the whole lines before `step`.
fn kept(text: &[u8], step: u64) -> u64 {
    let is_before = |line: &&[u8]| {
        let whole = line.ends_with(b"\n");
        whole && serde_json::from_slice::<StepLine>(line).is_ok_and(|line| line.step < step)
    };
    let lines = text.split_inclusive(|&b| b == b'\n').take_while(is_before);
    lines.map(|line| line.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_will_come_again_are_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let line = |step| StepLine { step, epoch: 0, lr: 0.1, loss: 1.0 / 3.0, grad_norm: 2.0 };
        let mut log = StepsFile::open(dir.path(), 0).unwrap();
        (0..4).for_each(|step| log.push(&line(step)).unwrap());
        log.sync().unwrap();
        let path = dir.path().join(STEPS_FILE);
        let mut whole = std::fs::read(&path).unwrap();
        whole.extend(b"{\"step\":4,");
        crate::write_atomic(&path, &whole).unwrap();
        StepsFile::open(dir.path(), 9).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().iter().filter(|b| **b == b'\n').count(), 4);
        let mut log = StepsFile::open(dir.path(), 2).unwrap();
        log.push(&line(2)).unwrap();
        log.sync().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<StepLine> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, [line(0), line(1), line(2)]);
    }
}

//! metrics.jsonl: one line an epoch. Everything that a clock or the machine decides stands in the object `clock`, so
//! that all else is equal for equal runs. The last field of `clock` is a check of the line before it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use snn_records::{EpochReport, METRICS_FILE};

use crate::files::{self, LINES};
use crate::{Error, Result, hash};

/// Adds a line and makes it durable; returns the file's length.
pub(crate) fn append(dir: &Path, report: &EpochReport) -> Result<u64> {
    let path = dir.join(METRICS_FILE);
    let line = serde_json::to_string(report).map_err(|e| Error::io(&path)(e.into()))?;
    let line = checked(&line);
    let write = || {
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    write().map_err(Error::io(&path))
}

const REMEDY: &str = "the checkpoint was written with; put a copy of it back, or start the run again in another directory";

/// The lines in the first `bytes` bytes.
///
/// # Errors
/// [`Error::Checkpoint`] when these bytes are not there or are not exactly `epochs` lines.
pub(crate) fn read(dir: &Path, bytes: u64, epochs: usize) -> Result<Vec<EpochReport>> {
    let path = dir.join(METRICS_FILE);
    let fault = |why: String| Error::checkpoint(&path, why);
    let whole = files::read_if_there(&path, LINES)?.unwrap_or_default();
    let text = usize::try_from(bytes).ok().and_then(|n| whole.get(..n));
    let text =
        text.ok_or_else(|| fault(format!("is shorter than the {bytes} bytes that {REMEDY}")))?;
    let lines = text.split_inclusive(|&b| b == b'\n');
    let reports: std::result::Result<Vec<EpochReport>, _> = lines.map(parse).collect();
    let reports = reports
        .map_err(|e| fault(format!("is damaged ({e}) in the first {bytes} bytes that {REMEDY}")))?;
    let in_order = reports.iter().enumerate().all(|(i, report)| report.epoch == i);
    if reports.len() != epochs || !in_order || !(text.is_empty() || text.ends_with(b"\n")) {
        return Err(fault(format!(
            "does not hold {epochs} epochs in the first {bytes} bytes that {REMEDY}"
        )));
    }
    Ok(reports)
}

/// The line of an epoch that ended after `step` steps, and the file's length up to its end, where it is there.
///
/// # Errors
/// As [`read_all`].
pub(crate) fn line(dir: &Path, epoch: usize, step: u64) -> Result<Option<(EpochReport, u64)>> {
    let lines = read_all(dir)?;
    let Some(line) = lines.into_iter().nth(epoch).filter(|line| line.step == step) else {
        return Ok(None);
    };
    let whole = files::read_if_there(&dir.join(METRICS_FILE), LINES)?.unwrap_or_default();
    let bytes =
        whole.split_inclusive(|&b| b == b'\n').take(epoch + 1).map(<[u8]>::len).sum::<usize>();
    Ok(Some((line, bytes as u64)))
}

/// The whole lines of a run that may go on meanwhile.
///
/// # Errors
/// [`Error::Checkpoint`] naming the first line that is not what was written.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<EpochReport>> {
    let path = dir.join(METRICS_FILE);
    let whole = files::read_if_there(&path, LINES)?.unwrap_or_default();
    let lines = whole.split_inclusive(|&b| b == b'\n').filter(|line| line.ends_with(b"\n"));
    let fault = |(at, line): (usize, &[u8])| {
        let why = |e| {
            Error::checkpoint(
                &path,
                format!("line {} is damaged ({e}); put a copy of it back", at + 1),
            )
        };
        parse(line).map_err(why)
    };
    lines.enumerate().map(fault).collect()
}

/// Where the check begins in a line, which ends after it.
const CHECK: &str = ",\"check\":\"";
const END: &str = "\"}}\n";

/// The line with its check: the first 32 bits of its SHA-256.
fn checked(line: &str) -> String {
    match line.strip_suffix("}}") {
        Some(begin) => format!("{begin}{CHECK}{}{END}", check(begin.as_bytes())),
        // Its last field is an object always.
        None => format!("{line}\n"),
    }
}

fn check(line: &[u8]) -> String {
    hash::sha256(line).chars().take(8).collect()
}

/// A line's report, if it is what was written. Lines of older versions have no check.
fn parse(line: &[u8]) -> std::result::Result<EpochReport, String> {
    let report = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let text = std::str::from_utf8(line).map_err(|e| e.to_string())?;
    if let Some((begin, rest)) = text.rsplit_once(CHECK)
        && rest.strip_suffix(END) != Some(check(begin.as_bytes()).as_str())
    {
        return Err("a number of it was changed".into());
    }
    Ok(report)
}

/// Cuts the file back to `bytes` bytes, making it where there is none.
pub(crate) fn cut(dir: &Path, bytes: u64) -> Result<()> {
    let path = dir.join(METRICS_FILE);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let cut = || {
        let file = options.open(&path)?;
        if file.metadata()?.len() != bytes {
            file.set_len(bytes)?;
        }
        file.sync_all()
    };
    cut().map_err(Error::io(&path))?;
    crate::atomic::sync_dir(dir)
}

/// The largest resident memory of this process so far in MiB; 0 where the operating system does not say.
pub fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.map_or(0.0, |kib| (kib / 1024.0).round())
}

#[cfg(test)]
mod tests {
    use snn_records::Clock;

    use super::*;

    fn report(epoch: usize) -> EpochReport {
        EpochReport {
            epoch,
            epochs: 3,
            phase: None,
            step: 7,
            lr: 0.1 + 0.2,
            alpha: 0.0,
            train_loss: 1.0 / 3.0,
            train_top1: 50.0,
            test: None,
            clock: Clock { seconds: 1.5, waited: 0.25, peak_rss_mb: 271.0 },
        }
    }

    #[test]
    fn lines_come_back_to_the_bit_and_can_be_cut() {
        let dir = tempfile::tempdir().unwrap();
        cut(dir.path(), 0).unwrap();
        let one = append(dir.path(), &report(0)).unwrap();
        let two = append(dir.path(), &report(1)).unwrap();
        assert_eq!(read(dir.path(), two, 2).unwrap(), [report(0), report(1)]);
        cut(dir.path(), one).unwrap();
        assert_eq!(read(dir.path(), one, 1).unwrap(), [report(0)]);
        assert_eq!(append(dir.path(), &report(1)).unwrap(), two);
    }

    #[test]
    fn any_changed_byte_is_found_and_lines_of_older_versions_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = append(dir.path(), &report(0)).unwrap();
        let path = dir.path().join(METRICS_FILE);
        let whole = std::fs::read(&path).unwrap();
        let mut other = whole.clone();
        for at in 0..whole.len() {
            for bit in [1, 2, 4] {
                other[at] ^= bit;
                crate::write_atomic(&path, &other).unwrap();
                let found = read(dir.path(), bytes, 1);
                // What is no longer called a check is none; the name is no figure.
                let renamed = !String::from_utf8_lossy(&other).contains(CHECK);
                assert!(renamed || matches!(found, Err(Error::Checkpoint { .. })), "{at} {bit}");
                assert_eq!(read_all(dir.path()).is_err(), found.is_err() && other.ends_with(b"\n"));
                other[at] ^= bit;
            }
        }
        let mut old = serde_json::to_vec(&report(0)).unwrap();
        old.push(b'\n');
        crate::write_atomic(&path, &old).unwrap();
        assert_eq!(read(dir.path(), old.len() as u64, 1).unwrap(), [report(0)]);
    }

    #[test]
    fn another_length_is_a_typed_error() {
        let dir = tempfile::tempdir().unwrap();
        append(dir.path(), &report(0)).unwrap();
        let two = append(dir.path(), &report(1)).unwrap();
        for bytes in (0..two + 3).filter(|&bytes| bytes != two) {
            assert!(matches!(read(dir.path(), bytes, 2), Err(Error::Checkpoint { .. })), "{bytes}");
        }
    }
}

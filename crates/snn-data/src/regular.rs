//! The one way to open a file: a regular one of bounded length. A pipe would be waited for, a device read without end.

use std::fs::{self, File, Metadata};
use std::io::{Error, Read, Result};
use std::path::Path;

/// Opens a regular file, or a link to one, and returns it with its length in bytes.
///
/// # Errors
/// What the system says, and an error of kind [`Other`](std::io::ErrorKind::Other) for a folder, pipe, socket or device.
pub fn open_regular(path: &Path) -> Result<(File, u64)> {
    // Asked before opening too: to open a pipe is to wait for its writer.
    regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    let len = regular(&file.metadata()?)?;
    Ok((file, len))
}

/// Reads a whole regular file of at most `most` bytes. No more memory is taken than the file has bytes.
///
/// # Errors
/// As [`open_regular`], and an error of kind [`FileTooLarge`](std::io::ErrorKind::FileTooLarge) past `most`.
pub fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, len) = open_regular(path)?;
    let fits = |len: u64| match len <= most {
        true => Ok(()),
        false => {
            let why = format!("has {len} bytes; such a file has at most {most}");
            Err(Error::new(std::io::ErrorKind::FileTooLarge, why))
        }
    };
    fits(len)?;
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    // It may have grown since.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    fits(bytes.len() as u64)?;
    Ok(bytes)
}

fn regular(about: &Metadata) -> Result<u64> {
    match about.is_file() {
        true => Ok(about.len()),
        false => Err(Error::other("is no regular file but a folder, pipe or device")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_bounded_length_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::io::Write::write_all(&mut File::create(&path).unwrap(), b"abc").unwrap();
        assert_eq!(read_regular(&path, 3).unwrap(), b"abc");
        let error = read_regular(&path, 2).unwrap_err().to_string();
        assert_eq!(error, "has 3 bytes; such a file has at most 2");
        assert!(open_regular(dir.path()).unwrap_err().to_string().contains("no regular file"));
        #[cfg(unix)]
        {
            let pipe = dir.path().join("pipe");
            let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
            assert!(made.success());
            // Without the question this would wait for a writer, and the next would never end.
            assert!(read_regular(&pipe, 9).is_err());
            assert!(read_regular(Path::new("/dev/zero"), u64::MAX).is_err());
        }
    }
}

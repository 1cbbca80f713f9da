//! Writing files whole or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file beside its place and moves it there, so that a reader never sees half of it.
///
/// # Errors
/// When the folder cannot be made or the file not written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let name = path.file_name().context("a file needs a name")?.to_string_lossy();
    let temporary = path.with_file_name(format!("{name}.tmp"));
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(&temporary)?;
        file.write_all(content.as_ref())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Reads a text file.
///
/// # Errors
/// When it cannot be read, naming it.
pub fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

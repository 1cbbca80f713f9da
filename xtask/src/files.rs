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

/// Removes a folder with all that is in it; one that is gone already is fine.
///
/// # Errors
/// When it cannot be removed, naming it.
pub fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The names of all files below a folder, from the folder on.
///
/// # Errors
/// When a folder cannot be read, naming it.
pub fn tree(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        match path.is_dir() {
            true => names.extend(tree(&path)?.into_iter().map(|inner| format!("{name}/{inner}"))),
            false => names.push(name),
        }
    }
    Ok(names)
}

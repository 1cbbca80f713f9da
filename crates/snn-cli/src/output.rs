//! What the program prints, and where it may write.

use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::OnceLock;

/// Why standard output could not be written.
static UNPRINTED: OnceLock<std::io::Error> = OnceLock::new();

/// Prints a line on standard output; a reader that went away is not an error, a full disk is one at the end.
pub(crate) fn print(line: &str) {
    let printed = writeln!(std::io::stdout().lock(), "{}", plain(line));
    if let Err(error) = printed.and_then(|()| std::io::stdout().flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = UNPRINTED.set(error);
    }
}

/// Why a line could not be printed, where one could not.
pub(crate) fn unprinted() -> Option<&'static std::io::Error> {
    UNPRINTED.get()
}

/// Says what ended the program, whatever RUST_LOG lets through.
pub(crate) fn complain(why: &str) {
    let _ = writeln!(std::io::stderr().lock(), "ERROR {}", plain(why));
}

/// The text with control characters written out: the name of a file or of a class may hold what a terminal obeys.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_obeyed(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

/// Refuses to write a file over the one that was read.
pub(crate) fn differ(input: &Path, output: &Path) -> anyhow::Result<()> {
    let same =
        input.canonicalize().ok().zip(output.canonicalize().ok()).is_some_and(|(a, b)| a == b);
    anyhow::ensure!(!same, "{}: is the input too; name another output", output.display());
    Ok(())
}

/// Refuses to write where something else lies: in a folder that is read, or over a file that does not begin as those of its
/// kind do.
pub(crate) fn replaceable(output: &Path, begin: &[u8], read: &[&Path]) -> anyhow::Result<()> {
    let shown = output.display();
    if let Ok(file) = output.canonicalize() {
        let inside = |folder: &&&Path| folder.canonicalize().is_ok_and(|it| file.starts_with(it));
        if let Some(folder) = read.iter().find(inside) {
            anyhow::bail!(
                "{shown}: lies in {}, which is read; name another file",
                folder.display()
            );
        }
    }
    let mut head = vec![0; begin.len()];
    match std::fs::File::open(output).and_then(|mut file| file.read_exact(&mut head)) {
        Ok(()) if head == begin => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(()) | Err(_) => {
            anyhow::bail!("{shown}: is there, and is no such file; name another file")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_obey_no_names() {
        assert!(matches!(plain("a\tb\nä"), Cow::Borrowed("a\tb\nä")));
        assert_eq!(plain("a\x1b[31mred\u{9b}2J\r"), "a\\u{1b}[31mred\\u{9b}2J\\r");
    }
}

//! Lines of text before binary events.

use std::path::Path;

use crate::limits::check;
use crate::{Error, FormatFault, Limits, Result};

/// Bytes of the lines at the beginning; a line ends with a newline, and `belongs` says of what is left whether it
/// begins with one more.
///
/// # Errors
/// [`Error::Format`] for a last line without an end, [`Error::Limit`] past `limits.header_bytes`.
pub(super) fn text_header(
    bytes: &[u8],
    mut belongs: impl FnMut(&[u8]) -> bool,
    limits: &Limits,
    path: &Path,
) -> Result<usize> {
    let mut at = 0;
    while let Some(line) = bytes.get(at..).filter(|line| belongs(line)) {
        let most = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
        let Some(end) = line.iter().take(most).position(|&byte| byte == b'\n') else {
            check(path, "header_bytes", (at + line.len()) as u64, limits.header_bytes)?;
            let why = "the last line has no end; fetch or save the file again";
            return Err(Error::format(path, at, FormatFault::Header { why }));
        };
        at += end + 1;
        check(path, "header_bytes", at as u64, limits.header_bytes)?;
    }
    Ok(at)
}

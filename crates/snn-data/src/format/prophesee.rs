//! The text header of Prophesee's files: lines that begin with `% `, then DAT, EVT2 or EVT3 events.

use std::path::Path;

use super::header::text_header;
use crate::{Error, FormatFault, Limits, Result};

/// What a header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Its bytes.
    pub(super) len: usize,
    /// Columns and rows.
    pub(super) sensor: Option<(u16, u16)>,
    /// EVT's version: 20, 21 or 30.
    pub(super) evt: Option<u8>,
    /// DAT's version.
    pub(super) dat: Option<u8>,
}

/// Reads lines up to `% end`, or to the first that is no line of text beginning with `% `.
///
/// # Errors
/// [`Error::Format`] without such a line, [`Error::Limit`] past `limits.header_bytes`.
pub(super) fn header(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Header> {
    if !bytes.starts_with(b"%") {
        let fault = FormatFault::Magic { expected: "a Prophesee file: it begins with `%`" };
        return Err(Error::format(path, 0, fault));
    }
    let most = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | 0x80..);
    let mut ended = false;
    let is_line = |rest: &[u8]| {
        let line = || rest.iter().take(most).take_while(|&&byte| byte != b'\n');
        let is_line = !ended && rest.starts_with(b"% ") && line().all(is_text);
        ended = rest.starts_with(b"% end\n") || rest.starts_with(b"% end\r\n");
        is_line
    };
    let len = text_header(bytes, is_line, limits, path)?;
    let text = String::from_utf8_lossy(bytes.get(..len).unwrap_or(&[])).to_lowercase();
    let mut header = Header { len, ..Header::default() };
    let (mut width, mut height) = (None, None);
    for line in text.lines() {
        let line = line.trim_start_matches('%').trim();
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match (key, value) {
            ("evt", "2.0") => header.evt = Some(20),
            ("evt", "2.1") => header.evt = Some(21),
            ("evt", "3.0") => header.evt = Some(30),
            ("version", number) => header.dat = number.parse().ok(),
            ("width", number) => width = number.parse().ok(),
            ("height", number) => height = number.parse().ok(),
            ("geometry", size) => {
                let (columns, rows) = size.split_once('x').unwrap_or_default();
                (width, height) = (columns.parse().ok(), rows.parse().ok());
            }
            ("format", fields) => {
                for field in fields.split(';') {
                    match field.split_once('=').unwrap_or((field, "")) {
                        ("evt2", _) => header.evt = Some(20),
                        ("evt21" | "evt2.1", _) => header.evt = Some(21),
                        ("evt3", _) => header.evt = Some(30),
                        ("width", number) => width = number.parse().ok(),
                        ("height", number) => height = number.parse().ok(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    header.sensor = width.zip(height);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Header> {
        header(bytes, &Limits::default(), Path::new("x.raw"))
    }

    #[test]
    fn versions_and_sizes_are_found() {
        let raw = read(b"% Date 2020\n% evt 3.0\n\x2d\x8b").unwrap();
        assert_eq!(raw, Header { len: 22, sensor: None, evt: Some(30), dat: None });
        let raw = read(b"% format EVT2;height=720;width=1280\n% end\n% \n").unwrap();
        assert_eq!(raw, Header { len: 42, sensor: Some((1280, 720)), evt: Some(20), dat: None });
        let dat = read(b"% Version 2\n% Height 240\n% Width 304\n\x00\x08").unwrap();
        assert_eq!(dat, Header { len: 37, sensor: Some((304, 240)), evt: None, dat: Some(2) });
        assert_eq!(read(b"% geometry 640x480\n").unwrap().sensor, Some((640, 480)));
    }

    #[test]
    fn events_that_look_like_a_line_are_events() {
        // 0x25 is '%', but no text follows.
        assert_eq!(read(b"% evt 3.0\n%\x00\n").unwrap().len, 10);
        // All of it could be text, but for the space.
        assert_eq!(read(b"% evt 3.0\n%\x800`\n ").unwrap().len, 10);
    }

    #[test]
    fn headers_are_bounded() {
        assert!(read(b"").is_err());
        assert!(matches!(read(b"% no end").unwrap_err(), Error::Format { offset: 0, .. }));
        let limits = Limits { header_bytes: 10, ..Limits::default() };
        let long = header(&b"% a\n".repeat(100), &limits, Path::new("x"));
        assert!(matches!(long.unwrap_err(), Error::Limit { what: "header_bytes", .. }));
    }
}

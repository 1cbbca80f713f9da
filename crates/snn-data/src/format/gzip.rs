//! Bounded decompression of `.gz` files.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::room::Room;
use crate::{Error, FormatFault, Limits, Result};

/// The decompressed bytes where `bytes` are gzip data, else `bytes` themselves.
///
/// # Errors
/// [`Error::Limit`] past `limits.file_bytes` or `limits.inflate_ratio` (a file may always grow to 1 MiB),
/// [`Error::Format`] for damaged data.
pub fn gunzip<'a>(bytes: &'a [u8], limits: &Limits, path: &Path) -> Result<Cow<'a, [u8]>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut room = Room::new(bytes.len(), limits, path);
    let damaged = |_| Error::format(path, 0, FormatFault::Gzip);
    // The first pass keeps nothing, so that a bomb costs no memory and the second allocates what there is.
    let mut measured = room.bound(MultiGzDecoder::new(bytes));
    let size = std::io::copy(&mut measured, &mut std::io::sink()).map_err(damaged)?;
    room.take(size)?;
    let mut out = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    MultiGzDecoder::new(bytes).take(size).read_to_end(&mut out).map_err(damaged)?;
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn round_trip_and_plain_bytes() {
        let path = Path::new("a.gz");
        let limits = Limits::default();
        assert_eq!(&*gunzip(&packed(b"abc"), &limits, path).unwrap(), b"abc");
        assert_eq!(&*gunzip(b"abc", &limits, path).unwrap(), b"abc");
    }

    #[test]
    fn bomb_is_refused_early() {
        let bomb = packed(&vec![0; 8 << 20]);
        let error = gunzip(&bomb, &Limits::default(), Path::new("a.gz")).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "inflate_ratio", .. }), "{error}");
        let limits = Limits { file_bytes: 1000, ..Limits::default() };
        let error = gunzip(&bomb, &limits, Path::new("a.gz")).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "file_bytes", got: 1001, .. }), "{error}");
    }

    #[test]
    fn every_prefix_is_refused() {
        let packed = packed(b"some text that is long enough");
        for n in 2..packed.len() {
            assert!(gunzip(&packed[..n], &Limits::default(), Path::new("a.gz")).is_err());
        }
    }
}

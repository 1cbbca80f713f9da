//! JPEG and PNG pictures.

use std::path::Path;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_png::PngDecoder;

use crate::limits::check;
use crate::transform::Image;
use crate::{Error, FormatFault, Limits, Result};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8";
/// A PNG's first chunk: its length and name.
const HEADER: &[u8] = b"\0\0\0\x0dIHDR";

/// A JPEG or PNG file as red, green and blue, `[3, H, W]`: grey is expanded, transparency left out, 16 bits cut to 8.
///
/// JPEG is lossy also in its decoder: values differ from libjpeg-turbo's by a few levels at most.
///
/// # Errors
/// [`Error::Limit`] when a side or the number of values is above its limit; [`Error::Format`] when the bytes are neither
/// kind, cut off or damaged.
pub fn picture(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Image> {
    if bytes.starts_with(PNG) {
        png(bytes, limits, path)
    } else if bytes.starts_with(JPEG) {
        jpeg(bytes, limits, path)
    } else {
        Err(Error::format(path, 0, FormatFault::Magic { expected: "a JPEG or PNG picture" }))
    }
}

/// Refuses a JPEG or PNG file that is cut off, without decoding it. What is neither is for [`picture`] to refuse.
pub(crate) fn whole_picture(bytes: &[u8], path: &Path) -> Result<()> {
    if bytes.starts_with(PNG) {
        let color = bytes.get(25).filter(|_| bytes.get(8..16) == Some(HEADER));
        let color = color.ok_or_else(|| damaged(path, "the header is missing"))?;
        pixel_chunks(bytes, *color == 3, path).map(drop)
    } else if bytes.starts_with(JPEG) {
        ended(bytes, path)
    } else {
        Ok(())
    }
}

/// The decoder makes grey of what is missing; but the last scan of a whole JPEG is followed by the end marker.
fn ended(bytes: &[u8], path: &Path) -> Result<()> {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|at| at == marker);
    match last([0xff, 0xd9]) < last([0xff, 0xda]) {
        true => Err(damaged(path, "the end is missing")),
        false => Ok(()),
    }
}

fn jpeg(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Image> {
    ended(bytes, path)?;
    let bytes = pixel_segments(bytes, path)?;
    let options = options().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes), options);
    decoder.decode_headers().map_err(|error| damaged(path, error))?;
    let info = decoder.info().ok_or_else(|| damaged(path, "no frame header"))?;
    // Of others the decoder makes wrong pixels, or panics.
    let known = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => info.components == 1,
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => matches!(info.components, 3 | 4),
        _ => info.components == 3,
    };
    if !known {
        return Err(damaged(path, "its colors are of an unknown kind"));
    }
    let (height, width) = (info.height.into(), info.width.into());
    check_size(height, width, limits, path)?;
    // A block of 8x8 takes a bit at least, and sampling leaves out half of the blocks at most.
    if height * width > 1024 * bytes.len() {
        return Err(damaged(path, "rows are missing"));
    }
    let pixels = decoder.decode().map_err(|error| damaged(path, error))?;
    rgb(&pixels, 3, height, width).ok_or_else(|| damaged(path, "rows are missing"))
}

/// The file without what makes no pixels: the decoder keeps profiles, and puts parts of XMP together after each segment.
fn pixel_segments(bytes: &[u8], path: &Path) -> Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(JPEG);
    let (mut rest, mut components) = (bytes.get(JPEG.len()..).unwrap_or_default(), None);
    loop {
        // Strays between segments are passed over, as other decoders do.
        let start = rest.windows(2).position(|pair| matches!(pair, [0xff, 1..=0xfe]));
        let found = start.and_then(|start| rest.get(start..));
        let segment = found.ok_or_else(|| damaged(path, "the pixels are missing"))?;
        let at = bytes.len() - segment.len();
        let &[_, marker, high, low] = segment
            .first_chunk()
            .ok_or_else(|| truncated(path, at, "a JPEG segment's header", 4, segment.len()))?;
        if marker == 0xda {
            // Another kind of colors between the scans: of four components the decoder leaves one out, and panics.
            if components == Some(4) && segment.windows(2).any(|pair| pair == [0xff, 0xee]) {
                return Err(misplaced(path, at, "its kind of colors changes"));
            }
            kept.extend_from_slice(segment);
            return Ok(kept);
        }
        // The length counts its own two bytes.
        let length = 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        let Some((segment, after)) = segment.split_at_checked(length) else {
            return Err(truncated(path, at, "a JPEG segment", length, segment.len()));
        };
        rest = after;
        if matches!(marker, 0xc0..=0xc2) {
            components = segment.get(9).copied();
            let sampling = segment.get(10..).unwrap_or_default().as_chunks().0;
            let wide = sampling.iter().map(|&[_, sampling, _]| sampling >> 4);
            // The decoder takes the first component's width for the picture's.
            if wide.clone().next() < wide.max() {
                return Err(misplaced(path, at, "its first component is not its finest"));
            }
        }
        // Comments and notes of applications; APP0 tells of tables left out, APP14 the kind of colors where there are any.
        let is_note = match marker {
            0xe1..=0xed | 0xef | 0xfe => true,
            0xee => components == Some(1),
            _ => false,
        };
        if !is_note {
            kept.extend_from_slice(segment);
        }
    }
}

fn png(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Image> {
    let header = bytes.first_chunk::<26>().filter(|_| bytes.get(8..16) == Some(HEADER));
    let Some(&[.., w0, w1, w2, w3, h0, h1, h2, h3, depth, color]) = header else {
        return Err(damaged(path, "the header is missing"));
    };
    let width = u32::from_be_bytes([w0, w1, w2, w3]) as usize;
    let height = u32::from_be_bytes([h0, h1, h2, h3]) as usize;
    check_size(height, width, limits, path)?;
    let samples = match color {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    // Deflate packs 1032 bytes into one at most.
    let row = (samples * width).saturating_mul(depth.into()) / 8;
    if row.saturating_mul(height) / 1032 > bytes.len() {
        return Err(damaged(path, "rows are missing"));
    }
    let bytes = pixel_chunks(bytes, color == 3, path)?;
    let options = options().png_set_strip_to_8bit(true).inflate_set_confirm_adler(true);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(&bytes), options);
    decoder.decode_headers().map_err(|error| damaged(path, error))?;
    let channels = decoder.colorspace().map_or(0, |space| space.num_components());
    let pixels = decoder.decode_raw().map_err(|error| damaged(path, error))?;
    rgb(&pixels, channels, height, width).ok_or_else(|| damaged(path, "rows are missing"))
}

/// The file without what makes no pixels: the decoder unpacks texts and profiles, lets an animation's frame change the
/// picture's size, and reads on inside of a chunk that is too long. Transparency is left out anyway.
fn pixel_chunks(bytes: &[u8], indexed: bool, path: &Path) -> Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(PNG);
    let (mut rest, mut needs_palette) = (bytes.get(PNG.len()..).unwrap_or_default(), indexed);
    loop {
        let at = bytes.len() - rest.len();
        let Some(&[n0, n1, n2, n3, ref name @ ..]) = rest.first_chunk::<8>() else {
            return Err(truncated(path, at, "a PNG chunk's header", 8, rest.len()));
        };
        let length = u32::from_be_bytes([n0, n1, n2, n3]) as usize;
        // The checksum follows.
        let Some((chunk, after)) = rest.split_at_checked(8 + length + 4) else {
            return Err(truncated(path, at, "a PNG chunk", 8 + length + 4, rest.len()));
        };
        let colors = length.is_multiple_of(3) && (3..=768).contains(&length);
        let makes_pixels = match name {
            b"IHDR" if at == PNG.len() => true,
            b"PLTE" if needs_palette && colors => true,
            b"IDAT" | b"IEND" if !needs_palette => true,
            // Proposed for screens of few colors.
            b"PLTE" if !indexed => false,
            // No decoder has to know what begins with a small letter.
            [b'a'..=b'z', ..] => false,
            _ => {
                let why = format!("the chunk {} does not belong here", name.escape_ascii());
                return Err(misplaced(path, at, why));
            }
        };
        if makes_pixels {
            kept.extend_from_slice(chunk);
            needs_palette &= name != b"PLTE";
        }
        if name == b"IEND" {
            return Ok(kept);
        }
        rest = after;
    }
}

/// Without the decoder's own limit: ours is checked first, and its error names it.
fn options() -> DecoderOptions {
    DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX)
}

fn check_size(height: usize, width: usize, limits: &Limits, path: &Path) -> Result<()> {
    check(path, "side", height.max(width) as u64, limits.side)?;
    let values = (3 * height as u64).saturating_mul(width as u64);
    check(path, "sample_values", values, limits.sample_values)
}

/// Planes of pixels that lie side by side: grey, grey and alpha, colors, or colors and alpha.
fn rgb(pixels: &[u8], channels: usize, height: usize, width: usize) -> Option<Image> {
    let n = height * width;
    if pixels.len() != channels.checked_mul(n)? {
        return None;
    }
    let planes = match channels {
        1 => pixels.repeat(3),
        2 => pixels.as_chunks().0.iter().map(|&[grey, _]| grey).collect::<Vec<u8>>().repeat(3),
        3 => split(n, pixels.as_chunks().0.iter().copied()),
        4 => split(n, pixels.as_chunks().0.iter().map(|&[red, green, blue, _]| [red, green, blue])),
        _ => return None,
    };
    Image::new([3, height, width], planes).ok()
}

fn split(n: usize, pixels: impl Iterator<Item = [u8; 3]>) -> Vec<u8> {
    let mut planes = vec![0; 3 * n];
    let (red, rest) = planes.split_at_mut(n);
    let (green, blue) = rest.split_at_mut(n);
    for (((r, g), b), pixel) in red.iter_mut().zip(green).zip(blue).zip(pixels) {
        [*r, *g, *b] = pixel;
    }
    planes
}

fn damaged(path: &Path, why: impl ToString) -> Error {
    misplaced(path, 0, why)
}

fn misplaced(path: &Path, at: usize, why: impl ToString) -> Error {
    let why = why.to_string().trim().replace('\n', " ");
    Error::format(path, at, FormatFault::Picture { why })
}

fn truncated(path: &Path, at: usize, what: &'static str, need: usize, have: usize) -> Error {
    let (need, have) = (need as u64, have as u64);
    Error::format(path, at, FormatFault::Truncated { what, need, have })
}

#[cfg(test)]
mod tests;

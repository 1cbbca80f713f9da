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

fn jpeg(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Image> {
    // The decoder makes grey of what is missing; but the last scan of a whole file is followed by the end marker.
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|at| at == marker);
    if last([0xff, 0xd9]) < last([0xff, 0xda]) {
        return Err(damaged(path, "the end is missing"));
    }
    let options = options(limits).jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| damaged(path, error))?;
    let info = decoder.info().ok_or_else(|| damaged(path, "no frame header"))?;
    let (height, width) = (info.height.into(), info.width.into());
    check_size(height, width, limits, path)?;
    let pixels = decoder.decode().map_err(|error| damaged(path, error))?;
    rgb(&pixels, 3, height, width).ok_or_else(|| damaged(path, "rows are missing"))
}

fn png(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Image> {
    let options = options(limits).png_set_strip_to_8bit(true).png_set_decode_animated(false);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| damaged(path, error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged(path, "no header"))?;
    check_size(height, width, limits, path)?;
    let channels = decoder.colorspace().map_or(0, |space| space.num_components());
    let pixels = decoder.decode_raw().map_err(|error| damaged(path, error))?;
    rgb(&pixels, channels, height, width).ok_or_else(|| damaged(path, "rows are missing"))
}

fn options(limits: &Limits) -> DecoderOptions {
    let side = usize::try_from(limits.side).unwrap_or(usize::MAX);
    DecoderOptions::default().set_max_width(side).set_max_height(side)
}

fn check_size(height: usize, width: usize, limits: &Limits, path: &Path) -> Result<()> {
    check(path, "side", height.max(width) as u64, limits.side)?;
    check(path, "sample_values", 3 * height as u64 * width as u64, limits.sample_values)
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
    Error::format(path, 0, FormatFault::Picture { why: why.to_string().trim().replace('\n', " ") })
}

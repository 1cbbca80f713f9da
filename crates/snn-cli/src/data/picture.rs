//! Pixels, and the PNG and GIF files that hold them.

use anyhow::Context;

/// Rows of red, green and blue.
pub(crate) struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Pixels of a file at most, all frames together.
const MOST: usize = 1 << 27;

impl Picture {
    /// All of one color.
    ///
    /// # Errors
    /// More pixels than a file should have.
    pub(crate) fn new(width: usize, height: usize, color: [u8; 3]) -> anyhow::Result<Self> {
        let pixels = width.checked_mul(height).filter(|pixels| *pixels <= MOST);
        let pixels = pixels.with_context(|| {
            format!("a picture of {width} x {height} pixels is too large; show fewer frames")
        })?;
        Ok(Self { width, height, rgb: color.repeat(pixels) })
    }

    /// Colors a square of `side` pixels whose corner lies at (x, y); what is outside is left out.
    pub(crate) fn square(&mut self, x: usize, y: usize, side: usize, color: [u8; 3]) {
        for row in y..(y + side).min(self.height) {
            for column in x..(x + side).min(self.width) {
                let at = 3 * (row * self.width + column);
                self.rgb[at..at + 3].copy_from_slice(&color);
            }
        }
    }

    pub(crate) fn png(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder =
            png::Encoder::new(&mut bytes, u32::try_from(self.width)?, u32::try_from(self.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// Frames of one size as an endless GIF, `delay_ms` each; at most 256 colors in all.
pub(crate) fn gif(frames: &[Picture], delay_ms: u16) -> anyhow::Result<Vec<u8>> {
    let first = frames.first().context("no frames")?;
    let side = |side: usize| u16::try_from(side).context("too large for a GIF; write a .png");
    let (width, height) = (side(first.width)?, side(first.height)?);
    anyhow::ensure!(
        frames.len() * first.width * first.height <= MOST,
        "{} frames of {width} x {height} pixels are too large; show fewer frames",
        frames.len()
    );
    let mut colors: Vec<[u8; 3]> =
        frames.iter().flat_map(|frame| frame.rgb.as_chunks().0.iter().copied()).collect();
    colors.sort_unstable();
    colors.dedup();
    anyhow::ensure!(colors.len() <= 256, "more than 256 colors; write a .png");
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, colors.as_flattened())?;
    encoder.set_repeat(gif::Repeat::Infinite)?;
    for frame in frames {
        let index = |color: &[u8; 3]| colors.binary_search(color).map_or(0, |at| at as u8);
        let buffer: Vec<u8> = frame.rgb.as_chunks().0.iter().map(index).collect();
        encoder.write_frame(&gif::Frame {
            width,
            height,
            delay: delay_ms / 10,
            buffer: buffer.into(),
            ..gif::Frame::default()
        })?;
    }
    drop(encoder);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkers() -> Picture {
        let mut picture = Picture::new(5, 3, [255; 3]).unwrap();
        picture.square(1, 1, 1, [1, 2, 3]);
        picture.square(4, 2, 9, [4, 5, 6]);
        picture
    }

    #[test]
    fn png_holds_the_pixels() {
        let bytes = checkers().png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (5, 3));
        assert_eq!(pixels, checkers().rgb);
        assert_eq!((&pixels[18..21], &pixels[42..45]), (&[1, 2, 3][..], &[4, 5, 6][..]));
    }

    #[test]
    fn gif_holds_the_frames() {
        let bytes = gif(&[checkers(), Picture::new(5, 3, [4, 5, 6]).unwrap()], 100).unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(&bytes[..]).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            let rgb: Vec<u8> =
                frame.buffer.chunks(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
            frames.push((frame.delay, rgb));
        }
        assert_eq!(frames, [(10, checkers().rgb), (10, [4, 5, 6].repeat(15))]);
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(Picture::new(usize::MAX, 2, [0; 3]).is_err());
        assert!(Picture::new(1 << 14, (1 << 13) + 1, [0; 3]).is_err());
        assert!(gif(&[], 10).is_err());
    }
}

//! An image seen through an affine map, bit for bit as Pillow does it.

use super::{Image, Interpolation};

/// Where an output pixel comes from: input x = `a x + b y + c`, input y = `d x + e y + f`, pixel centers at halves.
pub type Affine = [f64; 6];

/// The map that turns an image of `size` (rows, columns) about its center, counter-clockwise.
///
/// # Source
/// Pillow's `Image.rotate`, which rounds sine and cosine to 15 decimals.
pub fn rotation(degrees: f64, (height, width): (usize, usize)) -> Affine {
    let angle = -degrees.rem_euclid(360.0).to_radians();
    let decimals = |x: f64| (x * 1e15).round() / 1e15;
    let (a, b) = (decimals(angle.cos()), decimals(angle.sin()));
    let (d, e) = (decimals(-angle.sin()), decimals(angle.cos()));
    let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
    [a, b, a * -x + b * -y + x, d, e, d * -x + e * -y + y]
}

impl Image {
    /// The image through `map`; pixels from outside get `fill`, one value a channel, 0 where it has none.
    ///
    /// # Source
    /// Pillow's `Image.transform(AFFINE)`, bit for bit. Its bicubic here has a = -1 and cuts the fraction off, unlike that
    /// of [`Image::resize`].
    pub fn affine(&self, map: &Affine, by: Interpolation, fill: &[u8]) -> Self {
        let [channels, height, width] = self.shape();
        let mut pixels = Vec::with_capacity(channels * height * width);
        let fill = |channel: usize| fill.get(channel).copied().unwrap_or(0);
        match by {
            Interpolation::Nearest => {
                let source = nearest(map, height, width);
                for (channel, plane) in self.planes().enumerate() {
                    let at = |&at: &usize| plane.get(at).copied().unwrap_or(fill(channel));
                    pixels.extend(source.iter().map(at));
                }
            }
            Interpolation::Bilinear | Interpolation::Bicubic => {
                let source = neighbors(map, height, width);
                for (channel, plane) in self.planes().enumerate() {
                    pixels.extend(source.iter().map(|from| match from {
                        Some(from) if by == Interpolation::Bilinear => from.bilinear(plane),
                        Some(from) => from.bicubic(plane),
                        None => fill(channel),
                    }));
                }
            }
        }
        Self::made([channels, height, width], pixels)
    }
}

/// The offset that every output pixel is read from, `usize::MAX` outside: 16.16 fixed point, as in Pillow.
fn nearest(map: &Affine, height: usize, width: usize) -> Vec<usize> {
    let fixed = |x: f64| (x * 65536.0 + 0.5).floor() as i64;
    let [a, b, c, d, e, f] = *map;
    let (right, down) = ((fixed(a), fixed(d)), (fixed(b), fixed(e)));
    let start = (fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5));
    let mut source = Vec::with_capacity(height * width);
    for row in 0..height as i64 {
        let (mut x, mut y) = (start.0 + row * down.0, start.1 + row * down.1);
        for _ in 0..width {
            let (column, line) = (x >> 16, y >> 16);
            let inside = (0..width as i64).contains(&column) && (0..height as i64).contains(&line);
            source.push(if inside { line as usize * width + column as usize } else { usize::MAX });
            (x, y) = (x + right.0, y + right.1);
        }
    }
    source
}

/// The sixteen pixels around a point, and where between the middle ones it lies.
struct Around {
    columns: [usize; 4],
    /// Offsets of the rows.
    rows: [usize; 4],
    right: f64,
    down: f64,
}

fn neighbors(map: &Affine, height: usize, width: usize) -> Vec<Option<Around>> {
    let [a, b, c, d, e, f] = *map;
    let mut source = Vec::with_capacity(height * width);
    for row in 0..height {
        for column in 0..width {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let (x, y) = (a * x + b * y + c, d * x + e * y + f);
            let inside = (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y);
            source.push(inside.then(|| Around::new(x - 0.5, y - 0.5, height, width)));
        }
    }
    source
}

impl Around {
    fn new(x: f64, y: f64, height: usize, width: usize) -> Self {
        let clip =
            |at: f64, i: usize, n: usize| (at as isize - 1 + i as isize).clamp(0, n as isize - 1);
        let (left, top) = (x.floor(), y.floor());
        Self {
            columns: std::array::from_fn(|i| clip(left, i, width) as usize),
            rows: std::array::from_fn(|i| clip(top, i, height) as usize * width),
            right: x - left,
            down: y - top,
        }
    }

    fn bilinear(&self, plane: &[u8]) -> u8 {
        let [_, top, bottom, _] = self.rows;
        let [_, left, right, _] = self.columns;
        let between = |a: f64, b: f64, part: f64| a + (b - a) * part;
        let line =
            |row: usize| between(pixel(plane, row + left), pixel(plane, row + right), self.right);
        between(line(top), line(bottom), self.down) as u8
    }

    fn bicubic(&self, plane: &[u8]) -> u8 {
        let line =
            |row: usize| cubic(self.columns.map(|column| pixel(plane, row + column)), self.right);
        // The cast cuts off and saturates.
        cubic(self.rows.map(line), self.down) as u8
    }
}

fn pixel(plane: &[u8], at: usize) -> f64 {
    plane.get(at).copied().unwrap_or(0).into()
}

fn cubic([v1, v2, v3, v4]: [f64; 4], d: f64) -> f64 {
    let (p2, p3, p4) = (-v1 + v3, 2.0 * (v1 - v2) + v3 - v4, -v1 + v2 - v3 + v4);
    v2 + d * (p2 + d * (p3 + d * p4))
}

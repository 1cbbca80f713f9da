//! Changes of the pixels' values, bit for bit as Pillow does them.

use super::Image;

impl Image {
    /// Every value through a table of its channel's histogram.
    fn by_histogram(&mut self, table: impl Fn(&[u32; 256]) -> Option<[u8; 256]>) {
        for plane in self.planes_mut() {
            let mut histogram = [0u32; 256];
            for &x in plane.iter() {
                if let Some(n) = histogram.get_mut(usize::from(x)) {
                    *n += 1;
                }
            }
            if let Some(table) = table(&histogram) {
                through(plane, &table);
            }
        }
    }

    /// Every value through one function.
    fn by_value(&mut self, f: impl Fn(u8) -> u8) {
        let table = std::array::from_fn(|x| f(x as u8));
        through(self.pixels_mut(), &table);
    }

    /// Each channel stretched to 0..=255 (`ImageOps.autocontrast`).
    pub fn auto_contrast(&mut self) {
        self.by_histogram(|histogram| {
            let low = histogram.iter().position(|&n| n > 0)?;
            let high = histogram.iter().rposition(|&n| n > 0)?;
            let scale = 255.0 / (high - low) as f64;
            let offset = -(low as f64) * scale;
            (high > low).then(|| std::array::from_fn(|x| (x as f64 * scale + offset) as u8))
        });
    }

    /// Each channel's values spread evenly (`ImageOps.equalize`).
    pub fn equalize(&mut self) {
        self.by_histogram(|histogram| {
            let last = histogram.iter().rfind(|&&n| n > 0)?;
            let step = (histogram.iter().sum::<u32>() - last) / 255;
            let mut n = step / 2;
            let level = |&count: &u32| {
                let level = n.checked_div(step)?.min(255) as u8;
                n += count;
                Some(level)
            };
            let levels: Vec<u8> = histogram.iter().map_while(level).collect();
            levels.try_into().ok()
        });
    }

    /// Bright and dark change places.
    pub fn invert(&mut self) {
        self.by_value(|x| 255 - x);
    }

    /// Keeps the upper `bits`, 0 to 8, of every value; 0 is black, as in Pillow until version 12.
    pub fn posterize(&mut self, bits: u8) {
        self.by_value(|x| x & !0xffu8.checked_shr(bits.into()).unwrap_or(0));
    }

    /// Inverts the values from `threshold` up, 0 to 256.
    pub fn solarize(&mut self, threshold: u16) {
        self.by_value(|x| if u16::from(x) < threshold { x } else { 255 - x });
    }

    /// Adds `add` to the values below 128.
    pub fn solarize_add(&mut self, add: u8) {
        self.by_value(|x| if x < 128 { x.saturating_add(add) } else { x });
    }

    /// From black (0) over the image (1) to brighter (`ImageEnhance.Brightness`).
    pub fn brightness(&mut self, factor: f32) {
        self.by_value(|x| blend(0, x, factor));
    }

    /// From the mean grey (0) over the image (1) to more contrast (`ImageEnhance.Contrast`).
    pub fn contrast(&mut self, factor: f32) {
        let grey = self.grey();
        let sum: u64 = grey.iter().map(|&x| u64::from(x)).sum();
        let mean = (sum as f64 / grey.len().max(1) as f64 + 0.5) as u8;
        self.by_value(|x| blend(mean, x, factor));
    }

    /// From grey (0) over the image (1) to more color (`ImageEnhance.Color`); a grey image stays.
    pub fn color(&mut self, factor: f32) {
        if let [3, ..] = self.shape() {
            let grey = self.grey();
            for plane in self.planes_mut() {
                plane.iter_mut().zip(&grey).for_each(|(x, &grey)| *x = blend(grey, *x, factor));
            }
        }
    }

    /// From smoothed (0) over the image (1) to sharper (`ImageEnhance.Sharpness`); the border stays.
    pub fn sharpness(&mut self, factor: f32) {
        let [_, height, width] = self.shape();
        if height < 3 || width < 3 {
            return;
        }
        let old = self.clone();
        for (plane, old) in self.planes_mut().zip(old.planes()) {
            let rows = plane.chunks_exact_mut(width).skip(1);
            for (row, old) in rows.zip(old.windows(3 * width).step_by(width)) {
                let (above, rest) = old.split_at(width);
                let (here, below) = rest.split_at(width);
                let inner = row.iter_mut().skip(1);
                let around = above.windows(3).zip(here.windows(3)).zip(below.windows(3));
                for (x, ((above, here), below)) in inner.zip(around) {
                    let sum = |line: &[u8]| line.iter().map(|&x| u16::from(x)).sum::<u16>();
                    // Thirteenths are never half way, so that whole numbers round as Pillow's floats do.
                    let sum = sum(above) + sum(here) + sum(below) + 4 * u16::from(*x);
                    *x = blend(((2 * sum + 13) / 26) as u8, *x, factor);
                }
            }
        }
    }

    /// Luma of ITU-R 601 in 16-bit fixed point (Pillow's `convert("L")`); the first channel unless there are three.
    fn grey(&self) -> Vec<u8> {
        let mut planes = self.planes();
        match (self.shape(), planes.next(), planes.next(), planes.next()) {
            ([3, ..], Some(red), Some(green), Some(blue)) => red
                .iter()
                .zip(green)
                .zip(blue)
                .map(|((&r, &g), &b)| {
                    let (r, g, b) = (u32::from(r), u32::from(g), u32::from(b));
                    ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
                })
                .collect(),
            (_, first, ..) => first.unwrap_or(&[]).to_vec(),
        }
    }
}

/// `a` at 0, `b` at 1, beyond it past 1; cut off and saturated.
fn blend(a: u8, b: u8, factor: f32) -> u8 {
    (f32::from(a) + factor * (f32::from(b) - f32::from(a))) as u8
}

fn through(pixels: &mut [u8], table: &[u8; 256]) {
    for x in pixels {
        *x = table.get(usize::from(*x)).copied().unwrap_or(*x);
    }
}

//! An event camera that looks at a still image while it moves.

use rand_chacha::ChaCha8Rng;

use crate::random::{below, between, unit};
use crate::{Error, Event, EventStream, Result};

/// The camera and its motion; `Default` resembles the recording of N-MNIST: three straight motions of 100 ms each along
/// the sides of an isosceles triangle, the last one horizontal.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Columns of the sensor, 1 to 1024; the image lies at its center on black. Default 32.
    pub width: u16,
    /// Rows of the sensor, 1 to 1024. Default 32.
    pub height: u16,
    /// Half of the triangle's base and 2/3 of its height, in pixels, 0 to 16. Default 1.8, which keeps a 28x28 image
    /// within 32x32.
    pub amplitude: f32,
    /// Each recording's amplitude differs by a factor uniform on 1 +- this. Default 0.1.
    pub amplitude_spread: f32,
    /// Duration of one of the three motions in microseconds, 1 to 2^23. Default 100,000.
    pub motion_us: u32,
    /// Views computed a motion, 1 to 1000; between two views each pixel's level changes linearly. Default 10.
    pub views: u32,
    /// Change of the logarithmic level that makes an event, 0.01 to 10. Default 0.3.
    pub threshold: f32,
    /// What is added to the intensity in [0, 1] before the logarithm, 0.001 to 10. Default 0.1.
    pub dark: f32,
    /// Microseconds after an event in which a pixel is blind; its reference moves on. Default 0.
    pub refractory_us: u64,
    /// False events a pixel and second, 0 to 1000. Default 0.5.
    pub noise_hz: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            width: 32,
            height: 32,
            amplitude: 1.8,
            amplitude_spread: 0.1,
            motion_us: 100_000,
            views: 10,
            threshold: 0.3,
            dark: 0.1,
            refractory_us: 0,
            noise_hz: 0.5,
        }
    }
}

/// Sides of the triangle.
const MOTIONS: u64 = 3;

/// The recording of an 8-bit gray image `[rows, columns]` by `camera`, sorted by time.
///
/// # Equation
/// L(u) = ln((I(u) / 255 + dark) / dark), 0 outside of the image and bilinear between pixels
/// d(t) runs V0 -> V1 -> V2 -> V0, V0 = (-a, -a/2), V1 = (0, a), V2 = (a, -a/2) in (x, y), a = amplitude * spread
/// l(p, t) = L(p - margin - d(t)), computed at each view, linear between views
/// ref(p, 0) = l(p, 0) + c * uniform(-1/2, 1/2), c = threshold
/// while l - ref >= c: ON event where l crosses ref + c, ref += c; while ref - l >= c: OFF event, ref -= c
/// noise: noise_hz * pixels * seconds events at uniform places and times, of either polarity
///
/// # Source
/// The model of ESIM and v2e reduced to one threshold without blur or leak; the motion of N-MNIST (Orchard et al. 2015).
///
/// # Errors
/// [`Error::Config`] when a field is out of its range, or the image is not `rows * columns` or larger than the sensor.
///
/// # Determinism
/// A function of the arguments. Only sums, products and quotients follow the logarithm, which is taken in f64 and
/// rounded to f32.
pub fn simulate(
    image: &[u8],
    (rows, columns): (usize, usize),
    camera: &Camera,
    rng: &mut ChaCha8Rng,
) -> Result<EventStream> {
    camera.check()?;
    let (width, height) = (usize::from(camera.width), usize::from(camera.height));
    if image.len() != rows * columns || rows > height || columns > width || image.is_empty() {
        let why =
            format!("{rows}x{columns} pixels are needed, at most the sensor's {height}x{width}");
        return Err(Error::config("image", why));
    }
    let spread = camera.amplitude_spread;
    let scene = Scene::new(image, (rows, columns), camera);
    let a = camera.amplitude * between(rng, 1.0 - spread, 1.0 + spread);
    let corners = [(-a, -a / 2.0), (0.0, a), (a, -a / 2.0), (-a, -a / 2.0)];
    let (mut before, mut now) = (vec![0.0; width * height], vec![0.0; width * height]);
    scene.view(corners[0], &mut before);
    let c = camera.threshold;
    let mut reference: Vec<f32> =
        before.iter().map(|level| level + c * (unit(rng) - 0.5)).collect();
    let mut quiet_until = vec![0u64; width * height];
    let (mut keys, mut sorted) = (Vec::new(), 0);
    let step_us = camera.motion_us as f32 / camera.views as f32;
    for (motion, leg) in corners.windows(2).enumerate() {
        let &[from, to] = leg else { continue };
        let motion_start = motion as u64 * u64::from(camera.motion_us);
        for view in 1..=camera.views {
            let part = view as f32 / camera.views as f32;
            scene.view((mix(from.0, to.0, part), mix(from.1, to.1, part)), &mut now);
            let time = |crossed| motion_start + (step_us * ((view - 1) as f32 + crossed)) as u64;
            let levels = before.iter().copied().zip(now.iter().copied());
            let pixels = levels.zip(reference.iter_mut().zip(&mut quiet_until));
            cross(camera, pixels, time, &mut keys);
            // Views follow one another in time, so that sorting each one sorts all.
            keys.get_mut(sorted..).unwrap_or_default().sort_unstable();
            sorted = keys.len();
            std::mem::swap(&mut before, &mut now);
        }
    }
    noise(camera, rng, &mut keys);
    keys.sort();
    let events = keys.into_iter().map(|key| event(key, width)).collect();
    Ok(EventStream { width: camera.width, height: camera.height, events, skipped_special: 0 })
}

/// Appends the events of one view: of pixels with (old level, new level) and (reference, end of blindness).
fn cross<'a>(
    camera: &Camera,
    pixels: impl Iterator<Item = ((f32, f32), (&'a mut f32, &'a mut u64))>,
    time: impl Fn(f32) -> u64,
    keys: &mut Vec<u64>,
) {
    let c = camera.threshold;
    for (at, ((old, new), (reference, quiet_until))) in pixels.enumerate() {
        while (new - *reference).abs() >= c {
            let polarity = new > *reference;
            *reference += if polarity { c } else { -c };
            let t_us = time(((*reference - old) / (new - old)).clamp(0.0, 1.0));
            if t_us >= *quiet_until {
                *quiet_until = t_us.saturating_add(camera.refractory_us);
                keys.push(key(t_us, at, polarity));
            }
        }
    }
}

impl Camera {
    fn check(&self) -> Result<()> {
        let in_range = |field, value: f32, low: f32, high: f32| {
            // Not-a-number lies in no range.
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::config(field, format!("{value} is out of range; give {low} to {high}")))
        };
        in_range("amplitude", self.amplitude, 0.0, 16.0)?;
        in_range("amplitude_spread", self.amplitude_spread, 0.0, 1.0)?;
        in_range("motion_us", self.motion_us as f32, 1.0, (1 << 23) as f32)?;
        in_range("views", self.views as f32, 1.0, 1000.0)?;
        in_range("threshold", self.threshold, 0.01, 10.0)?;
        in_range("width", self.width.into(), 1.0, 1024.0)?;
        in_range("height", self.height.into(), 1.0, 1024.0)?;
        in_range("dark", self.dark, 0.001, 10.0)?;
        in_range("noise_hz", self.noise_hz, 0.0, 1000.0)
    }
}

/// The logarithmic image on black, wide enough for every view.
struct Scene {
    levels: Vec<f32>,
    stride: usize,
    width: usize,
    /// Pixels around the sensor.
    border: usize,
}

impl Scene {
    fn new(image: &[u8], (rows, columns): (usize, usize), camera: &Camera) -> Self {
        let level: [f32; 256] = std::array::from_fn(|pixel| {
            let dark = f64::from(camera.dark);
            ((pixel as f64 / 255.0 + dark) / dark).ln() as f32
        });
        let reach = camera.amplitude * (1.0 + camera.amplitude_spread);
        let border = reach.ceil() as usize + 1;
        let (width, height) = (usize::from(camera.width), usize::from(camera.height));
        let stride = width + 2 * border;
        let mut levels = vec![0.0; stride * (height + 2 * border)];
        let (top, left) = (border + (height - rows) / 2, border + (width - columns) / 2);
        let lines = levels.chunks_exact_mut(stride).skip(top);
        for (line, pixels) in lines.zip(image.chunks_exact(columns)) {
            for (out, &pixel) in line.iter_mut().skip(left).zip(pixels) {
                *out = level.get(usize::from(pixel)).copied().unwrap_or(0.0);
            }
        }
        Self { levels, stride, width, border }
    }

    /// What the sensor sees when the image is shifted by `(x, y)` pixels.
    fn view(&self, (x, y): (f32, f32), out: &mut [f32]) {
        // The shift is the same for all pixels, so that the four weights are too.
        let (x, y) = (self.border as f32 - x, self.border as f32 - y);
        let (left, top) = (x as usize, y as usize);
        let (across, down) = (x - left as f32, y - top as f32);
        let line = |row: usize| self.levels.get(row * self.stride + left..).unwrap_or(&[]);
        for (row, out) in out.chunks_exact_mut(self.width).enumerate() {
            let (upper, lower) = (line(top + row), line(top + row + 1));
            let upper = upper.iter().zip(upper.iter().skip(1));
            let lower = lower.iter().zip(lower.iter().skip(1));
            for (out, ((&a, &b), (&c, &d))) in out.iter_mut().zip(upper.zip(lower)) {
                *out = mix(mix(a, b, across), mix(c, d, across), down);
            }
        }
    }
}

fn mix(a: f32, b: f32, part: f32) -> f32 {
    a + (b - a) * part
}

/// An event as a number that sorts by time, then pixel: time, 32 bits of pixel, polarity.
fn key(t_us: u64, at: usize, polarity: bool) -> u64 {
    t_us << 33 | (at as u64) << 1 | u64::from(polarity)
}

fn event(key: u64, width: usize) -> Event {
    let at = (key >> 1) as u32 as usize;
    // The sensor's sides are u16, so that its columns and rows fit.
    Event {
        t_us: key >> 33,
        x: (at % width) as u16,
        y: (at / width) as u16,
        polarity: key & 1 == 1,
    }
}

/// Appends false events, their number rounded up or down at random to have the right mean.
fn noise(camera: &Camera, rng: &mut ChaCha8Rng, keys: &mut Vec<u64>) {
    let n_pixels = u64::from(camera.width) * u64::from(camera.height);
    let duration_us = MOTIONS * u64::from(camera.motion_us);
    let mean = camera.noise_hz * n_pixels as f32 * duration_us as f32 * 1e-6;
    let n = mean as u64 + u64::from(unit(rng) < mean.fract());
    for _ in 0..n {
        let (at, t_us) = (below(rng, n_pixels) as usize, below(rng, duration_us));
        keys.push(key(t_us, at, unit(rng) < 0.5));
    }
}

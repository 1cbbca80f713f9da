//! Recordings as volumes with weights in time: voxel grids and time surfaces.

use crate::frame::check_t_steps;
use crate::limits::product;
use crate::{Error, EventStream, Limits, Result};

/// A voxel grid `[T, 1, H, W]`: every event counts +1 (ON) or -1 (OFF), shared between its two neighboring bins.
///
/// # Equation
/// ```text
/// t* = T (t - t_first) / (t_last - t_first)
/// bin floor(t*) gets 1 - frac(t*), the next one frac(t*); bins from T on are dropped
/// ```
///
/// # Source
/// Zhu et al. 2019, "Unsupervised event-based learning of optical flow, depth, and egomotion", as tonic's
/// `to_voxel_grid` has it. DIFFERS: a recording of one moment is in bin 0, where tonic divides by 0.
///
/// # Errors
/// As [`frames`](crate::frames()).
pub fn voxel_grid(stream: &EventStream, t_steps: usize) -> Result<Vec<f32>> {
    check_t_steps(t_steps)?;
    let (width, height) = (usize::from(stream.width), usize::from(stream.height));
    let most = Limits::default().sample_values;
    let mut grid = vec![0.0f64; product("t_steps, sensor", &[t_steps, height, width], most)?];
    let (Some(first), Some(last)) = (stream.events.first(), stream.events.last()) else {
        return Ok(vec![0.0; grid.len()]);
    };
    let duration = last.t_us.saturating_sub(first.t_us).max(1) as f64;
    for event in &stream.events {
        let at = t_steps as f64 * (event.t_us.saturating_sub(first.t_us) as f64) / duration;
        let (bin, right) = (at as usize, at.fract());
        let sign = if event.polarity { 1.0 } else { -1.0 };
        let pixel = usize::from(event.y) * width + usize::from(event.x);
        let inside = usize::from(event.x) < width && usize::from(event.y) < height;
        for (bin, weight) in [(bin, 1.0 - right), (bin.saturating_add(1), right)] {
            if inside
                && bin < t_steps
                && let Some(cell) = grid.get_mut(bin * width * height + pixel)
            {
                *cell += sign * weight;
            }
        }
    }
    Ok(grid.into_iter().map(|x| x as f32).collect())
}

/// Time surfaces `[T, 2, H, W]` at the ends of windows of `dt_us` microseconds, and T, at least 1.
///
/// # Equation
/// `exp(-(t_i - t_seen) / tau)`, `t_i` the end of window i, `t_seen` the pixel's last event of that polarity before it; 0
/// where there was none. What is left after the last whole window is dropped.
///
/// # Source
/// Lagorce et al. 2016, "HOTS", over the whole sensor, as tonic's `to_timesurface` has it.
///
/// # Errors
/// [`Error::Config`] when `dt_us` is 0, `tau_us` is not positive, or there would be more values than
/// [`Limits::sample_values`] is by default.
pub fn time_surfaces(stream: &EventStream, dt_us: u64, tau_us: f64) -> Result<(usize, Vec<f32>)> {
    if dt_us == 0 || tau_us.is_nan() || tau_us <= 0.0 {
        return Err(Error::config("dt_us, tau_us", "give at least 1 and a positive number"));
    }
    let first = stream.events.first().map_or(0, |event| event.t_us);
    let last = stream.events.last().map_or(0, |event| event.t_us);
    let n = (last.saturating_sub(first) / dt_us).max(1);
    let (width, height) = (usize::from(stream.width), usize::from(stream.height));
    let t_steps = usize::try_from(n).unwrap_or(usize::MAX);
    let plane = width * height;
    let most = Limits::default().sample_values;
    let size = product("dt_us, sensor", &[t_steps, 2, height, width], most)?;
    let mut out = Vec::with_capacity(size);
    // Times since the first event.
    let mut seen = vec![f64::NEG_INFINITY; 2 * plane];
    let mut events = stream.events.iter().peekable();
    for window in 0..n {
        let end = (window + 1).saturating_mul(dt_us);
        while let Some(event) = events.next_if(|e| e.t_us.saturating_sub(first) < end) {
            let pixel = usize::from(event.y) * width + usize::from(event.x);
            let cell = seen.get_mut(usize::from(event.polarity) * plane + pixel);
            if let Some(cell) = cell.filter(|_| usize::from(event.x) < width) {
                *cell = event.t_us.saturating_sub(first) as f64;
            }
        }
        out.extend(seen.iter().map(|&t| ((t - end as f64) / tau_us).exp() as f32));
    }
    Ok((t_steps, out))
}

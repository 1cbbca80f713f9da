//! Events and the sensor that they must lie on.

use std::path::Path;

use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// The recording of `events` on `sensor`, or on the smallest one that holds them all; `offset_of` gives the place of
/// an event, by its number, in the file.
///
/// # Errors
/// [`Error::Limit`] for a sensor past `limits.side`, [`Error::Format`] for the first event outside of it.
pub(super) fn on_sensor(
    events: Vec<Event>,
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
    offset_of: impl FnOnce(usize) -> usize,
) -> Result<EventStream> {
    // The largest coordinates settle the usual case without a branch an event.
    let (x, y) = events.iter().fold((0, 0), |(x, y), e| (e.x.max(x), e.y.max(y)));
    let some = u32::from(!events.is_empty());
    let (columns, rows) = (u32::from(x) + some, u32::from(y) + some);
    let (width, height) = match sensor {
        Some((width, height)) => (u32::from(width), u32::from(height)),
        None => (columns, rows),
    };
    let most = limits.side.min(u16::MAX.into());
    check(path, "side", width.max(height).into(), most)?;
    let (width, height) =
        (u16::try_from(width).unwrap_or(u16::MAX), u16::try_from(height).unwrap_or(u16::MAX));
    if columns > width.into() || rows > height.into() {
        let at = events.iter().position(|e| e.x >= width || e.y >= height).unwrap_or(0);
        let (x, y) = events.get(at).map_or((0, 0), |e| (e.x, e.y));
        return Err(outside(path, at, offset_of(at), (x, y), (width, height)));
    }
    Ok(EventStream { width, height, events, skipped_special: 0 })
}

/// The error of the first event that lies outside of the sensor; `offset` gives its place in the file.
pub(super) fn outside(
    path: &Path,
    event: usize,
    offset: usize,
    (x, y): (u16, u16),
    (width, height): (u16, u16),
) -> Error {
    let (event, x, y) = (event as u64, u32::from(x), u32::from(y));
    Error::format(path, offset, FormatFault::OutOfSensor { event, x, y, width, height })
}

/// Whole records of `N` bytes from `start` on.
///
/// # Errors
/// [`Error::Format`] with the offset of a partial one.
pub(super) fn records<'a, const N: usize>(
    bytes: &'a [u8],
    start: usize,
    what: &'static str,
    path: &Path,
) -> Result<&'a [[u8; N]]> {
    let (records, rest) = bytes.get(start..).unwrap_or(&[]).as_chunks();
    if rest.is_empty() {
        return Ok(records);
    }
    let fault = FormatFault::Trailing { what, extra: rest.len() as u64 };
    Err(Error::format(path, bytes.len() - rest.len(), fault))
}

/// A clock of 32 bits, which begins anew every 71.6 minutes.
#[derive(Default)]
pub(super) struct Clock {
    /// What its beginnings add.
    base: u64,
    last: u32,
}

/// A step back by more than this is a new beginning.
const HALF: u32 = 1 << 31;

impl Clock {
    /// The time of the next event in microseconds.
    #[inline]
    pub(super) fn time(&mut self, now: u32) -> u64 {
        if self.last.saturating_sub(now) > HALF {
            self.base += 1 << 32;
        } else if now.saturating_sub(self.last) > HALF {
            // Of before the last beginning.
            self.base = self.base.saturating_sub(1 << 32);
        }
        self.last = now;
        self.base + u64::from(now)
    }

    /// Refuses a recording with a step back that would be read as a new beginning.
    ///
    /// # Errors
    /// [`Error::Config`] naming the event.
    pub(super) fn holds(stream: &EventStream) -> Result<()> {
        let falls = |pair: &[Event]| match pair {
            [a, b] => a.t_us.saturating_sub(b.t_us) > HALF.into(),
            _ => false,
        };
        let Some(i) = stream.events.windows(2).position(falls) else { return Ok(()) };
        let why = format!("event {} is more than 2^31 us before the last one; sort them", i + 1);
        Err(Error::config("events", why))
    }
}

/// What the events of a file can hold at most.
pub(super) struct Room {
    /// The format, for the error.
    pub(super) format: &'static str,
    /// Columns and rows.
    pub(super) sensor: (u32, u32),
    /// Times are below.
    pub(super) t_us: u64,
}

impl Room {
    /// Refuses a recording that does not fit.
    ///
    /// # Errors
    /// [`Error::Config`] naming the event.
    pub(super) fn check(&self, stream: &EventStream) -> Result<()> {
        let (columns, rows) = self.sensor;
        let fits =
            |e: &Event| u32::from(e.x) < columns && u32::from(e.y) < rows && e.t_us < self.t_us;
        let Some((i, e)) = stream.events.iter().enumerate().find(|(_, e)| !fits(e)) else {
            return Ok(());
        };
        let why = format!(
            "event {i} at ({}, {}), {} us does not fit {}, which holds {columns} x {rows} pixels and times below \
             {} us; let times begin at 0, crop the sensor or choose another format",
            e.x, e.y, e.t_us, self.format, self.t_us
        );
        Err(Error::config("events", why))
    }
}

//! A recording of an event camera.

use std::path::Path;

use crate::{Error, FormatFault, Result};

/// One change of brightness at one pixel; [`EventStream`] says where the origin is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Time in microseconds, on the recording's own clock.
    pub t_us: u64,
    /// Column, from 0 at the left.
    pub x: u16,
    /// Row, from 0 at the top.
    pub y: u16,
    /// `true` for ON (brighter), `false` for OFF.
    pub polarity: bool,
}

/// A recording: its events in the order of the file, every one inside of the sensor.
///
/// The origin is the top left pixel: x grows to the right, y downwards. A polarity of 1 is ON (brighter), 0 is OFF (darker).
/// Times are microseconds of the recording's own clock. Each format's reader says how the format's convention maps to
/// this one, where the two differ.
///
/// Times need not begin at 0 and need not be sorted; [`frames`](crate::frames()) takes them as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventStream {
    /// Columns of the sensor.
    pub width: u16,
    /// Rows of the sensor.
    pub height: u16,
    /// The events.
    pub events: Vec<Event>,
    /// Special events (triggers, synchronization) that the reader left out.
    pub skipped_special: u64,
}

impl EventStream {
    /// The recording, unless it has no event: there is nothing to learn from or to show then.
    ///
    /// # Errors
    /// [`Error::Format`] with [`FormatFault::NoEvents`], naming the file it came from.
    pub fn not_empty(self, path: &Path) -> Result<Self> {
        match self.events.is_empty() {
            true => Err(Error::format(path, 0, FormatFault::NoEvents)),
            false => Ok(self),
        }
    }
}

//! Events counted into frames.

use std::fmt;
use std::str::FromStr;

use crate::limits::product;
use crate::{Error, EventStream, Limits, MAX_T_STEPS, Result};

/// How a recording is cut into `t_steps` frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum FrameBy {
    /// Equal windows of whole microseconds; events after the last window are dropped.
    ///
    /// `w = (t_last - t_first) / T` in integers, frame `i` = `[t_first + i w, t_first + (i+1) w)`: the TKS
    /// authors' pipeline (tonic's `slice_by_time_bins`), which drops at least the last event.
    #[default]
    Time,
    /// Equal windows of whole microseconds, the last one reaching to the last event (SpikingJelly's `split_by = "time"`).
    TimeWhole,
    /// Equal numbers of events, the remainder in the last frame (SpikingJelly's `split_by = "number"`).
    Count,
    /// Equal numbers of events, the remainder dropped (tonic's `slice_by_event_bins`).
    CountEven,
}

impl FrameBy {
    /// Every way, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Time, Self::TimeWhole, Self::Count, Self::CountEven];

    /// The name as recipes and commands spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::TimeWhole => "time-whole",
            Self::Count => "count",
            Self::CountEven => "count-even",
        }
    }
}

impl fmt::Display for FrameBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FrameBy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.map(Self::name).join(", ");
        let unknown = || Error::config("frames_by", format!("{name:?} is not known; use {known}"));
        Self::ALL.into_iter().find(|by| by.name() == name).ok_or_else(unknown)
    }
}

/// Event counts `[T, 2, H, W]`; channel 0 is OFF, channel 1 is ON.
///
/// A recording without events gives zeros; one of whose events none is in a frame, because it has fewer microseconds or
/// events than frames, is refused. What a
/// framing drops otherwise is what lacks to the sum of the counts. `t_first` and `t_last` are the smallest and the largest time,
/// which for a sorted recording are the first and the last event's.
///
/// # Errors
/// [`Error::Config`] when `t_steps` is not in 1..=[`MAX_T_STEPS`], the frames would hold more values than
/// [`Limits::sample_values`] is by default, or no event is in any of them.
///
/// # Example
/// ```
/// use snn_data::{Event, EventStream, FrameBy, frames};
/// let events = [0, 10, 19].map(|t_us| Event { t_us, x: 1, y: 0, polarity: true }).to_vec();
/// let stream = EventStream { width: 2, height: 1, events, skipped_special: 0 };
/// let x = frames(&stream, 2, FrameBy::TimeWhole)?; // T = 2, then OFF (x = 0, 1), ON (x = 0, 1)
/// assert_eq!(x, [0., 0., 0., 1., 0., 0., 0., 2.]);
/// # Ok::<(), snn_data::Error>(())
/// ```
pub fn frames(stream: &EventStream, t_steps: usize, by: FrameBy) -> Result<Vec<f32>> {
    check_t_steps(t_steps)?;
    let (width, height) = (usize::from(stream.width), usize::from(stream.height));
    let plane = width * height;
    let most = Limits::default().sample_values;
    let size = product("t_steps, sensor", &[t_steps, 2, height, width], most)?;
    if let Some(why) = none_is_in(stream, t_steps, by) {
        return Err(Error::config("t_steps", why));
    }
    let mut out = vec![0.0f32; size];
    match by {
        FrameBy::Time => by_time(stream, t_steps, width, plane, false, &mut out),
        FrameBy::TimeWhole => by_time(stream, t_steps, width, plane, true, &mut out),
        FrameBy::Count => by_count(stream, t_steps, width, plane, true, &mut out),
        FrameBy::CountEven => by_count(stream, t_steps, width, plane, false, &mut out),
    }
    Ok(out)
}

/// Why no event would be in a frame, where that is so.
pub(crate) fn none_is_in(stream: &EventStream, t_steps: usize, by: FrameBy) -> Option<String> {
    let events = stream.events.len();
    let what = match by {
        FrameBy::Time if events > 0 && first_and_window(stream, t_steps).1 == 0 => {
            "the recording lasts fewer microseconds than it is to have frames".to_owned()
        }
        FrameBy::CountEven if (1..t_steps).contains(&events) => {
            format!("{events} events are fewer than the frames")
        }
        FrameBy::Time | FrameBy::CountEven | FrameBy::TimeWhole | FrameBy::Count => return None,
    };
    Some(format!("{t_steps} frames by {by}: {what}; use fewer, or cut by time-whole or count"))
}

/// The first time and the length of a window in whole microseconds.
fn first_and_window(stream: &EventStream, t_steps: usize) -> (u64, u64) {
    let first = stream.events.iter().map(|e| e.t_us).min().unwrap_or(0);
    let last = stream.events.iter().map(|e| e.t_us).max().unwrap_or(0);
    (first, (last - first) / (t_steps as u64).max(1))
}

pub(crate) fn check_t_steps(t_steps: usize) -> Result<()> {
    if (1..=MAX_T_STEPS).contains(&t_steps) {
        return Ok(());
    }
    let why = format!("{t_steps} is out of range; give 1 to {MAX_T_STEPS}");
    Err(Error::config("t_steps", why))
}

fn by_time(
    stream: &EventStream,
    t_steps: usize,
    width: usize,
    plane: usize,
    whole: bool,
    out: &mut [f32],
) {
    let n = t_steps as u64;
    let (first, window) = first_and_window(stream, t_steps);
    // The current frame and its times: sorted events divide once a frame, not once an event.
    let (mut frame, mut start, mut end) = (0usize, 0u64, 0u64);
    for event in &stream.events {
        let t = event.t_us - first;
        if t < start || t >= end {
            let bin = t.checked_div(window).unwrap_or(n);
            let bin = if whole { bin.min(n - 1) } else { bin };
            if bin >= n {
                continue;
            }
            frame = bin as usize;
            start = bin * window;
            end = if whole && bin == n - 1 { u64::MAX } else { start + window };
        }
        count(out, 2 * frame + usize::from(event.polarity), event.x, event.y, width, plane);
    }
}

fn by_count(
    stream: &EventStream,
    t_steps: usize,
    width: usize,
    plane: usize,
    whole: bool,
    out: &mut [f32],
) {
    let per_frame = stream.events.len() / t_steps;
    for (i, event) in stream.events.iter().enumerate() {
        let frame = i.checked_div(per_frame).unwrap_or(t_steps);
        let frame = if whole { frame.min(t_steps - 1) } else { frame };
        if frame < t_steps {
            count(out, 2 * frame + usize::from(event.polarity), event.x, event.y, width, plane);
        }
    }
}

#[inline]
pub(crate) fn count(out: &mut [f32], channel: usize, x: u16, y: u16, width: usize, plane: usize) {
    // An event outside of the sensor, which no reader makes, must not land in a neighbor's row.
    if usize::from(x) < width
        && let Some(cell) = out.get_mut(channel * plane + usize::from(y) * width + usize::from(x))
    {
        *cell += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    fn stream(times: &[u64]) -> EventStream {
        let event = |&t_us: &u64| Event { t_us, x: 0, y: 0, polarity: true };
        EventStream {
            width: 1,
            height: 1,
            events: times.iter().map(event).collect(),
            skipped_special: 0,
        }
    }

    fn on(times: &[u64], t_steps: usize, by: FrameBy) -> Vec<f32> {
        frames(&stream(times), t_steps, by).unwrap().chunks(2).map(|f| f[1]).collect()
    }

    #[test]
    fn names_round_trip() {
        for by in FrameBy::ALL {
            assert_eq!(by.to_string().parse::<FrameBy>().unwrap(), by);
        }
        let error = "number".parse::<FrameBy>().unwrap_err().to_string();
        assert!(error.contains("\"number\"") && error.contains("count-even"), "{error}");
    }

    #[test]
    fn windows_are_tonics() {
        // t_last = 1003, T = 4: w = 250; 1000..=1003 fall past the last window.
        let times = [0, 249, 250, 499, 500, 749, 750, 999, 1000, 1001, 1003];
        assert_eq!(on(&times, 4, FrameBy::Time), [2.0, 2.0, 2.0, 2.0]);
        assert_eq!(on(&times, 4, FrameBy::TimeWhole), [2.0, 2.0, 2.0, 5.0]);
        let late: Vec<u64> = times.iter().map(|t| t + 77).collect();
        assert_eq!(on(&late, 4, FrameBy::Time), [2.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn remainder_of_a_count_is_in_the_last_frame() {
        let times: Vec<u64> = (0..11).collect();
        assert_eq!(on(&times, 4, FrameBy::Count), [2.0, 2.0, 2.0, 5.0]);
        assert_eq!(on(&times[..2], 4, FrameBy::Count), [0.0, 0.0, 0.0, 2.0]);
        assert_eq!(on(&times, 4, FrameBy::CountEven), [2.0, 2.0, 2.0, 2.0]);
        let error = frames(&stream(&times[..2]), 4, FrameBy::CountEven).unwrap_err().to_string();
        assert!(error.contains("2 events are fewer than the frames"), "{error}");
    }

    #[test]
    fn odd_recordings_give_frames_too() {
        for by in [FrameBy::Time, FrameBy::TimeWhole, FrameBy::Count, FrameBy::CountEven] {
            assert_eq!(on(&[], 3, by), [0.0; 3]);
        }
        // One moment: windows are empty, so this rule would drop all of it.
        let error = frames(&stream(&[5, 5]), 2, FrameBy::Time).unwrap_err().to_string();
        assert!(error.contains("2 frames by time: the recording lasts fewer"), "{error}");
        assert_eq!(on(&[5, 5], 2, FrameBy::TimeWhole), [0.0, 2.0]);
        assert_eq!(on(&[9, 0, 5], 3, FrameBy::TimeWhole), [1.0, 1.0, 1.0]);
        assert_eq!(on(&[0, u64::MAX], 2, FrameBy::TimeWhole), [1.0, 1.0]);
        assert!(frames(&stream(&[1]), 0, FrameBy::Time).is_err());
        assert!(frames(&stream(&[1]), usize::MAX, FrameBy::Time).is_err());
        assert!(frames(&stream(&[1]), MAX_T_STEPS + 1, FrameBy::Time).is_err());
        let wide = EventStream { width: 32_767, height: 32_767, ..stream(&[1]) };
        let error = frames(&wide, 1, FrameBy::Time).unwrap_err().to_string();
        assert!(error.contains("1 x 2 x 32767 x 32767"), "{error}");
    }

    /// As many frames as microseconds and one more, or as events: each event in a frame, or an error.
    #[test]
    fn no_recording_vanishes() {
        let ten: Vec<u64> = (0..10).collect();
        for by in FrameBy::ALL {
            match frames(&stream(&ten), 10, by) {
                Ok(x) => assert_eq!(x.iter().sum::<f32>(), 10.0, "{by}"),
                Err(error) => assert!(by == FrameBy::Time, "{error}"),
            }
        }
    }

    #[test]
    fn position_is_channel_row_column() {
        let events = vec![Event { t_us: 0, x: 2, y: 1, polarity: false }];
        let stream = EventStream { width: 3, height: 2, events, skipped_special: 0 };
        let x = frames(&stream, 1, FrameBy::Count).unwrap();
        assert_eq!(x.iter().position(|&v| v == 1.0), Some(5));
        assert_eq!(x.len(), 12);
    }
}

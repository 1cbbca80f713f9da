//! Recordings cut into windows of one length, so that a longer recording gives more frames.

use std::ops::Range;

use crate::frame::count;
use crate::limits::product;
use crate::{Error, EventStream, Limits, Result};

/// The length of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// So many microseconds from the first event on.
    Time(u64),
    /// So many events.
    Events(usize),
}

/// Event counts `[T, 2, H, W]` of windows that follow each other, and T, at least 1.
///
/// What is left after the last whole window is dropped, or with `keep_rest` a shorter window. A recording that is
/// shorter than one window gives one frame.
///
/// # Source
/// tonic's `slice_by_time` and `slice_by_event_count` without overlap, for sorted times; `keep_rest` is its
/// `include_incomplete`. As there, an event at the very end of a recording of n whole windows is in none.
///
/// # Errors
/// [`Error::Config`] when the window is empty or the frames would hold more values than
/// [`Limits::sample_values`] is by default.
pub fn windows(stream: &EventStream, window: Window, keep_rest: bool) -> Result<(usize, Vec<f32>)> {
    let whole = |length: u64, window: u64| match keep_rest {
        true => length.div_ceil(window),
        false => length / window,
    };
    let first = stream.events.iter().map(|event| event.t_us).min().unwrap_or(0);
    let last = stream.events.iter().map(|event| event.t_us).max().unwrap_or(0);
    let (n, step) = match window {
        Window::Time(0) | Window::Events(0) => {
            return Err(Error::config("window", "0 is out of range; give at least 1"));
        }
        Window::Time(us) => (whole(last - first, us), us),
        Window::Events(events) => (whole(stream.events.len() as u64, events as u64), events as u64),
    };
    let n = n.max(1);
    let (width, height) = (usize::from(stream.width), usize::from(stream.height));
    let most = Limits::default().sample_values;
    let t_steps = usize::try_from(n).unwrap_or(usize::MAX);
    let mut out = vec![0.0; product("window, sensor", &[t_steps, 2, height, width], most)?];
    for (i, event) in (0u64..).zip(&stream.events) {
        let bin = match window {
            Window::Time(_) => (event.t_us - first) / step,
            Window::Events(_) => i / step,
        };
        if bin < n {
            let channel = 2 * bin as usize + usize::from(event.polarity);
            count(&mut out, channel, event.x, event.y, width, width * height);
        }
    }
    Ok((t_steps, out))
}

/// Event counts `[T, 2, H, W]` of windows of `us` microseconds that follow each other from the beginning of `span` on, on the
/// recording's own clock, and T, at least 1: windows without events are there too.
///
/// What is left of the span after the last whole window is dropped, and events outside of it are; a span that is shorter
/// than one window gives one frame.
///
/// # Errors
/// [`Error::Config`] when the window or the span is empty, or the frames would hold more values than
/// [`Limits::sample_values`] is by default.
pub fn windows_between(
    stream: &EventStream,
    span: Range<u64>,
    us: u64,
) -> Result<(usize, Vec<f32>)> {
    if us == 0 || span.is_empty() {
        let why = format!(
            "{us} us in a span of {span:?} us hold no window; give at least 1, and an end after the beginning"
        );
        return Err(Error::config("window", why));
    }
    let (width, height) = (usize::from(stream.width), usize::from(stream.height));
    let n = ((span.end - span.start) / us).max(1);
    let t_steps = usize::try_from(n).unwrap_or(usize::MAX);
    let most = Limits::default().sample_values;
    let mut out = vec![0.0; product("window, sensor", &[t_steps, 2, height, width], most)?];
    for event in stream.events.iter().filter(|event| span.contains(&event.t_us)) {
        let bin = (event.t_us - span.start) / us;
        if bin < n {
            let channel = 2 * bin as usize + usize::from(event.polarity);
            count(&mut out, channel, event.x, event.y, width, width * height);
        }
    }
    Ok((t_steps, out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    #[test]
    fn windows_of_a_span_stand_where_they_are_asked_for() {
        let event = |t_us| Event { t_us, ..Event::default() };
        let events = [100, 119, 120, 155, 160, 169].map(event).to_vec();
        let stream = EventStream { width: 1, height: 1, events, skipped_special: 0 };
        let off = |span, us| {
            let (t_steps, x) = windows_between(&stream, span, us).unwrap();
            assert_eq!(t_steps, x.len() / 2);
            x.chunks(2).map(|frame| frame[0]).collect::<Vec<_>>()
        };
        assert_eq!(off(100..170, 20), [2.0, 1.0, 1.0]);
        assert_eq!(off(110..170, 20), [2.0, 0.0, 3.0]);
        assert_eq!(off(0..60, 20), [0.0; 3]);
        assert_eq!(off(100..170, 1000), [6.0]);
        assert!(windows_between(&stream, 5..5, 1).is_err());
        assert!(windows_between(&stream, 5..9, 0).is_err());
        assert!(windows_between(&stream, 0..u64::MAX, 1).is_err());
    }

    #[test]
    fn empty_windows_and_endless_recordings_are_refused() {
        let event = |t_us| Event { t_us, ..Event::default() };
        let events = vec![event(0), event(u64::MAX)];
        let stream = EventStream { width: 4, height: 4, events, skipped_special: 0 };
        assert!(windows(&stream, Window::Time(0), true).is_err());
        assert!(windows(&stream, Window::Events(0), true).is_err());
        assert!(windows(&stream, Window::Time(1), true).is_err());
        assert_eq!(windows(&stream, Window::Time(u64::MAX), false).unwrap().0, 1);
        let none = EventStream { events: Vec::new(), ..stream };
        assert_eq!(windows(&none, Window::Events(9), false).unwrap(), (1, vec![0.0; 32]));
    }
}

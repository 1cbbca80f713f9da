//! Changes of a recording's list of events; each keeps the order of the file unless it says otherwise.

use rand_chacha::ChaCha8Rng;

use super::Region;
use super::planes::Turn;
use crate::random::below;
use crate::{Event, EventStream};

impl EventStream {
    /// Left and right change places.
    pub fn flip_x(&mut self) {
        let last = self.width.saturating_sub(1);
        self.events.iter_mut().for_each(|event| event.x = last.saturating_sub(event.x));
    }

    /// Top and bottom change places.
    pub fn flip_y(&mut self) {
        let last = self.height.saturating_sub(1);
        self.events.iter_mut().for_each(|event| event.y = last.saturating_sub(event.y));
    }

    /// ON and OFF change places.
    pub fn flip_polarity(&mut self) {
        self.events.iter_mut().for_each(|event| event.polarity = !event.polarity);
    }

    /// The recording backwards: times count from the last event, which comes first, and ON and OFF change places,
    /// because a change that is undone has the opposite sign.
    pub fn reverse_time(&mut self) {
        let last = self.events.iter().map(|event| event.t_us).max().unwrap_or(0);
        self.events.reverse();
        self.flip_polarity();
        self.events.iter_mut().for_each(|event| event.t_us = last - event.t_us);
    }

    /// The events inside of `region`, clipped to the sensor, which becomes the sensor.
    pub fn crop(&mut self, region: Region) {
        let (x, y) = (
            span(region.left, region.width, self.width),
            span(region.top, region.height, self.height),
        );
        self.events.retain(|event| x.contains(&event.x) && y.contains(&event.y));
        for event in &mut self.events {
            (event.x, event.y) = (event.x - x.start, event.y - y.start);
        }
        (self.width, self.height) = (x.end - x.start, y.end - y.start);
    }

    /// The events outside of `region`.
    pub fn drop_region(&mut self, region: Region) {
        let (x, y) = (
            span(region.left, region.width, self.width),
            span(region.top, region.height, self.height),
        );
        self.events.retain(|event| !(x.contains(&event.x) && y.contains(&event.y)));
    }

    /// All events but those that `start..=end` holds, in microseconds of the recording's clock.
    pub fn drop_interval(&mut self, start: u64, end: u64) {
        self.events.retain(|event| !(start..=end).contains(&event.t_us));
    }

    /// All events but those at `places`, which are sorted.
    pub fn drop_places(&mut self, places: &[usize]) {
        let mut i = 0;
        self.events.retain(|_| {
            i += 1;
            places.binary_search(&(i - 1)).is_err()
        });
    }

    /// Everything moved down and right, what leaves on one side entering on the other.
    pub fn roll(&mut self, (down, right): (isize, isize)) {
        let moved = |at: u16, by: isize, n: u16| {
            let n = i64::from(n.max(1));
            (i64::from(at) + by as i64 % n).rem_euclid(n) as u16
        };
        for event in &mut self.events {
            event.x = moved(event.x, right, self.width);
            event.y = moved(event.y, down, self.height);
        }
    }

    /// Turned about the center, to the nearest pixel; what leaves the sensor is dropped. `turn` leads from the new place to
    /// the old one, as for [`turn`](super::turn()), and must not be flat.
    ///
    /// DIFFERS: [`turn`](super::turn()) asks for every new pixel where it comes from, this for every event where it goes:
    /// two pixels may meet and a pixel may stay empty.
    pub fn turn(&mut self, [a, b, c, d]: Turn) {
        let (x_mid, y_mid) = (mid(self.width), mid(self.height));
        let area = a * d - b * c;
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        self.events.retain_mut(|event| {
            let (x, y) = (f64::from(event.x) - x_mid, f64::from(event.y) - y_mid);
            let new_x = ((d * x - b * y) / area + x_mid).round_ties_even();
            let new_y = ((a * y - c * x) / area + y_mid).round_ties_even();
            *event = Event { x: new_x as u16, y: new_y as u16, ..*event };
            (0.0..width).contains(&new_x) && (0.0..height).contains(&new_y)
        });
    }
}

/// Draws `share` of the places `0..n`, rounded half up, without replacement, sorted, for [`EventStream::drop_places`].
///
/// # Source
/// tonic's `DropEvent`.
pub fn drawn_places(rng: &mut ChaCha8Rng, n: usize, share: f64) -> Vec<usize> {
    let k = ((share.clamp(0.0, 1.0) * n as f64 + 0.5) as usize).min(n);
    // Fisher and Yates, as far as it is needed.
    let mut places: Vec<usize> = (0..n).collect();
    for i in 0..k {
        places.swap(i, i + below(rng, (n - i) as u64) as usize);
    }
    places.truncate(k);
    places.sort_unstable();
    places
}

fn span(start: usize, length: usize, n: u16) -> std::ops::Range<u16> {
    let start = start.min(n.into());
    start as u16..start.saturating_add(length).min(n.into()) as u16
}

fn mid(n: u16) -> f64 {
    (f64::from(n) - 1.0) / 2.0
}

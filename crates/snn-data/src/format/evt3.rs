//! Prophesee's EVT 3.0: 16-bit words that change a state, vectors of neighboring pixels among them.

use std::path::Path;

use super::prophesee::header;
use super::sensor::{Room, on_sensor, records};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

// The upper 4 bits of a word.
const ADDR_Y: u16 = 0;
const ADDR_X: u16 = 2;
const VECT_BASE_X: u16 = 3;
const VECT_12: u16 = 4;
const VECT_8: u16 = 5;
const TIME_LOW: u16 = 6;
const TIME_HIGH: u16 = 8;

/// Words between two looks at the limit.
const BLOCK: usize = 4096;

/// How EVT 3.0 is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evt3Options {
    /// Columns and rows; the header's when absent, else the smallest that hold all events.
    pub sensor: Option<(u16, u16)>,
    /// Times as the words say also where the lower bits fall under unchanged upper ones.
    pub as_written: bool,
}

/// Reads lines that begin with `%`, then little-endian words by their upper 4 bits: 0 the row, 2 an event (x in bits
/// 0-10, polarity in 11), 3 first column and polarity of vectors, 4 and 5 a vector of 12 or 8 pixels, 6 and 8 the lower
/// and the upper 12 bits of the time.
///
/// Other words, such as triggers, and events before the first upper time are left out and counted. A new upper time sets
/// the lower bits to 0; when it falls by more than half its range it began anew, 2^24 us later, and the other way
/// round.
///
/// DIFFERS: cameras write lower bits that fall by some microseconds under the same upper ones, where a word of another
/// source stood between. From such a file expelliarmus (and Tonic with it) takes every fall of the lower bits, also
/// those where the upper ones go on, for 2^12 us that passed, so that times never fall but run too fast. It is read
/// like that unless `options.as_written`; a file whose clock only goes forward is read as written in any case.
///
/// # Errors
/// [`Error::Format`] for another version, a partial word or an event outside of the sensor, [`Error::Limit`] past
/// `limits`.
pub fn evt3(
    bytes: &[u8],
    options: &Evt3Options,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let header = header(bytes, limits, path)?;
    if header.evt.is_some_and(|version| version != 30) {
        let why = "another version of EVT; name the format evt2 or evt3 that `% evt` says";
        return Err(Error::format(path, 0, FormatFault::Header { why }));
    }
    let words = records::<2>(bytes, header.len, "2-byte EVT3 word", path)?;
    let timed = words.iter().position(|word| kind(*word) == TIME_HIGH).unwrap_or(words.len());
    let (untimed, timed_words) = words.split_at_checked(timed).unwrap_or((words, &[]));
    let fall_us = if !options.as_written && falls(timed_words) { 1 << 12 } else { 0 };
    // Without vectors a word is an event at most; with them the list grows as it must.
    let most = usize::try_from(limits.events).unwrap_or(usize::MAX);
    let mut events = Vec::with_capacity(timed_words.len().min(most));
    let mut state = State { fall_us, ..State::default() };
    for block in timed_words.chunks(BLOCK) {
        state.decode(block, &mut events);
        check(path, "events", events.len() as u64, limits.events)?;
    }
    let offset_of = |event| {
        let mut before = 0;
        let holds = |word: &[u8; 2]| {
            before += pixels(*word).count_ones() as usize;
            before > event
        };
        header.len + 2 * (timed + timed_words.iter().position(holds).unwrap_or(0))
    };
    let stream = on_sensor(events, options.sensor.or(header.sensor), limits, path, offset_of)?;
    Ok(EventStream { skipped_special: state.skipped + untimed.len() as u64, ..stream })
}

#[inline]
fn kind(word: [u8; 2]) -> u16 {
    u16::from_le_bytes(word) >> 12
}

/// Whether lower bits of the time fall under unchanged upper ones.
fn falls(words: &[[u8; 2]]) -> bool {
    let (mut high, mut low) = (None, 0);
    words.iter().map(|&word| u16::from_le_bytes(word)).any(|bits| match bits >> 12 {
        TIME_HIGH if high != Some(bits) => {
            (high, low) = (Some(bits), 0);
            false
        }
        TIME_LOW => std::mem::replace(&mut low, bits) > bits,
        _ => false,
    })
}

/// One bit for each event of a word.
#[inline]
fn pixels(word: [u8; 2]) -> u16 {
    let word = u16::from_le_bytes(word);
    match word >> 12 {
        ADDR_X => 1,
        VECT_12 => word & 0xfff,
        VECT_8 => word & 0xff,
        _ => 0,
    }
}

/// What words leave for later ones.
#[derive(Default)]
struct State {
    t_us: u64,
    t_high: u64,
    last_low: u16,
    /// What passes when the lower bits fall, and what has passed so.
    fall_us: u64,
    fallen_us: u64,
    y: u16,
    /// First column and polarity of the next vector; a damaged file may lead it past every sensor, but not around.
    base: u16,
    polarity: bool,
    /// Words of other kinds.
    skipped: u64,
}

impl State {
    fn decode(&mut self, words: &[[u8; 2]], events: &mut Vec<Event>) {
        // In registers for as long as events follow each other.
        let (mut t_us, mut y) = (self.t_us, self.y);
        for &word in words {
            let bits = u16::from_le_bytes(word);
            let kind = bits >> 12;
            if kind == ADDR_X {
                events.push(Event { t_us, x: bits & 0x7ff, y, polarity: bits & 0x800 != 0 });
            } else if kind == ADDR_Y {
                y = bits & 0x7ff;
            } else if kind == VECT_12 || kind == VECT_8 {
                let mut left = pixels(word);
                while left != 0 {
                    let [column, ..] = left.trailing_zeros().to_le_bytes();
                    let x = self.base.saturating_add(column.into());
                    events.push(Event { t_us, x, y, polarity: self.polarity });
                    left &= left - 1;
                }
                self.base = self.base.saturating_add(if kind == VECT_12 { 12 } else { 8 });
            } else if kind == VECT_BASE_X {
                (self.base, self.polarity) = (bits & 0x7ff, bits & 0x800 != 0);
            } else {
                t_us = self.other(kind, bits & 0xfff, t_us);
            }
        }
        (self.t_us, self.y) = (t_us, y);
    }

    /// The time after a word that is of no event.
    fn other(&mut self, kind: u16, bits: u16, t_us: u64) -> u64 {
        match kind {
            TIME_LOW => {
                if bits < self.last_low {
                    self.fallen_us += self.fall_us;
                }
                self.last_low = bits;
                self.fallen_us + (self.t_high | u64::from(bits))
            }
            TIME_HIGH => {
                let (high, last) = (u64::from(bits), self.t_high >> 12 & 0xfff);
                // Cameras repeat the upper bits often: nothing changes then.
                if high == last {
                    return t_us;
                }
                let mut loops = self.t_high >> 24;
                if last > high + 0x800 {
                    loops += 1;
                } else if high > last + 0x800 {
                    loops = loops.saturating_sub(1);
                }
                self.t_high = loops << 24 | high << 12;
                self.fallen_us + self.t_high
            }
            _ => {
                self.skipped += 1;
                t_us
            }
        }
    }
}

/// The recording as such a file, without vectors, with the sensor's size in its header.
///
/// # Errors
/// [`Error::Config`] for an event past column or row 2047 or past 2^40 us, and for times that fall by 2^23 us.
pub fn write_evt3(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: "EVT3", sensor: (2048, 2048), t_us: 1 << 40 }.check(stream)?;
    let (width, height) = (stream.width, stream.height);
    let mut out = format!("% evt 3.0\n% geometry {width}x{height}\n% end\n").into_bytes();
    let mut word = |kind: u16, bits: u64| {
        let [low, high, ..] = (bits & 0xfff).to_le_bytes();
        out.extend((kind << 12 | u16::from_le_bytes([low, high])).to_le_bytes());
    };
    let (mut high, mut low, mut row) = (0, 0, None);
    word(TIME_HIGH, 0);
    for e in &stream.events {
        let to = e.t_us >> 12;
        if high > to + 0x7ff {
            let why = "EVT3 holds no recording whose times fall by 2^23 us; sort its events";
            return Err(Error::config("events", why));
        }
        while high != to {
            // Steps of less than half the range, so that a reader sees the clock begin anew.
            high = to.min(high + 0x7ff);
            word(TIME_HIGH, high);
            low = 0;
        }
        let to_low = e.t_us & 0xfff;
        if low > to_low {
            // A fall under unchanged upper bits would be read as 2^12 us that passed: see [`evt3`].
            word(TIME_HIGH, high ^ 1);
            word(TIME_HIGH, high);
            low = 0;
        }
        if low != to_low {
            low = to_low;
            word(TIME_LOW, low);
        }
        if row != Some(e.y) {
            row = Some(e.y);
            word(ADDR_Y, e.y.into());
        }
        word(ADDR_X, u64::from(e.polarity) << 11 | u64::from(e.x));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[u16]) -> Result<EventStream> {
        let mut bytes = b"% evt 3.0\n".to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        evt3(&bytes, &Evt3Options::default(), &Limits::default(), Path::new("x.raw"))
    }

    fn times(words: &[u16], as_written: bool) -> Vec<u64> {
        let mut bytes = b"% evt 3.0\n".to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let options = Evt3Options { as_written, ..Evt3Options::default() };
        let stream = evt3(&bytes, &options, &Limits::default(), Path::new("x.raw")).unwrap();
        stream.events.iter().map(|e| e.t_us).collect()
    }

    #[test]
    fn words_change_the_state() {
        let words = [0x2001, 0x8001, 0x6002, 0x0003, 0x2804, 0x3805, 0x4801, 0x5081, 0xa000];
        let stream = read(&words).unwrap();
        let event = |x, polarity| Event { t_us: 0x1002, x, y: 3, polarity };
        // Vectors begin at 5, then 17.
        let expected =
            [event(4, true), event(5, true), event(16, true), event(17, true), event(24, true)];
        assert_eq!(stream.events, expected);
        assert_eq!(stream.skipped_special, 2);
    }

    #[test]
    fn clock_begins_anew() {
        let words = [0x8fff, 0x6fff, 0x2000, 0x8000, 0x2000, 0x8fff, 0x2000];
        // The last is a step back over the beginning.
        assert_eq!(times(&words, false), [(1 << 24) - 1, 1 << 24, 0xfff << 12]);
    }

    #[test]
    fn falling_lower_times_are_read_as_told() {
        let words =
            [0x8001, 0x6009, 0x2000, 0x8001, 0x2000, 0x6008, 0x2000, 0x8002, 0x6001, 0x2000];
        assert_eq!(times(&words, true), [0x1009, 0x1009, 0x1008, 0x2001]);
        assert_eq!(times(&words, false), [0x1009, 0x1009, 0x2008, 0x4001]);
        // A fall where the upper time goes on is none.
        let forward = [0x8001, 0x6009, 0x2000, 0x8002, 0x6001, 0x2000];
        assert_eq!(times(&forward, false), [0x1009, 0x2001]);
    }

    #[test]
    fn long_pauses_and_falling_times_are_written() {
        let event = |t_us| Event { t_us, x: 1, y: 2, polarity: true };
        let events = [5, 5, 3, 4, 0, 1 << 30, (1 << 30) - 9, (1 << 40) - 1].map(event).to_vec();
        let stream = EventStream { width: 2, height: 3, events, skipped_special: 0 };
        let bytes = write_evt3(&stream).unwrap();
        for as_written in [false, true] {
            let options = Evt3Options { as_written, sensor: None };
            let again = evt3(&bytes, &options, &Limits::default(), Path::new("x.raw")).unwrap();
            assert_eq!(again, stream);
        }
        let events = vec![event(1 << 30), event(0)];
        assert!(write_evt3(&EventStream { events, ..stream }).is_err());
    }

    #[test]
    fn damage_is_placed() {
        let bytes = b"% evt 3.0\n% geometry 8x8\n% end\n\x00\x80\x07\x30\x07\x40";
        let read = |bytes: &[u8], limits| {
            evt3(bytes, &Evt3Options::default(), &limits, Path::new("x.raw"))
        };
        let error = read(bytes, Limits::default()).unwrap_err().to_string();
        assert!(error.contains("event 1 at (8, 0)") && error.contains("(at byte 35)"), "{error}");
        let error = read(&bytes[..36], Limits::default()).unwrap_err().to_string();
        assert!(error.contains("1 bytes are left") && error.contains("(at byte 35)"), "{error}");
        let few = Limits { events: 2, ..Limits::default() };
        assert!(matches!(
            read(bytes, few).unwrap_err(),
            Error::Limit { what: "events", got: 3, .. }
        ));
    }

    #[test]
    fn vectors_without_end_stay_within_the_limit() {
        let mut words = vec![0x8000, 0x3000];
        words.resize(6000, 0x4fff);
        assert!(matches!(read(&words).unwrap_err(), Error::Limit { what: "side", .. }));
    }
}

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

/// The last value of 12 bits of time, and the step from which a reader may take it for the other way round.
const LAST: u64 = 0xfff;
const HALF: u64 = 0x7ff;

/// Words between two looks at the limit.
const BLOCK: usize = 4096;

/// Reads lines that begin with `%`, then little-endian words by their upper 4 bits: 0 the row, 2 an event (x in bits
/// 0-10, polarity in 11), 3 first column and polarity of vectors, 4 and 5 a vector of 12 or 8 pixels, 6 and 8 the lower
/// and the upper 12 bits of the time.
///
/// Other words, such as triggers, and events before the first upper time are left out and counted. A new upper time sets
/// the lower bits to 0; when it falls by more than half its range it began anew, 2^24 us later, and the other way
/// round. Rows are counted from the top. The sensor is `sensor`, else the header's, else the smallest that holds all events.
///
/// DIFFERS: cameras write lower bits that fall by some microseconds under the same upper ones, where a word of another
/// source stood between. That is a step back, as for the maker's decoder. expelliarmus (and Tonic with it) takes it for
/// 2^12 us that passed, so that the times of such a file run too fast there.
///
/// # Errors
/// [`Error::Format`] for another version, a partial word or an event outside of the sensor, [`Error::Limit`] past
/// `limits`.
pub fn evt3(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
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
    // Without vectors a word is an event at most; with them the list grows as it must.
    let most = usize::try_from(limits.events).unwrap_or(usize::MAX);
    let mut events = Vec::with_capacity(timed_words.len().min(most));
    let mut state = State::default();
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
    let stream = on_sensor(events, sensor.or(header.sensor), limits, path, offset_of)?;
    Ok(EventStream { skipped_special: state.skipped + untimed.len() as u64, ..stream })
}

#[inline]
fn kind(word: [u8; 2]) -> u16 {
    u16::from_le_bytes(word) >> 12
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
            TIME_LOW => self.t_high | u64::from(bits),
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
                self.t_high
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
/// The maker's decoder sees the clock begin anew only where the upper bits fall from their last values to their first
/// ones, and never backwards: a pause is written with upper times between, so that they do.
///
/// # Errors
/// [`Error::Config`] for an event past column or row 2047 or past 2^40 us, and for times that fall by 2^23 us or
/// across a multiple of 2^24 us.
pub fn write_evt3(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: "EVT3", sensor: (2048, 2048), t_us: 1 << 40 }.check(stream)?;
    let (width, height) = (stream.width, stream.height);
    let mut out = format!("% evt 3.0\n% geometry {width}x{height}\n% end\n").into_bytes();
    let mut word = |kind: u16, bits: u64| {
        let [low, high, ..] = (bits & 0xfff).to_le_bytes();
        out.extend((kind << 12 | u16::from_le_bytes([low, high])).to_le_bytes());
    };
    let (mut high, mut low, mut row) = (0, None, None);
    word(TIME_HIGH, 0);
    for (i, e) in stream.events.iter().enumerate() {
        let to = e.t_us >> 12;
        if high >> 12 > to >> 12 || high > to + HALF {
            let why = format!(
                "event {i} falls by 2^23 us or across a multiple of 2^24 us, which EVT3 cannot say; sort the \
                 events by time"
            );
            return Err(Error::config("events", why));
        }
        while high != to {
            // By half the range at most, and to its last value before the first one.
            high = to.min(high + HALF).min((high | LAST).max(high + 1));
            word(TIME_HIGH, high);
            low = None;
        }
        // Told anew after every upper time: decoders differ in whether the lower bits stay.
        if low != Some(e.t_us & LAST) {
            low = Some(e.t_us & LAST);
            word(TIME_LOW, e.t_us & LAST);
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
        evt3(&bytes, None, &Limits::default(), Path::new("x.raw"))
    }

    fn times(words: &[u16]) -> Vec<u64> {
        read(words).unwrap().events.iter().map(|e| e.t_us).collect()
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
        assert_eq!(times(&words), [(1 << 24) - 1, 1 << 24, 0xfff << 12]);
    }

    #[test]
    fn a_step_back_is_no_wrap() {
        let words =
            [0x8001, 0x6009, 0x2000, 0x8001, 0x2000, 0x6008, 0x2000, 0x8002, 0x6001, 0x2000];
        assert_eq!(times(&words), [0x1009, 0x1009, 0x1008, 0x2001]);
        let forward = [0x8001, 0x6009, 0x2000, 0x8002, 0x6001, 0x2000];
        assert_eq!(times(&forward), [0x1009, 0x2001]);
    }

    /// The times of all events by the rules of the maker's decoder: the clock begins anew where the upper bits fall by
    /// all but ten of their range, and anything else is as written.
    fn by_the_maker(file: &[u8]) -> Vec<u64> {
        let start = file.windows(6).position(|line| line == b"% end\n").unwrap() + 6;
        let (mut loops, mut high, mut low, mut times) = (0u64, 0u64, 0u64, Vec::new());
        for word in file[start..].as_chunks().0 {
            let bits = u16::from_le_bytes(*word);
            let value = u64::from(bits & 0xfff);
            match bits >> 12 {
                TIME_HIGH => {
                    loops += u64::from(high > value && high - value >= 0xfff - 10);
                    low = if value == high { low } else { 0 };
                    high = value;
                }
                TIME_LOW => low = value,
                ADDR_X => times.push(loops << 24 | high << 12 | low),
                _ => {}
            }
        }
        times
    }

    #[test]
    fn pauses_are_read_alike_by_the_makers_decoder() {
        let event = |t_us| Event { t_us, x: 1, y: 2, polarity: true };
        let pauses = [0, 30_000_000, 30_000_005, 61_000_000, 61_000_000 - 4000];
        let whole_loops = [1, 1 << 24, (1 << 24) + 1, 1 << 25, (5 << 24) - 1, (1 << 40) - 1];
        let halves =
            [0x7f_f000, 0x80_0000, 0xff_f000, 0x100_0000, 0x17f_ffff, 0x1ff_f000, 0x280_0000];
        for times in [&pauses[..], &whole_loops, &halves] {
            let events = times.iter().copied().map(event).collect();
            let stream = EventStream { width: 2, height: 3, events, skipped_special: 0 };
            let bytes = write_evt3(&stream).unwrap();
            assert_eq!(by_the_maker(&bytes), times);
            let again = evt3(&bytes, None, &Limits::default(), Path::new("x.raw")).unwrap();
            assert_eq!(again, stream);
        }
    }

    #[test]
    fn long_pauses_and_falling_times_are_written() {
        let event = |t_us| Event { t_us, x: 1, y: 2, polarity: true };
        let fall = (1 << 30) + 9;
        let events = [5, 5, 3, 4, 0, fall, fall - 9, (1 << 40) - 1].map(event).to_vec();
        let stream = EventStream { width: 2, height: 3, events, skipped_special: 0 };
        let bytes = write_evt3(&stream).unwrap();
        let again = evt3(&bytes, None, &Limits::default(), Path::new("x.raw")).unwrap();
        assert_eq!(again, stream);
        for events in [vec![event(1 << 30), event(0)], vec![event(1 << 24), event((1 << 24) - 1)]] {
            let error = write_evt3(&EventStream { events, ..stream }).unwrap_err().to_string();
            assert!(error.contains("event 1 falls by") && error.contains("sort"), "{error}");
        }
    }

    #[test]
    fn damage_is_placed() {
        let bytes = b"% evt 3.0\n% geometry 8x8\n% end\n\x00\x80\x07\x30\x07\x40";
        let read = |bytes: &[u8], limits| evt3(bytes, None, &limits, Path::new("x.raw"));
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

//! Events as lines of text: simulators (v2e, ESIM), E2VID's files and the maker's own converter write such.

use std::path::Path;

use super::polarity::Polarities;
use super::sensor::on_sensor;
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// What a column may be called.
const NAMES: [(Column, &[&str]); 4] = [
    (Column::T, &["t", "ts", "time", "timestamp", "timestamps"]),
    (Column::X, &["x", "xs"]),
    (Column::Y, &["y", "ys"]),
    (Column::P, &["p", "ps", "pol", "polarity"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    T,
    X,
    Y,
    P,
}

const T_X_Y_P: [Column; 4] = [Column::T, Column::X, Column::Y, Column::P];
/// The order of Metavision's converter, whose header is `%geometry:WIDTH,HEIGHT`.
const X_Y_P_T: [Column; 4] = [Column::X, Column::Y, Column::P, Column::T];

/// Seconds that no recording takes: more than a hundred days. They would be microseconds.
const SECONDS: f64 = 1e7;

/// Reads an event a line: t, x, y and p, apart by blanks or commas; p is 0 and 1, or -1 and 1. Times are microseconds
/// where all of them are whole, else seconds, of which whole microseconds are made.
///
/// Empty lines and comments, which begin with `#` or `%`, are passed over. A first line, or a comment before the events,
/// may name the columns in another order; a first line of two numbers is the sensor's width and height (E2VID), and so is
/// `%geometry:WIDTH,HEIGHT`, after which columns are x, y, p, t (Metavision). The sensor is `sensor`, else the file's, else
/// the smallest that holds all events.
///
/// # Errors
/// [`Error::Format`] naming the line that is not four numbers, holds a negative or fractional position or a negative time,
/// for other polarities and an event outside of the sensor; [`Error::Limit`] past `limits`.
pub fn text(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let head = Head::read(bytes, path)?;
    let refuse = |line: &Line<'_>, why: &str| {
        let (number, why) = (line.number, why.to_owned());
        Error::format(path, line.at, FormatFault::Line { number, why })
    };
    let (mut events, mut places, mut seen) = (Vec::new(), Vec::new(), Polarities::default());
    let (mut fractions, mut earliest, mut latest) = (false, f64::INFINITY, f64::NEG_INFINITY);
    for line in head.events(bytes) {
        let fields = numbers(line.text).ok_or_else(|| {
            refuse(&line, "is not the four numbers of an event, such as `0.001 12 7 1`")
        })?;
        let mut event = Event::default();
        for (column, value) in head.order.iter().zip(fields) {
            match column {
                Column::T if value >= 0.0 => {
                    fractions |= value.fract() != 0.0;
                    (earliest, latest) = (earliest.min(value), latest.max(value));
                    // The unit is known at the end.
                    event.t_us = value.to_bits();
                }
                Column::T => {
                    return Err(refuse(&line, "holds a negative time; let times begin at 0"));
                }
                Column::X => event.x = side(value).ok_or_else(|| refuse(&line, POSITION))?,
                Column::Y => event.y = side(value).ok_or_else(|| refuse(&line, POSITION))?,
                Column::P => event.polarity = seen.see(value),
            }
        }
        check(path, "events", events.len() as u64 + 1, limits.events)?;
        events.push(event);
        places.push(line.at);
    }
    let unit = if fractions { 1e6 } else { 1.0 };
    if fractions && latest - earliest > SECONDS {
        let why = format!(
            "times with fractions are seconds, and these span {}; write microseconds as whole numbers",
            latest - earliest
        );
        return Err(Error::format(path, 0, FormatFault::Line { number: 1, why }));
    }
    if latest * unit >= 2f64.powi(53) {
        let why = format!("the time {latest} is too large; let times begin at 0");
        return Err(Error::format(path, 0, FormatFault::Line { number: 1, why }));
    }
    for event in &mut events {
        let t = (f64::from_bits(event.t_us) * unit).round_ties_even();
        #[allow(clippy::cast_possible_truncation)] // Whole, and below 2^53.
        let t_us = t as u64;
        event.t_us = t_us;
    }
    let p = head.order.iter().position(|&column| column == Column::P).unwrap_or(3);
    let all = head.events(bytes).filter_map(|line| numbers(line.text)?.get(p).copied());
    seen.check(all, path, places.first().copied().unwrap_or(0))?;
    let place = |i: usize| places.get(i).copied().unwrap_or(0);
    on_sensor(events, sensor.or(head.sensor), limits, path, place)
}

const POSITION: &str = "holds a position that is negative, too large or not whole; columns are t, x, y, p unless a first line names them";

fn side(value: f64) -> Option<u16> {
    #[allow(clippy::cast_possible_truncation)] // Whole and in range.
    (value.fract() == 0.0 && (0.0..65_536.0).contains(&value)).then_some(value as u16)
}

/// Whether this is such a text, and the size that it gives of its sensor.
pub(super) fn sniff(bytes: &[u8]) -> Option<Option<(u16, u16)>> {
    // What is cut may be in the middle of a line.
    let cut = bytes.get(..1 << 14).unwrap_or(bytes);
    let head = Head::read(cut, Path::new("")).ok()?;
    let first = head.events(bytes).next()?;
    numbers(first.text).map(|_| head.sensor)
}

/// What stands before the events.
struct Head {
    /// Lines before the first event, and bytes of them.
    lines: usize,
    bytes: usize,
    order: [Column; 4],
    sensor: Option<(u16, u16)>,
}

/// A line that is neither empty nor a comment.
struct Line<'a> {
    /// From 1.
    number: u64,
    at: usize,
    text: &'a str,
}

impl Head {
    fn read(bytes: &[u8], path: &Path) -> Result<Self> {
        let mut head = Self { lines: 0, bytes: 0, order: T_X_Y_P, sensor: None };
        for line in bytes.split(|&byte| byte == b'\n') {
            let text = std::str::from_utf8(line).map_or("?", str::trim);
            let comment = text.strip_prefix(['#', '%']).map(str::trim);
            if let Some(size) = comment.and_then(|text| text.strip_prefix("geometry:")) {
                (head.sensor, head.order) = (pair(size), X_Y_P_T);
            } else if let Some(order) = comment.and_then(order) {
                head.order = order;
            } else if comment.is_none() && !text.is_empty() {
                if let Some(order) = order(text) {
                    head.order = order;
                } else if head.sensor.is_none()
                    && let Some(size) = pair(text)
                {
                    head.sensor = Some(size);
                } else if numbers(text).is_some() {
                    return Ok(head);
                } else {
                    let why = "is neither the four numbers of an event nor the names t, x, y, p of the columns; \
                               write a line `t x y p` an event";
                    let fault =
                        FormatFault::Line { number: head.lines as u64 + 1, why: why.into() };
                    return Err(Error::format(path, head.bytes, fault));
                }
            }
            head.lines += 1;
            head.bytes += line.len() + 1;
        }
        Ok(head)
    }

    fn events<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Line<'a>> {
        let (mut number, mut at) = (self.lines as u64, self.bytes);
        let lines = bytes.get(self.bytes..).unwrap_or(&[]).split(|&byte| byte == b'\n');
        lines.filter_map(move |line| {
            let text = std::str::from_utf8(line).map_or("?", str::trim);
            let found = Line { number: number + 1, at, text };
            number += 1;
            at += line.len() + 1;
            (!text.is_empty() && !text.starts_with(['#', '%'])).then_some(found)
        })
    }
}

/// Fields between commas or blanks.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let apart = |c: char| c == ',' || c == ';' || c.is_whitespace();
    text.split(apart).filter(|field| !field.is_empty())
}

/// The four numbers of a line and nothing else.
fn numbers(text: &str) -> Option<[f64; 4]> {
    let mut all = fields(text);
    let mut next = || all.next()?.parse().ok().filter(|value: &f64| value.is_finite());
    let four = [next()?, next()?, next()?, next()?];
    all.next().is_none().then_some(four)
}

/// The order of columns that a line of their names gives.
fn order(text: &str) -> Option<[Column; 4]> {
    let column = |field: &str| {
        let field = field.to_ascii_lowercase();
        NAMES.iter().find(|(_, names)| names.contains(&&*field)).map(|(column, _)| *column)
    };
    let mut all = fields(text).map(column);
    let four = [all.next()??, all.next()??, all.next()??, all.next()??];
    let has_all = T_X_Y_P.iter().all(|column| four.contains(column));
    (has_all && all.next().is_none()).then_some(four)
}

/// A width and a height.
fn pair(text: &str) -> Option<(u16, u16)> {
    let mut all = fields(text).map(|field| field.parse().ok());
    let size = (all.next()??, all.next()??);
    all.next().is_none().then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EventStream> {
        super::text(text.as_bytes(), None, &Limits::default(), Path::new("x.txt"))
    }

    fn first(text: &str) -> (u64, u16, u16, bool) {
        let event = read(text).unwrap().events[0];
        (event.t_us, event.x, event.y, event.polarity)
    }

    #[test]
    fn seconds_and_microseconds_are_told_apart() {
        // 0.000001 has no exact binary form, and 1.005 would be cut to 1_004_999.
        assert_eq!(first("0.000001 3 4 1\n"), (1, 3, 4, true));
        assert_eq!(first("1.005 3 4 -1\n1 3 4 1"), (1_005_000, 3, 4, false));
        assert_eq!(first("1005, 3, 4, 0"), (1005, 3, 4, false));
        // np.savetxt writes whole numbers so.
        assert_eq!(first("1.005e3 3.0e0 4.0 1.0\r\n"), (1005, 3, 4, true));
        let epoch = read("1468939993.067416 1 1 1\n1468939993.067417 1 1 0\n").unwrap();
        assert_eq!(epoch.events[0].t_us, 1_468_939_993_067_416);
        let error = read("0.5 1 1 1\n10000001.5 1 1 1\n").unwrap_err().to_string();
        assert!(error.contains("span 10000001;"), "{error}");
    }

    #[test]
    fn headers_name_columns_and_the_sensor() {
        for head in
            ["", "# made by hand\n\n", "t x y p\n", "timestamp,x,y,polarity\n", "# t x y p\n"]
        {
            assert_eq!(first(&format!("{head}7 3 4 1\n")), (7, 3, 4, true), "{head}");
        }
        for head in ["x,y,p,t\n", "# x y p t\n", "%geometry:64,48\n"] {
            assert_eq!(first(&format!("{head}3,4,1,7\n")), (7, 3, 4, true), "{head}");
        }
        let stream = read("240 180\n0.5 3 4 1\n").unwrap();
        assert_eq!((stream.width, stream.height, stream.events[0].t_us), (240, 180, 500_000));
        assert_eq!(read("%geometry:64,48\n3,4,1,7\n").unwrap().width, 64);
        assert!(read("4 4\n1 4 0 1\n").unwrap_err().to_string().contains("event 0 at (4, 0)"));
        assert!(read("# nothing\n").unwrap().events.is_empty());
    }

    #[test]
    fn every_line_is_consumed_whole() {
        for (text, why) in [
            ("1 2 3 1\n2 2 3\n", "line 2: is not the four numbers"),
            ("1 2 3 1\n\n2 2 3 1 9\n", "line 3: is not the four numbers"),
            ("1 2 3 1\n2 2x 3 1\n", "line 2: is not the four numbers"),
            ("1 2 3 1\n2 -2 3 1\n", "line 2: holds a position"),
            ("1 2 3 1\n2 2.5 3 1\n", "line 2: holds a position"),
            ("1 2 3 1\n-2 2 3 1\n", "line 2: holds a negative time"),
            ("1 2 3 1\nnan 2 3 1\n", "line 2: is not the four numbers"),
            ("t x y\n1 2 3 1\n", "line 1: is neither"),
            ("x y p t\n1 2 3 1\n", "column p holds 3;"),
            ("1 2 3 4\n", "column p holds 4;"),
            ("1e300 2 3 1\n", "is too large"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let few = Limits { events: 1, ..Limits::default() };
        let error = super::text(b"1 2 3 1\n2 2 3 1\n", None, &few, Path::new("x")).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "events", got: 2, .. }));
    }

    #[test]
    fn a_text_is_told_by_its_first_event() {
        assert_eq!(sniff(b"# c\n1 2 3 1\n"), Some(None));
        assert_eq!(sniff(b"240 180\n1 2 3 1\n"), Some(Some((240, 180))));
        for other in [&b"1 2 3\n"[..], b"", b"# c\n", b"1 2\n", b"a,b,c,d\n", b"\x00\x01\x02"] {
            assert_eq!(sniff(other), None);
        }
    }
}

//! What can be wrong with a data file, a data set or a setting.

use std::path::{Path, PathBuf};

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The error of every function in this crate; each message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not follow the format.
    #[error("{}: {fault} (at byte {offset})", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in the file, after decompression.
        offset: u64,
        /// What is wrong and what helps.
        fault: FormatFault,
    },
    /// A file asks for more than the caller allowed.
    #[error("{}: {what} is {got}, the limit is {limit}; use a smaller file, or raise `Limits::{what}` in your own program if it is trusted", path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// The field of [`Limits`](crate::Limits) that was exceeded.
        what: &'static str,
        /// What the file asks for, or one more than the limit where reading stopped there.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// A label does not fit the number of classes.
    #[error("{}: label {got} of record {record} is out of range for {num_classes} classes; use the file of this data set", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// The record's number, from 0.
        record: u64,
        /// The label.
        got: u32,
        /// Labels lie in `0..num_classes`.
        num_classes: usize,
    },
    /// A file is another than when its data set was opened.
    #[error("{}: its content has changed since the data set was opened; put the file back, or start again with what is there now", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Something that a data set needs is not there.
    #[error("{}: {what} not found; {remedy}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What was looked for.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The folder holds another data set than the one asked for.
    #[error("{}: holds {found}, not {asked}; ask for {found} or name the folder of {asked}", path.display())]
    Mismatch {
        /// The folder.
        path: PathBuf,
        /// The data set asked for.
        asked: &'static str,
        /// The data set that is there.
        found: &'static str,
    },
    /// The data set or format is known, but this build cannot read it.
    #[error("{what} is known but not readable by this version; {remedy}")]
    Unreadable {
        /// The data set or the file with its format.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A setting is out of its range.
    #[error("{field}: {why}")]
    Config {
        /// The setting's name.
        field: &'static str,
        /// The cause and the allowed values.
        why: String,
    },
    /// The caller's watch asked to stop.
    #[error("opening the data set was stopped")]
    Stopped,
    /// The operating system refused.
    #[error("{}: {cause}{}", path.display(), remedy(cause))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason. Not a `source`: the message has it already.
        cause: std::io::Error,
    },
    /// A loader's thread ended early; a bug in this crate.
    #[error("loader: the worker of step {step} ended early; set workers = 0 and report this")]
    Worker {
        /// The step whose batch is missing.
        step: usize,
    },
}

/// What is wrong inside a file, with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatFault {
    /// The file does not begin as the format does.
    #[error("not {expected}; name the format that the file has, or convert it")]
    Magic {
        /// The format.
        expected: &'static str,
    },
    /// The file ends too early.
    #[error("{what} needs {need} bytes and {have} are left; fetch or save the file again")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes it takes.
        need: u64,
        /// Bytes present.
        have: u64,
    },
    /// Bytes are left where the file should end.
    #[error("{extra} bytes are left after the last whole {what}; fetch or save the file again")]
    Trailing {
        /// What the file holds.
        what: &'static str,
        /// Bytes too many.
        extra: u64,
    },
    /// An event lies outside of the sensor.
    #[error(
        "event {event} at ({x}, {y}) lies outside of the {width}x{height} sensor; give the sensor's size, or drop what is outside"
    )]
    OutOfSensor {
        /// The event's number, from 0.
        event: u64,
        /// Column.
        x: u32,
        /// Row.
        y: u32,
        /// The sensor's columns.
        width: u16,
        /// The sensor's rows.
        height: u16,
    },
    /// An event that marks an overflow of the clock, in a format that has no such marks.
    #[error(
        "event {event} at y = 240 is N-Caltech101's mark of an overflow of the clock; name the format atis-overflow, or \
         the sensor's size and the format if it has more than 240 rows"
    )]
    OverflowMarker {
        /// The event's number, from 0.
        event: u64,
    },
    /// A column of polarities holds something else.
    #[error(
        "column p holds {values}; a polarity is 0 or 1, or -1 or 1, or a truth value, and columns without names are t, x, \
         y, p: save one event for each change, 1 for brighter"
    )]
    Polarity {
        /// Some of the values.
        values: String,
    },
    /// A line of text is none of an event's.
    #[error("line {number}: {why}")]
    Line {
        /// The line's number, from 1.
        number: u64,
        /// The cause and what is needed.
        why: String,
    },
    /// A file of many arrays holds others than those that are needed.
    #[error("holds {found}; {needed}")]
    Contents {
        /// What is in it.
        found: String,
        /// What is needed.
        needed: &'static str,
    },
    /// No event of a recording is in any frame.
    #[error("none of the {events} events is in a frame: {why}")]
    NoFrames {
        /// The recording's events.
        events: u64,
        /// The cause and what to do.
        why: String,
    },
    /// An address has bits that the sensor does not use.
    #[error(
        "address {address:#010x} of event {event} is not one of a DVS128; this sensor's layout is not supported"
    )]
    Address {
        /// The event's number, from 0.
        event: u64,
        /// The address.
        address: u32,
    },
    /// Two counts that belong together differ.
    #[error("{what}: {expected} expected, {got} found; use files of one data set")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: u64,
        /// How many there are.
        got: u64,
    },
    /// A header is damaged or of an unsupported kind.
    #[error("header: {why}")]
    Header {
        /// The cause and the supported kind.
        why: &'static str,
    },
    /// Neither the first bytes nor the name tell the format.
    #[error(
        "neither the first bytes nor the name tell which format this is; name it if it is one of {names}, or save the \
         events as text, a line `t x y p` each"
    )]
    Unknown {
        /// The formats that can be named.
        names: String,
    },
    /// A recording without a single event.
    #[error("no events are in it; fetch or save the file again or take it out of the data set")]
    NoEvents,
    /// A part of a recording that is a sample, without a single event.
    #[error(
        "no events are from {from_us} to {to_us} us, which its labels name; mend them or take that part out"
    )]
    NoEventsBetween {
        /// Where the part begins on the recording's clock, in microseconds.
        from_us: u64,
        /// Where it ends.
        to_us: u64,
    },
    /// A shape without a point or a surface.
    #[error("no points are in it; fetch or save the file again or take it out of the data set")]
    NoPoints,
    /// A JPEG or PNG decoder gave up.
    #[error("damaged picture: {why}; fetch or save the file again")]
    Picture {
        /// The decoder's reason.
        why: String,
    },
    /// The compressed data are damaged.
    #[error("damaged gzip data; fetch or save the file again")]
    Gzip,
}

/// What helps against a system's refusal; nothing where its own words have to do.
fn remedy(cause: &std::io::Error) -> &'static str {
    use std::io::ErrorKind as Kind;
    // ENFILE, EMFILE and EIO, which have no kind of their own.
    match (cause.kind(), cause.raw_os_error()) {
        (_, Some(23 | 24)) => "; close other programs or raise the limit of open files (ulimit -n)",
        (_, Some(5)) => "; the disk or its connection fails: copy what can still be read",
        (Kind::OutOfMemory, _) => "; free some memory",
        (Kind::NotFound | Kind::NotADirectory | Kind::PermissionDenied | Kind::InvalidInput, _) => {
            "; check the path"
        }
        _ => "",
    }
}

impl Error {
    pub(crate) fn format(path: &Path, offset: usize, fault: FormatFault) -> Self {
        Self::Format { path: path.into(), offset: offset as u64, fault }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        |cause| Self::Io { path, cause }
    }

    pub(crate) fn config(field: &'static str, why: impl Into<String>) -> Self {
        Self::Config { field, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_answered_by_what_helps_against_it() {
        let said = |number: i32| {
            Error::io(Path::new("f"))(std::io::Error::from_raw_os_error(number)).to_string()
        };
        for (number, words) in [
            (2, "check the path"),
            (13, "check the path"),
            (24, "raise the limit of open files"),
            (5, "the disk or its connection fails"),
            (12, "free some memory"),
        ] {
            assert!(said(number).contains(words), "{}", said(number));
            assert_eq!(said(number).contains("check the path"), words == "check the path");
        }
    }
}

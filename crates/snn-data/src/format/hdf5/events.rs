//! One recording in HDF5: a column each for x, y, t and p, or a table of such records.

use std::path::Path;
use std::sync::Arc;

use hdf5_pure::{Datatype, File};

use super::filters::{Packing, packing, unpack};
use super::found::{contents, sensor as sensor_of};
use super::guard::Guard;
use super::{Number, opened, refuse};
use crate::format::polarity::Polarities;
use crate::format::sensor::on_sensor;
use crate::limits::check;
use crate::{Event, EventStream, FormatFault, Limits, Result};

/// Where the columns lie.
const GROUPS: [&str; 2] = ["events/", ""];
/// Where a table lies: in files of Metavision, and elsewhere.
const TABLES: [&str; 3] = ["CD/events", "events", "events/events"];
const X: &[&str] = &["x", "xs"];
const Y: &[&str] = &["y", "ys"];
const T: &[&str] = &["t", "ts", "timestamps"];
const P: &[&str] = &["p", "ps", "polarity", "polarities"];

const LAYOUT: &str = "spike trains as in shd_train.h5, columns of numbers x, y, t and p (or xs, ys, ts and ps) of one \
                      length, in the group events or in none, or a table CD/events of such records, are needed";
const UNPACK: &str = "deflate, LZF, shuffle, Fletcher-32, Zstandard and Blosc with it are read; pack it with one of them: h5repack -f GZIP=4";
const DAMAGED: &str = "its packed data are damaged; use a whole copy of the file";
const WRONG: &str = "an event's time or position is negative, too large or no whole number; save pixels from 0 and times \
                     in microseconds, or in seconds as floats";
/// Seconds that no recording takes: more than a hundred days. They would be microseconds.
const SECONDS: f64 = 1e7;
const LONG: &str = "times that are floats are seconds, and these span more than a hundred days; save microseconds as integers";

/// Reads one recording: the columns x, y, t and p, in the group `events`, as DSEC has them, or in none, also named xs, ys,
/// ts and ps, as E2VID's converters do; or the table `CD/events` of records of x, y, p and t, as Metavision's. Whole
/// times are microseconds, others seconds; p is 0 and 1, -1 and 1, or a truth value. Rows are counted from the top.
///
/// The sensor is `sensor`, else the file's attribute `sensor_resolution` (rows, columns; or columns, rows where the
/// events say so) or `geometry`, else the smallest that holds all events. DSEC's `t_offset`, which is common to all of a
/// drive's sensors, is not added.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for other contents, damage, another compression, other polarities or an event
/// outside of the sensor, [`Error::Limit`](crate::Error::Limit) past `limits`.
pub fn hdf5_events(
    bytes: Vec<u8>,
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    Ok(read(bytes, sensor, limits, path)?.0)
}

/// The events, and whether nobody said the sensor's size.
pub(super) fn read(
    bytes: Vec<u8>,
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<(EventStream, bool)> {
    let bytes = Arc::new(bytes);
    let guard = Guard::new(&bytes, limits, path)?;
    let other = || {
        let found = contents(guard.file());
        guard.refuse(FormatFault::Contents { found, needed: LAYOUT })
    };
    let name = |group: &str, names: &[&str]| {
        names.iter().map(|name| format!("{group}{name}")).find(|name| guard.has(name))
    };
    let columns = GROUPS.iter().find_map(|group| {
        Some([name(group, X)?, name(group, Y)?, name(group, T)?, name(group, P)?])
    });
    let table = || TABLES.into_iter().find(|name| guard.has(name)).map(str::to_owned);
    let names = match columns {
        Some(names) => names.to_vec(),
        None => vec![table().ok_or_else(other)?],
    };
    let mut rows = Vec::new();
    for name in &names {
        let is_known = |datatype: &Datatype| match names.len() {
            1 => Records::of(datatype).is_some(),
            _ => Number::of(datatype).is_some(),
        };
        let n = guard.check(name, is_known, LAYOUT)?;
        check(path, "events", n, limits.events)?;
        rows.push(usize::try_from(n).unwrap_or(usize::MAX));
        let filters = guard.file().dataset(name).map(|set| set.filter_pipeline());
        if let Packing::Other(filter) = packing(&filters.unwrap_or_default()) {
            let found = format!("{name} packed by {filter}, among {}", contents(guard.file()));
            return Err(guard.refuse(FormatFault::Contents { found, needed: UNPACK }));
        }
    }
    let own = sensor_of(guard.file());
    let other = other();
    if rows.iter().any(|n| Some(n) != rows.first()) {
        return Err(other);
    }
    let file = opened(guard, bytes, path)?;
    let [x, y, t, p] = match &names[..] {
        [x, y, t, p] => {
            let [x, y, t, p] = [x, y, t, p].map(|name| Column::read(&file, name, path));
            [x?, y?, t?, p?]
        }
        [table, ..] => Records::read(&file, table, path)?,
        [] => return Err(other),
    };
    let unit = if t.number.is_float() { 1e6 } else { 1.0 };
    if t.number.is_float() {
        let (first, last) =
            t.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), t| {
                (first.min(t), last.max(t))
            });
        if last - first > SECONDS {
            return Err(refuse(path, LONG));
        }
    }
    let mut seen = Polarities::default();
    let values = x.values().zip(y.values()).zip(t.values()).zip(p.values());
    let event = |(((x, y), t), p): (((f64, f64), f64), f64)| {
        let whole = |value: f64, below: f64| {
            (value.fract() == 0.0 && (0.0..below).contains(&value)).then_some(value)
        };
        let polarity = seen.see(p);
        #[allow(clippy::cast_possible_truncation)] // Whole and in range.
        Some(Event {
            t_us: whole((t * unit).round_ties_even(), 2f64.powi(53))? as u64,
            x: whole(x, 65_536.0)? as u16,
            y: whole(y, 65_536.0)? as u16,
            polarity,
        })
    };
    let events: Option<Vec<Event>> = values.map(event).collect();
    let events = events.ok_or_else(|| refuse(path, WRONG))?;
    seen.check(p.values(), path, 0)?;
    let own = own.map(|sides| either_way(sides, &events));
    let stream = on_sensor(events, sensor.or(own), limits, path, |_| 0)?;
    Ok((stream, sensor.is_none() && own.is_none()))
}

/// Columns and rows of what the file says as rows, columns: the other way round where only that holds all events.
fn either_way([rows, columns]: [u16; 2], events: &[Event]) -> (u16, u16) {
    let holds = |columns, rows| events.iter().all(|e| e.x < columns && e.y < rows);
    if !holds(columns, rows) && holds(rows, columns) { (rows, columns) } else { (columns, rows) }
}

/// The numbers of one data set or of one member of its records, not yet converted.
struct Column {
    number: Number,
    data: Arc<Vec<u8>>,
    /// Bytes before the first number, and from one to the next.
    place: usize,
    step: usize,
}

impl Column {
    fn read(file: &File, name: &str, path: &Path) -> Result<Self> {
        let set = file.dataset(name).map_err(|_| refuse(path, LAYOUT))?;
        let number = set.datatype().ok().and_then(|datatype| Number::of(&datatype));
        let number = number.ok_or_else(|| refuse(path, LAYOUT))?;
        let data = raw(file, name, number.size(), path)?;
        Ok(Self { number, data: Arc::new(data), place: 0, step: number.size() })
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let end = self.place + self.number.size();
        self.data.chunks_exact(self.step).map(move |record| {
            record.get(self.place..end).map_or(f64::NAN, |bytes| self.number.value(bytes))
        })
    }
}

/// The members x, y, t and p of records of `size` bytes, and where they lie.
struct Records {
    members: [(Number, usize); 4],
    size: usize,
}

impl Records {
    fn of(datatype: &Datatype) -> Option<Self> {
        let Datatype::Compound { size, members } = datatype else { return None };
        let size = usize::try_from(*size).ok()?;
        let member = |names: &[&str]| {
            let member = members.iter().find(|member| names.contains(&&*member.name))?;
            let (number, place) =
                (Number::of(&member.datatype)?, usize::try_from(member.byte_offset).ok()?);
            (place.checked_add(number.size())? <= size).then_some((number, place))
        };
        Some(Self { members: [member(X)?, member(Y)?, member(T)?, member(P)?], size })
    }

    fn read(file: &File, name: &str, path: &Path) -> Result<[Column; 4]> {
        let set = file.dataset(name).map_err(|_| refuse(path, LAYOUT))?;
        let records = set.datatype().ok().and_then(|datatype| Self::of(&datatype));
        let Self { members, size } = records.ok_or_else(|| refuse(path, LAYOUT))?;
        let data = Arc::new(raw(file, name, size, path)?);
        Ok(members.map(|(number, place)| Column {
            number,
            data: Arc::clone(&data),
            place,
            step: size,
        }))
    }
}

/// The bytes of a data set of elements of `size` bytes.
fn raw(file: &File, name: &str, size: usize, path: &Path) -> Result<Vec<u8>> {
    let damaged = || refuse(path, DAMAGED);
    let set = file.dataset(name).map_err(|_| damaged())?;
    if packing(&set.filter_pipeline()) != Packing::Zstd {
        return set.read_raw().map_err(|_| damaged());
    }
    let rows = set.shape().ok().and_then(|shape| usize::try_from(*shape.first()?).ok());
    rows.and_then(|rows| unpack(&set, file.as_bytes(), rows, size)).ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    use hdf5_pure::{AttrValue, DatasetBuilder, FileBuilder};

    use crate::Error;

    fn read(file: FileBuilder) -> Result<EventStream> {
        hdf5_events(file.finish().unwrap(), None, &Limits::default(), Path::new("x.h5"))
    }

    fn set(
        file: &mut FileBuilder,
        name: &str,
        data: impl Fn(&mut DatasetBuilder) -> &mut DatasetBuilder,
    ) {
        data(file.create_dataset(name));
    }

    #[test]
    fn columns_read_in_a_group_and_without() {
        let expected = [
            Event { t_us: 5, x: 3, y: 1, polarity: true },
            Event { t_us: 1 << 40, x: 300, y: 0, polarity: false },
        ];
        let mut grouped = FileBuilder::new();
        let mut events = grouped.create_group("events");
        events.create_dataset("x").with_u16_data(&[3, 300]).with_chunks(&[1]).with_deflate(6);
        events.create_dataset("y").with_u16_data(&[1, 0]).with_chunks(&[2]).with_shuffle();
        events.create_dataset("t").with_i64_data(&[5, 1 << 40]);
        events.create_dataset("p").with_u8_data(&[1, 0]);
        grouped.add_group(events.finish());
        let stream = read(grouped).unwrap();
        assert_eq!((stream.width, stream.height), (301, 2));
        assert_eq!(stream.events, expected);
        let mut plain = FileBuilder::new();
        set(&mut plain, "xs", |set| set.with_i32_data(&[3, 300]));
        set(&mut plain, "ys", |set| set.with_f32_data(&[1.0, 0.0]));
        set(&mut plain, "ts", |set| set.with_f64_data(&[5e-6, (1u64 << 40) as f64 / 1e6]));
        set(&mut plain, "ps", |set| set.with_i8_data(&[1, -1]));
        assert_eq!(read(plain).unwrap().events, expected);
    }

    #[test]
    fn the_files_sensor_is_taken_either_way() {
        let size = |name: &str, value: AttrValue| {
            let mut file = FileBuilder::new();
            for (name, value) in [("x", 9), ("y", 3), ("t", 7), ("p", 1)] {
                set(&mut file, name, |set| set.with_u8_data(&[value]));
            }
            file.set_attr(name, value);
            let bytes = file.finish().unwrap();
            let read = super::read(bytes, None, &Limits::default(), Path::new("x.h5"));
            read.map(|(stream, is_measured)| (stream.width, stream.height, is_measured))
        };
        let resolution =
            |sides: &[i64]| size("sensor_resolution", AttrValue::I64Array(sides.into()));
        // Rows, columns; columns, rows where only they hold the event at (9, 3).
        assert_eq!(resolution(&[20, 10]).unwrap(), (10, 20, false));
        assert_eq!(resolution(&[4, 10, 1]).unwrap(), (10, 4, false));
        assert_eq!(resolution(&[10, 4]).unwrap(), (10, 4, false));
        let error = resolution(&[9, 9]).unwrap_err().to_string();
        assert!(error.contains("(9, 3) lies outside of the 9x9"), "{error}");
        assert_eq!(size("geometry", AttrValue::String("10x4".into())).unwrap(), (10, 4, false));
        assert_eq!(size("geometry", AttrValue::String("wide".into())).unwrap(), (10, 4, true));
        assert_eq!(size("other", AttrValue::F64(4.0)).unwrap(), (10, 4, true));
    }

    fn four(x: &[i32], t: &[i64], p: usize) -> Result<EventStream> {
        let mut file = FileBuilder::new();
        set(&mut file, "x", |set| set.with_i32_data(x));
        set(&mut file, "y", |set| set.with_i32_data(&vec![0; x.len()]));
        set(&mut file, "t", |set| set.with_i64_data(t));
        set(&mut file, "p", |set| set.with_u8_data(&vec![1; p]));
        read(file)
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(four(&[4, 5], &[1, 0], 2).unwrap().events.len(), 2);
        for wrong in [
            four(&[4, -5], &[1, 2], 2),
            four(&[4, 70_000], &[1, 2], 2),
            four(&[4, 5], &[1, -2], 2),
            four(&[4, 5], &[1, i64::MAX], 2),
        ] {
            let error = wrong.unwrap_err().to_string();
            assert!(error.contains("negative, too large"), "{error}");
        }
        for layout in [four(&[4, 5], &[1, 2], 3), four(&[4, 5], &[1], 2), read(FileBuilder::new())]
        {
            let error = layout.unwrap_err().to_string();
            assert!(error.contains("x, y, t and p"), "{error}");
        }
        let limits = Limits { events: 1, ..Limits::default() };
        let mut file = FileBuilder::new();
        for name in ["x", "y", "t", "p"] {
            set(&mut file, name, |set| set.with_u8_data(&[1, 2]));
        }
        let read = hdf5_events(file.finish().unwrap(), None, &limits, Path::new("x.h5"));
        assert!(matches!(read, Err(Error::Limit { what: "events", got: 2, .. })));
    }
}

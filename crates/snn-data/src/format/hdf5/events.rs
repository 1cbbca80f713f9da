//! One recording in HDF5: a column each for x, y, t and p.

use std::path::Path;
use std::sync::Arc;

use hdf5_pure::{Datatype, File};

use super::guard::Guard;
use super::{Number, opened, refuse};
use crate::format::sensor::on_sensor;
use crate::limits::check;
use crate::{Event, EventStream, Limits, Result};

/// Where the columns lie.
const GROUPS: [&str; 2] = ["events/", ""];
const X: &[&str] = &["x", "xs"];
const Y: &[&str] = &["y", "ys"];
const T: &[&str] = &["t", "ts", "timestamps"];
const P: &[&str] = &["p", "ps", "polarity", "polarities"];

const LAYOUT: &str = "spike trains as in shd_train.h5, or columns of numbers x, y, t and p (or xs, ys, ts and ps) of one \
                      length, in the group events or in none, are needed";
const PACKED: &str = "damaged, or packed by a filter that is not read (deflate, LZF, shuffle and Fletcher-32 are); fetch the \
                      file again, or repack it with h5repack";
const WRONG: &str =
    "an event's time or position is negative, too large or no whole number; fetch the file again";

/// Reads the columns x, y, t and p of one recording, in the group `events`, as DSEC has them, or in none; also named xs, ys,
/// ts and ps, as E2VID's converters do. Whole times are microseconds, others seconds; p > 0 is ON.
///
/// The sensor is `sensor`, else the smallest that holds all events. DSEC's `t_offset`, which is common to all of a
/// drive's sensors, is not added.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for other contents, damage, another compression or an event outside of the
/// sensor, [`Error::Limit`](crate::Error::Limit) past `limits`.
pub fn hdf5_events(
    bytes: Vec<u8>,
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let bytes = Arc::new(bytes);
    let guard = Guard::new(&bytes, limits, path)?;
    let name = |group: &str, names: &[&str]| {
        names.iter().map(|name| format!("{group}{name}")).find(|name| guard.has(name))
    };
    let names = GROUPS.iter().find_map(|group| {
        Some([name(group, X)?, name(group, Y)?, name(group, T)?, name(group, P)?])
    });
    let names = names.ok_or_else(|| refuse(path, LAYOUT))?;
    for name in &names {
        let is_number = |datatype: &Datatype| Number::of(datatype).is_some();
        let rows = guard.check(name, is_number, LAYOUT)?;
        check(path, "events", rows, limits.events)?;
    }
    let file = opened(guard, bytes, path)?;
    let [x, y, t, p] = names.map(|name| Column::read(&file, &name, path));
    let (x, y, t, p) = (x?, y?, t?, p?);
    if [y.len(), t.len(), p.len()] != [x.len(); 3] {
        return Err(refuse(path, LAYOUT));
    }
    let unit = if t.number.is_float() { 1e6 } else { 1.0 };
    let values = x.values().zip(y.values()).zip(t.values()).zip(p.values());
    let event = |(((x, y), t), p): (((f64, f64), f64), f64)| {
        let whole = |value: f64, below: f64| {
            (value.fract() == 0.0 && (0.0..below).contains(&value)).then_some(value)
        };
        #[allow(clippy::cast_possible_truncation)] // Whole and in range.
        Some(Event {
            t_us: whole((t * unit).round_ties_even(), 2f64.powi(53))? as u64,
            x: whole(x, 65_536.0)? as u16,
            y: whole(y, 65_536.0)? as u16,
            polarity: p > 0.0,
        })
    };
    let events: Option<Vec<Event>> = values.map(event).collect();
    on_sensor(events.ok_or_else(|| refuse(path, WRONG))?, sensor, limits, path, |_| 0)
}

/// The numbers of one data set, not yet converted.
struct Column {
    number: Number,
    data: Vec<u8>,
}

impl Column {
    fn read(file: &File, name: &str, path: &Path) -> Result<Self> {
        let set = file.dataset(name).map_err(|_| refuse(path, LAYOUT))?;
        let number = set.datatype().ok().and_then(|datatype| Number::of(&datatype));
        let number = number.ok_or_else(|| refuse(path, LAYOUT))?;
        let data = set.read_raw().map_err(|_| refuse(path, PACKED))?;
        Ok(Self { number, data })
    }

    fn len(&self) -> usize {
        self.data.len() / self.number.size()
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.data.chunks_exact(self.number.size()).map(|bytes| self.number.value(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use hdf5_pure::{DatasetBuilder, FileBuilder};

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

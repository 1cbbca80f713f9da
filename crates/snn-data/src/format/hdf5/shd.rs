//! Spike trains in HDF5: SHD and SSC, the Heidelberg spoken digits and commands.

use std::path::Path;
use std::sync::Arc;

use hdf5_pure::{Datatype, File};

use super::guard::Guard;
use super::{DAMAGED, Number, no_recording, opened};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// The channels of the artificial ear in all of these data sets.
const CHANNELS: u16 = 700;

const LAYOUT: &str = "labels (integers), spikes/times (variable length, f16, f32 or f64) and spikes/units (variable length, \
                      u8 to u32) are needed, one a recording, as in shd_train.h5";

const LABELS: &str = "labels";
pub(super) const TIMES: &str = "spikes/times";
const UNITS: &str = "spikes/units";

/// A file of many recordings, each decoded when it is asked for.
pub struct Shd {
    file: File,
    labels: Vec<u32>,
    times: Ragged,
    units: Ragged,
}

/// Opens the bytes of a file with the data sets `labels`, `spikes/times` and `spikes/units`, one row a recording.
///
/// # Errors
/// [`Error::Format`] for other contents or damage, [`Error::Limit`] past `limits`.
pub fn shd(bytes: Vec<u8>, limits: &Limits, path: &Path) -> Result<Shd> {
    let refuse = |why| super::refuse(path, why);
    let bytes = Arc::new(bytes);
    let guard = Guard::new(&bytes, limits, path)?;
    // Before anything is read: an element of another type may be of four gigabytes.
    let whole = |datatype: &Datatype| matches!(datatype, Datatype::FixedPoint { size: 1..=8, .. });
    let ragged = |datatype: &Datatype| matches!(datatype, Datatype::VariableLength { .. });
    guard.check(LABELS, whole, LAYOUT)?;
    guard.check(TIMES, ragged, LAYOUT)?;
    guard.check(UNITS, ragged, LAYOUT)?;
    let file = opened(guard, bytes, path)?;
    let set = |name: &str| file.dataset(name).map_err(|_| refuse(LAYOUT));
    let labels = set(LABELS)?.read_u32().map_err(|_| refuse(LAYOUT))?;
    let ragged = |name| -> Result<Ragged> {
        let set = set(name)?;
        let Ok(Datatype::VariableLength { base_type, .. }) = set.datatype() else {
            return Err(refuse(LAYOUT));
        };
        let number = Number::of(&base_type).ok_or_else(|| refuse(LAYOUT))?;
        let raw = set.read_raw().map_err(|_| refuse(DAMAGED))?;
        let (places, rest) = raw.as_chunks::<16>();
        if !rest.is_empty() || places.len() != labels.len() {
            return Err(refuse(DAMAGED));
        }
        Ok(Ragged { number, places: places.iter().map(place).collect() })
    };
    let (times, units) = (ragged(TIMES)?, ragged(UNITS)?);
    if !times.number.is_float() || units.number.is_float() {
        return Err(refuse(LAYOUT));
    }
    Ok(Shd { file, labels, times, units })
}

impl std::fmt::Debug for Shd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shd").field("recordings", &self.len()).finish_non_exhaustive()
    }
}

impl Shd {
    /// Recordings.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The class of each recording.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// A recording: x is the channel of 700, y is 0, all spikes are ON; seconds become whole microseconds, cut off
    /// as Tonic does.
    ///
    /// # Errors
    /// [`Error::Format`] for damage, a spike of another channel or a time that cannot be, [`Error::Limit`] past
    /// `limits.events`, [`Error::Config`] for a recording that is not there.
    pub fn recording(&self, index: usize, limits: &Limits, path: &Path) -> Result<EventStream> {
        let (Some(times), Some(units)) =
            (self.times.places.get(index), self.units.places.get(index))
        else {
            return Err(no_recording(index, self.len()));
        };
        let at = usize::try_from(times.address).unwrap_or(usize::MAX);
        let refuse = |why| Error::format(path, at, FormatFault::Header { why });
        check(path, "events", times.len.into(), limits.events)?;
        if times.len != units.len {
            return Err(refuse("as many times as units are needed; fetch or save the file again"));
        }
        let times = self.times.row(self.file.as_bytes(), times).ok_or_else(|| refuse(DAMAGED))?;
        let units = self.units.row(self.file.as_bytes(), units).ok_or_else(|| refuse(DAMAGED))?;
        let mut events = Vec::new();
        for (seconds, unit) in times.zip(units) {
            let t_us = seconds * 1e6;
            if !(0.0..1e15).contains(&t_us) || !(0.0..f64::from(CHANNELS)).contains(&unit) {
                return Err(refuse(
                    "a time below 0 or a channel past 699; fetch or save the file again",
                ));
            }
            #[allow(clippy::cast_possible_truncation)] // Cut off, as said above.
            events.push(Event { t_us: t_us as u64, x: unit as u16, y: 0, polarity: true });
        }
        Ok(EventStream { width: CHANNELS, height: 1, events, skipped_special: 0 })
    }
}

/// Rows of unequal lengths, which lie in the file's global heap.
struct Ragged {
    number: Number,
    places: Vec<Place>,
}

impl Ragged {
    fn row<'a>(&self, file: &'a [u8], place: &Place) -> Option<impl Iterator<Item = f64> + 'a> {
        let number = self.number;
        let bytes = object(file, place, number.size())?;
        Some(bytes.chunks_exact(number.size()).map(move |bytes| number.value(bytes)))
    }
}

/// Where a row lies: how many numbers, in which collection of the heap, which object there.
#[derive(Clone, Copy)]
struct Place {
    len: u32,
    address: u64,
    object: u32,
}

fn place(&[l0, l1, l2, l3, address @ .., o0, o1, o2, o3]: &[u8; 16]) -> Place {
    Place {
        len: u32::from_le_bytes([l0, l1, l2, l3]),
        address: u64::from_le_bytes(address),
        object: u32::from_le_bytes([o0, o1, o2, o3]),
    }
}

/// The bytes of a row of numbers of `size` bytes. A collection is `GCOL`, a version, its u64 length, and objects: u16
/// number, u16 uses, 4 bytes, u64 length, and as many bytes filled up to a multiple of 8.
fn object<'a>(file: &'a [u8], place: &Place, size: usize) -> Option<&'a [u8]> {
    let need = usize::try_from(place.len).ok()?.checked_mul(size)?;
    if need == 0 {
        return Some(&[]);
    }
    let collection = file.get(usize::try_from(place.address).ok()?..)?.strip_prefix(b"GCOL")?;
    let len = usize::try_from(u64::from_le_bytes(*collection.get(4..)?.first_chunk()?)).ok()?;
    let mut objects = collection.get(12..len.checked_sub(4)?)?;
    loop {
        let (&[n0, n1, _, _, _, _, _, _, len @ ..], rest) = objects.split_first_chunk::<16>()?;
        let number = u16::from_le_bytes([n0, n1]);
        let len = usize::try_from(u64::from_le_bytes(len)).ok()?;
        if u32::from(number) == place.object {
            return rest.get(..len)?.get(..need);
        }
        // Number 0 is what is left.
        objects = rest.get(len.checked_next_multiple_of(8)?..).filter(|_| number != 0)?;
    }
}

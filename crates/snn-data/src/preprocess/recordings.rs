//! From a recording's file to its frames.

use std::path::Path;

use super::ranges::sides;
use crate::format::{EventOptions, Format, Recording, decode_recording};
use crate::frame::{check_t_steps, none_is_in};
use crate::samples::{Samples, held};
use crate::{
    Error, EventStream, FormatFault, FrameBy, Limits, Representation, Result, fit, resize_bilinear,
};

/// What is done with a recording of an event camera: decoded, turned, cut into frames, resized.
///
/// Frames of counts and of time surfaces have two channels: events that are OFF (darker) in channel 0, those that are ON in
/// channel 1.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Recordings {
    /// The file's format; its first bytes, else its extension, decide when absent.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub format: Option<Format>,
    /// The sensor's columns and rows; what [`EventOptions::sensor`] says when absent.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub sensor: Option<(u16, u16)>,
    /// How the camera was held.
    pub orientation: Orientation,
    /// Whether the smallest window around all events takes the sensor's place.
    pub crop: bool,
    /// Join the sensor's columns into that many groups of neighbors; as many as there are when absent.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub columns: Option<u16>,
    /// How the events are cut into frames.
    pub frames_by: FrameBy,
    /// What the numbers of the frames are.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Representation::is_counts")
    )]
    pub representation: Representation,
    /// The number of frames, T.
    pub t_steps: usize,
    /// Rows of a sample.
    pub height: usize,
    /// Columns of a sample.
    pub width: usize,
    /// How frames of the sensor's size are brought to `height` and `width`.
    pub resize: Resize,
}

/// How the camera was held, for recordings that are to be seen upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Orientation {
    /// Column and row are the file's: for AEDAT 2.0 those of its addresses, which stand on their head (POKER-DVS, as Tonic
    /// reads it).
    #[default]
    AsStored,
    /// On its side (CIFAR10-DVS): column = last row - y, row = last column - x of the file's addresses, as SpikingJelly
    /// reads those files.
    OnItsSide,
    /// As the camera saw it: what [`EventStream`] says.
    Upright,
}

/// How frames are brought to another size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Resize {
    /// [`fit`](crate::fit()): cropped or padded by up to 4 pixels, else interpolated.
    #[default]
    Fit,
    /// [`resize_bilinear`] with aligned corners, always: for recordings whose sizes differ, which a crop here and there
    /// would leave at two scales.
    Bilinear,
}

impl Resize {
    fn apply(self, planes: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
        match self {
            Self::Fit => fit(planes, from, to),
            Self::Bilinear => resize_bilinear(planes, from, to, true),
        }
    }
}

impl Recordings {
    /// Recordings in any format, `t_steps` frames by time, `fit` into `height` x `width`.
    pub fn new(t_steps: usize, height: usize, width: usize) -> Self {
        Self {
            format: None,
            sensor: None,
            orientation: Orientation::AsStored,
            crop: false,
            columns: None,
            frames_by: FrameBy::Time,
            representation: Representation::Counts,
            t_steps,
            height,
            width,
            resize: Resize::Fit,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_t_steps(self.t_steps)?;
        sides(&[("height", self.height), ("width", self.width)])?;
        if self.columns == Some(0) || self.sensor.is_some_and(|(w, h)| w == 0 || h == 0) {
            return Err(Error::config("sensor, columns", "0 is out of range; give at least 1"));
        }
        Ok(())
    }

    /// The events of a file, upright, in the window that is kept.
    pub(crate) fn decode(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<EventStream> {
        Ok(self.placed(self.recording(bytes, limits, path)?.stream))
    }

    fn recording(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<Recording> {
        let options = EventOptions {
            format: self.format,
            sensor: self.sensor,
            as_stored: self.orientation != Orientation::Upright,
            limits: limits.clone(),
            ..EventOptions::default()
        };
        decode_recording(bytes, &options, path)
    }

    /// The events where they belong by orientation, window and groups of columns.
    pub(crate) fn placed(&self, mut stream: EventStream) -> EventStream {
        match self.orientation {
            Orientation::AsStored | Orientation::Upright => {}
            Orientation::OnItsSide => {
                let (last_x, last_y) =
                    (stream.width.saturating_sub(1), stream.height.saturating_sub(1));
                for event in &mut stream.events {
                    (event.x, event.y) = (last_y - event.y, last_x - event.x);
                }
                (stream.width, stream.height) = (stream.height, stream.width);
            }
        }
        if self.crop {
            let left = stream.events.iter().map(|event| event.x).min().unwrap_or(0);
            let top = stream.events.iter().map(|event| event.y).min().unwrap_or(0);
            for event in &mut stream.events {
                event.x -= left;
                event.y -= top;
            }
            (stream.width, stream.height) = (stream.width - left, stream.height - top);
        }
        if let Some(columns) = self.columns {
            let all = u32::from(stream.width).max(1);
            for event in &mut stream.events {
                // Below `columns`, because every event is inside of the sensor.
                event.x = (u32::from(event.x) * u32::from(columns) / all) as u16;
            }
            stream.width = columns;
        }
        stream
    }

    /// Refuses a recording of which no frame would hold an event, naming its file.
    pub(crate) fn check_frames(&self, stream: &EventStream, path: &Path) -> Result<()> {
        if self.representation != Representation::Counts {
            return Ok(());
        }
        let Some(why) = none_is_in(stream, self.t_steps, self.frames_by) else { return Ok(()) };
        let events = stream.events.len() as u64;
        Err(Error::format(path, 0, FormatFault::NoFrames { events, why }))
    }

    /// The frames `[T, C, H, W]` of events that [`Recordings::decode`] gave, as they are held.
    pub(crate) fn frames(&self, stream: &EventStream) -> Result<Samples> {
        let x = self.representation.frames(stream, self.t_steps, self.frames_by)?;
        let from = (stream.height.into(), stream.width.into());
        Ok(held(self.resize.apply(&x, from, (self.height, self.width))))
    }

    /// The shape of a sample, `[T, C, H, W]`.
    pub fn shape(&self) -> [usize; 4] {
        [self.t_steps, self.representation.channels(), self.height, self.width]
    }

    /// The frames of a file, and what whoever reads the answer should know of it.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        limits: &Limits,
        path: &Path,
    ) -> Result<(Vec<f32>, Option<String>)> {
        let recording = self.recording(bytes, limits, path)?;
        let notice = (recording.is_measured && !self.crop).then(|| {
            let (width, height) = (recording.stream.width, recording.stream.height);
            format!(
                "no sensor size is known: {width} x {height} pixels are the fewest that hold all events, and may be others \
                 for the next recording"
            )
        });
        let stream = self.placed(recording.stream.not_empty(path)?);
        self.check_frames(&stream, path)?;
        let n = self.shape().iter().product();
        let mut x = vec![0.0; n];
        let wrong = || Error::config("sample size", "the frames have another size");
        self.frames(&stream)?.copy(0..n, &mut x).ok_or_else(wrong)?;
        Ok((x, notice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_turned_upright_and_cropped() {
        let aedat = [b"#!AER-DAT2.0\r\n".as_slice(), &[0, 0, 3, 11, 0, 0, 0, 9]].concat();
        let (limits, path) = (Limits::default(), Path::new("x"));
        let plain = Recordings::new(1, 128, 128);
        let turned = Recordings { orientation: Orientation::OnItsSide, ..plain.clone() };
        let [event] = turned.decode(&aedat, &limits, path).unwrap().events[..] else { panic!() };
        // Address 0x030b: y 3, x 5, bit 0 set: OFF.
        assert_eq!((event.x, event.y, event.polarity), (124, 122, false));
        let upright = Recordings { orientation: Orientation::Upright, ..plain.clone() };
        for (recordings, at) in [(&plain, (5, 3)), (&upright, (5, 124))] {
            let [event] = recordings.decode(&aedat, &limits, path).unwrap().events[..] else {
                panic!()
            };
            assert_eq!((event.x, event.y), at);
        }
        let atis = [10, 20, 0x80, 0, 1, 12, 25, 0, 0, 2];
        let format = Some(Format::AtisOverflow);
        let cropped = Recordings { format, crop: true, ..plain };
        let stream = cropped.decode(&atis, &limits, path).unwrap();
        assert_eq!((stream.width, stream.height), (3, 6));
        assert_eq!((stream.events[1].x, stream.events[1].y), (2, 5));
        let joined = Recordings { columns: Some(2), ..cropped };
        let stream = joined.decode(&atis, &limits, path).unwrap();
        assert_eq!((stream.width, stream.events[0].x, stream.events[1].x), (2, 0, 1));
    }
}

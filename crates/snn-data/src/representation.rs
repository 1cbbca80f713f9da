//! What the numbers of a recording's frames are.

use std::fmt;

use crate::{Error, EventStream, FrameBy, Result, frames, time_surfaces, voxel_grid};

/// What the numbers of a recording's frames are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Representation {
    /// Events counted by polarity: [`frames`], two channels.
    #[default]
    Counts,
    /// Signed events, shared between the two nearest of T times: [`voxel_grid`], one channel.
    VoxelGrid,
    /// How long ago each pixel last saw an event of each polarity, at the ends of T equal windows: [`time_surfaces`] whose
    /// constant is a window's length, two channels.
    TimeSurfaces,
}

impl Representation {
    /// The name as recipes spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::VoxelGrid => "voxel-grid",
            Self::TimeSurfaces => "time-surfaces",
        }
    }

    /// The channels of a frame.
    pub fn channels(self) -> usize {
        match self {
            Self::Counts | Self::TimeSurfaces => 2,
            Self::VoxelGrid => 1,
        }
    }

    /// Whether this is the one that recipes leave out.
    #[cfg(feature = "serde")]
    pub(crate) fn is_counts(&self) -> bool {
        *self == Self::Counts
    }

    /// The frames `[T, C, H, W]` of a recording; counts are cut by `by`, the others by time.
    ///
    /// # Errors
    /// As [`frames`]; [`Error::Config`] where time surfaces would have windows of less than a microsecond.
    pub fn frames(self, stream: &EventStream, t_steps: usize, by: FrameBy) -> Result<Vec<f32>> {
        match self {
            Self::Counts => frames(stream, t_steps, by),
            Self::VoxelGrid => voxel_grid(stream, t_steps),
            Self::TimeSurfaces => {
                let window = self.window(stream, t_steps);
                if window == 0 {
                    let why = "the recording lasts fewer microseconds than it is to have surfaces";
                    return Err(Error::config("t_steps", format!("{t_steps}: {why}; use fewer")));
                }
                let (got, mut x) = time_surfaces(stream, window, window as f64)?;
                // Windows of whole microseconds may leave room for some more.
                x.truncate(x.len() / got.max(1) * t_steps);
                Ok(x)
            }
        }
    }

    /// The microseconds of a window.
    fn window(self, stream: &EventStream, t_steps: usize) -> u64 {
        let first = stream.events.first().map_or(0, |event| event.t_us);
        let last = stream.events.last().map_or(0, |event| event.t_us);
        last.saturating_sub(first) / (t_steps as u64).max(1)
    }
}

impl fmt::Display for Representation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    fn stream(times: &[u64]) -> EventStream {
        let event = |&t_us: &u64| Event { t_us, x: 0, y: 0, polarity: true };
        let events = times.iter().map(event).collect();
        EventStream { width: 1, height: 1, events, skipped_special: 0 }
    }

    #[test]
    fn every_representation_has_its_channels_and_t_frames() {
        // 1,007 us in 4 windows of 251: a fifth would fit.
        for times in [vec![0, 300, 1007], (0..=7).collect(), vec![5, 9, 13]] {
            for by in
                [Representation::Counts, Representation::VoxelGrid, Representation::TimeSurfaces]
            {
                let x = by.frames(&stream(&times), 4, FrameBy::Time).unwrap();
                assert_eq!(x.len(), 4 * by.channels(), "{by} {times:?}");
                assert!(x.iter().any(|&x| x != 0.0));
            }
        }
    }

    #[test]
    fn a_surface_fades_by_a_window() {
        let x = Representation::TimeSurfaces.frames(&stream(&[0, 300, 1000]), 4, FrameBy::Time);
        // Windows of 250 us end at 250, 500, ..: the last event before them was at 0, 300, 300, 300.
        let on: Vec<f32> = x.unwrap().chunks(2).map(|frame| frame[1]).collect();
        let expected = [250.0, 200.0, 450.0, 700.0].map(|age: f64| (-age / 250.0).exp() as f32);
        assert_eq!(on, expected);
        let short = Representation::TimeSurfaces.frames(&stream(&[0, 2]), 4, FrameBy::Time);
        assert!(short.unwrap_err().to_string().contains("lasts fewer microseconds"));
    }
}

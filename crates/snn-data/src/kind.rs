//! What samples are: pictures, recordings, signals or clouds, and whether they go on in time.

/// What the samples of a data set are. All are maps of channels over rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures `[C, H, W]`.
    Images,
    /// Event frames `[T, 2, H, W]`: channel 0 is OFF, channel 1 is ON.
    Events,
    /// Windows of a signal `[C, 1, L]`.
    Signals,
    /// Point clouds `[3, 1, P]`: all x, then all y, then all z.
    Points,
}

impl Kind {
    /// The name: `images`, `events`, `signals` or `points`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Events => "events",
            Self::Signals => "signals",
            Self::Points => "points",
        }
    }

    /// Whether such a sample is one map or a map for each time step.
    pub fn time(self) -> Time {
        match self {
            Self::Events => Time::Frames,
            Self::Images | Self::Signals | Self::Points => Time::Still,
        }
    }
}

/// Whether a sample is one map or a map for each time step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// One map: a sample is `[C, H, W]`, a batch `[N, C, H, W]`.
    Still,
    /// A map for each time step: a sample is `[T, C, H, W]`, a batch `[N, T, C, H, W]`.
    Frames,
}

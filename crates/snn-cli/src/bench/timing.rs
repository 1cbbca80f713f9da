//! The seconds of repeated runs.

use std::time::Instant;

use crate::profile;

/// Seconds of each run, and the last loss where there is one.
pub(crate) struct Timing {
    /// Ascending.
    pub(crate) seconds: Vec<f64>,
    pub(crate) loss: Option<f64>,
}

impl Timing {
    /// One warm-up call, then `runs` timed ones.
    pub(crate) fn of(
        runs: u32,
        mut f: impl FnMut() -> anyhow::Result<Option<f64>>,
    ) -> anyhow::Result<Self> {
        f()?;
        profile::forget();
        let (mut seconds, mut loss) = (Vec::new(), None);
        for _ in 0..runs {
            let start = Instant::now();
            loss = f()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        Ok(Self { seconds, loss })
    }

    pub(crate) fn median(&self) -> f64 {
        let n = self.seconds.len();
        (self.seconds[(n - 1) / 2] + self.seconds[n / 2]) / 2.0
    }
}

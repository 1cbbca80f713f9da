//! Where a run lives.

use std::path::PathBuf;

use candle_core::Device;
use snn_data::CacheConfig;

/// Where a run lives and what it may find there.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The run directory; made when it is not there.
    pub dir: PathBuf,
    /// Where the data set lies; in one of `data_roots` when absent.
    pub data_dir: Option<PathBuf>,
    /// Where to look for a data set when `data_dir` is absent: folders of data sets under their usual names.
    pub data_roots: Vec<PathBuf>,
    /// Where prepared samples of large data sets are kept; nowhere when absent.
    pub cache: Option<CacheConfig>,
    /// Read all files of sets that are not held in memory again, whatever is known of their contents.
    pub verify: bool,
    /// Go on with the run in the directory, or start it when there is none.
    pub resume: bool,
    /// Go on with a run whose recipe differs in `schedule.epochs` alone, which are more now: weights and moments are kept.
    pub extend: bool,
    /// The source code's commit, for the record.
    pub commit: Option<String>,
    /// Where the network is computed; the CPU when absent. Weights and the optimizer stay on the CPU.
    pub device: Option<Device>,
}

impl RunOptions {
    /// The name of the kernels that compute, for the record.
    pub(crate) fn engine(&self) -> &'static str {
        snn_ops::engine_name(self.device.as_ref().unwrap_or(&Device::Cpu))
    }
}

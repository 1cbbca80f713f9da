//! Where the samples of a data set come from, as the command line says it.

use std::path::PathBuf;

use snn_data::CacheConfig;

/// The options of every command that opens a data set for a network.
#[derive(Clone, clap::Args)]
pub(crate) struct Samples {
    /// Folder of the data set (`snn data list` says what it should hold) [default: its own below SNN_DATA or data/]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Do not keep prepared samples of large data sets on disk (see `snn data cache`)
    #[arg(long)]
    no_cache: bool,
    /// Read all files of the data set again, whatever the cache knows of their contents
    #[arg(long)]
    pub(crate) verify: bool,
}

impl Samples {
    /// Where prepared samples are kept.
    pub(crate) fn cache(&self) -> anyhow::Result<Option<CacheConfig>> {
        if self.no_cache { Ok(None) } else { crate::cache::writable() }
    }
}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod chart;
pub mod csv;
mod curves;
mod error;
mod escape;
mod group;
mod page;
mod run;
mod sections;
mod series;
mod statistics;
mod table;

pub use chart::{Dot, Line, LineChart, Point, Scale, scatter};
pub use curves::curves;
pub use error::{Error, Result};
pub use escape::escape;
pub use group::{Group, groups};
pub use page::{Charts, Page, Part};
pub use run::{Run, checkpoint_hash, epochs, evaluation};
pub use sections::{classes, csv_of, layers, overview, report, row, steps};
pub use series::Series;
pub use statistics::{deviation, mean, spread};
pub use table::Table;

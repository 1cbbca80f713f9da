//! The crate as a user sees it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod export;
mod golden;
mod methods;
mod multibit;
mod phases;
mod recipe;
mod resume;
mod slips;
mod step;
mod train;
mod util;

//! The crate as a user sees it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod golden;
mod methods;
mod multibit;
mod phases;
mod recipe;
mod resume;
mod step;
mod train;
mod util;

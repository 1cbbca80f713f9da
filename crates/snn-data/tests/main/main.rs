//! The crate as its users see it.

// A test fails by panicking, and says what it skipped and measured.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod files;
mod hostile;
mod learnable;
mod loader;
mod util;

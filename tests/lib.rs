//! Behaviour that crosses crates: see `main.rs`. Cargo wants a library in every package; this one is empty.

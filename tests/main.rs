//! Behaviour that crosses crates: processes, files, exit codes, layers. What one crate can check alone is tested there.

#![expect(clippy::disallowed_methods, reason = "tests make damaged files on purpose")]

/// Every crate without the others: the programs of their READMEs.
mod alone;
/// What an exported checkpoint says of itself.
mod cards;
/// The checkpoints of data/checkpoints.
mod checkpoints;
/// The program as a shell sees it: exit codes, messages, JSON.
mod cli;
/// Golden tensors and `snn forward`.
mod conformance;
/// Kills, errors of the disk, locks, signals: what is left, and in which order it was written.
mod crash;
/// Recordings: what is read, left out and said.
mod events;
/// `cargo xtask reproduce fig3|fig4|fig5` with a stand-in for `snn`.
mod figures;
/// Data sets as people have them, and files that change.
mod folders;
/// Weights of other programs.
mod import;
/// The guards that ARCHITECTURE.md names.
mod invariants;
/// Which crate imports which.
mod layers;
/// MATLAB's files, as snn-data's own tests write them.
#[path = "../crates/snn-data/tests/main/matlab.rs"]
mod matlab;
/// What evaluations say beside the figures, and comparisons.
mod measures;
/// Files that a checkpoint classifies.
mod predict;
/// Checkpoints to a Hub on this machine and back.
mod publish;
/// Every recipe of the preset `paper` and of the papers' studies on data of the true layout.
mod recipes;
/// What a run leaves, read by the developer commands.
mod records;
/// Pages of runs.
mod report;
/// Equal bytes: again, with other threads, after a kill, after a signal.
mod resume;
/// What runs leave, read by others, and runs of older versions.
mod runs;
/// Tiny recordings, signals and clouds in their publishers' layouts.
mod sensors;
/// What a run says, and how it answers slips.
mod speaks;
/// A script in the place of `snn`.
#[cfg(unix)]
mod stand_in;
/// A disk that is full.
mod storage;
/// `cargo xtask reproduce STUDY` with a stand-in for `snn`.
#[cfg(unix)]
mod studies;
/// `cargo xtask reproduce TABLE` with a stand-in for `snn`.
#[cfg(unix)]
mod tables;
mod util;
/// Data sets as their publishers give them.
mod writers;

//! Developer commands: checks, tests, tables and timings.
//!
//! Every command prints the commands that it runs, so that each step can be done by hand. Nothing here trains or
//! measures: that is `snn`'s work. It is a library so that the workspace's tests can look at single steps.

pub mod bench;
pub mod ci;
pub mod crash;
pub mod data;
pub mod dist;
pub mod files;
pub mod fuzz;
pub mod help;
pub mod kernels;
pub mod package;
pub mod publish;
pub mod race;
pub mod reproduce;
pub mod sh;
pub mod test;
pub mod tidy;

use std::ffi::OsString;

use anyhow::bail;
use lexopt::prelude::*;

use help::HELP;

/// Runs one command line and returns the exit code.
///
/// # Errors
/// Whatever stopped the command, with what it was doing.
pub fn run(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<u8> {
    let mut parser = lexopt::Parser::from_iter(args);
    let command = match parser.next()? {
        Some(Value(command)) => command.string()?,
        Some(Short('h') | Long("help")) | None => {
            sh::print(HELP)?;
            return Ok(0);
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "reproduce" => return reproduce::run(parser),
        "bench" => return bench::run(parser).map(|()| 0),
        "data" => return data::run(parser).map(|()| 0),
        "crash" => return crash::run(parser).map(|()| 0),
        "fuzz" => return fuzz::run(parser).map(|()| 0),
        "publish" => return publish::run(parser).map(|()| 0),
        "race" => return race::run(parser).map(|()| 0),
        _ => {}
    }
    if let Some(extra) = parser.next()? {
        return Err(extra.unexpected().into());
    }
    match command.as_str() {
        "ci" => ci::run()?,
        "test" => test::run()?,
        "tidy" => tidy::run()?,
        "dist" => dist::run()?,
        "kernels" => kernels::run()?,
        "package" => package::run()?,
        "help" => sh::print(HELP)?,
        "docs" => bail!("`cargo xtask {command}` is not built yet"),
        other => bail!("unknown command `{other}`; `cargo xtask --help` lists them"),
    }
    Ok(0)
}

//! `cargo xtask`: the developer's commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    match xtask::run(std::env::args_os()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            xtask::sh::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

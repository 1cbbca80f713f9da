//! Waiting for a training program without leaving it behind: a signal stops the program first, then us.

use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::sh;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A terminal signals every process of the group itself, and a second signal ends `snn` without a checkpoint. So ours is
/// passed on only to a program that shows no sign of having got one.
const GRACE: Duration = Duration::from_secs(10);

/// The signals that came since [`Signals::watch`].
pub(super) struct Signals {
    int: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn watch() -> std::io::Result<Self> {
        let signals = Self { int: Arc::default(), term: Arc::default() };
        for (signal, flag) in [(SIGINT, &signals.int), (SIGTERM, &signals.term)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
        }
        Ok(signals)
    }

    /// The exit code that tells of the signal.
    pub(super) fn code(&self) -> Option<u8> {
        match (self.int.load(Relaxed), self.term.load(Relaxed)) {
            (true, _) => Some(130),
            (_, true) => Some(143),
            _ => None,
        }
    }
}

/// Prints a command, runs it and returns its exit code. Our standard output is for the table: the program's own goes to
/// standard error.
pub(super) fn run(mut command: Command, signals: &Signals) -> anyhow::Result<u8> {
    let text = sh::shown(&command);
    sh::say(&format!("$ {text}"));
    command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    let mut child = command.spawn().with_context(|| format!("starting {text}"))?;
    let (mut asked, mut passed_on) = (None, false);
    loop {
        if let Some(status) = child.try_wait().with_context(|| format!("waiting for {text}"))? {
            return Ok(signals
                .code()
                .filter(|_| !status.success())
                .unwrap_or_else(|| code(status)));
        }
        if let Some(signal) = signals.code() {
            let since = *asked.get_or_insert_with(Instant::now);
            if !passed_on && since.elapsed() > GRACE {
                let name = if signal == 130 { "INT" } else { "TERM" };
                let _ = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
                passed_on = true;
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The exit code, or 128 + the signal that ended the program, as a shell counts.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or(signal.map(|s| 128 + s)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

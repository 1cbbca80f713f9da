//! Waiting for a training program without leaving it behind: a signal stops the program first, then us.

use std::cell::Cell;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::sh;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The signals that come from [`Signals::watch`] on.
pub(super) struct Signals {
    int: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
    code: Cell<Option<u8>>,
}

impl Signals {
    pub(super) fn watch() -> std::io::Result<Self> {
        let signals = Self { int: Arc::default(), term: Arc::default(), code: Cell::default() };
        for (signal, flag) in [(SIGINT, &signals.int), (SIGTERM, &signals.term)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
        }
        Ok(signals)
    }

    /// The exit code that tells of the last signal.
    pub(super) fn code(&self) -> Option<u8> {
        self.next();
        self.code.get()
    }

    /// The name of a signal that came since the last call.
    fn next(&self) -> Option<&'static str> {
        let (name, code) = if self.int.swap(false, Relaxed) {
            ("INT", 130)
        } else if self.term.swap(false, Relaxed) {
            ("TERM", 143)
        } else {
            return None;
        };
        self.code.set(Some(code));
        Some(name)
    }
}

/// Prints a command, runs it and returns its exit code. Our standard output is for the table: the program's own goes to
/// standard error.
///
/// A second signal ends `snn` without a checkpoint. The program therefore gets a process group of its own, which a
/// terminal does not signal, and every signal from us, once.
pub(super) fn run(mut command: Command, signals: &Signals) -> anyhow::Result<u8> {
    let text = sh::shown(&command);
    sh::say(&format!("$ {text}"));
    command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().with_context(|| format!("starting {text}"))?;
    loop {
        if let Some(name) = signals.next() {
            pass_on(name, &child);
        }
        if let Some(status) = child.try_wait().with_context(|| format!("waiting for {text}"))? {
            return Ok(signals
                .code()
                .filter(|_| !status.success())
                .unwrap_or_else(|| code(status)));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn pass_on(name: &str, child: &Child) {
    // A program that has just ended needs no signal.
    let _ = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .stderr(Stdio::null())
        .status();
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

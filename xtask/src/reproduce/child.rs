//! Waiting for training programs without leaving one behind: a signal stops the programs first, then us.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::sh;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A signal's name, and the exit code that tells of it.
type Signal = (&'static str, u8);

const INT: Signal = ("INT", 130);
const TERM: Signal = ("TERM", 143);

/// The signals that come from [`Signals::watch`] on.
pub(super) struct Signals {
    int: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
    /// In the order in which they were noticed; every program is told each of them.
    came: Mutex<Vec<Signal>>,
}

impl Signals {
    pub(super) fn watch() -> std::io::Result<Self> {
        let signals = Self { int: Arc::default(), term: Arc::default(), came: Mutex::default() };
        for (signal, flag) in [(SIGINT, &signals.int), (SIGTERM, &signals.term)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
        }
        Ok(signals)
    }

    /// The exit code that tells of the last signal.
    pub(super) fn code(&self) -> Option<u8> {
        self.with(|came| came.last().map(|signal| signal.1))
    }

    /// Ends every program as SIGTERM does, each that trains with a checkpoint; `code` tells why. After another signal they
    /// end already, and a second one would cost the checkpoint.
    pub(super) fn end(&self, code: u8) {
        self.with(|came| {
            if came.is_empty() {
                came.push((TERM.0, code));
            }
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut Vec<Signal>) -> T) -> T {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        for (flag, signal) in [(&self.int, INT), (&self.term, TERM)] {
            if flag.swap(false, Relaxed) {
                came.push(signal);
            }
        }
        f(&mut came)
    }
}

/// Prints a command, runs it and returns its exit code. Our standard output is for the table: the program's own goes to
/// standard error.
///
/// A second signal ends `snn` without a checkpoint. The program therefore gets a process group of its own, which a
/// terminal does not signal, and every signal from us, once. After a signal nothing is started.
pub(super) fn run(mut command: Command, signals: &Signals) -> anyhow::Result<u8> {
    if let Some(code) = signals.code() {
        return Ok(code);
    }
    let text = sh::shown(&command);
    sh::say(&format!("$ {text}"));
    command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().with_context(|| format!("starting {text}"))?;
    let mut told = 0;
    loop {
        if let Some((name, _)) = signals.with(|came| came.get(told).copied()) {
            pass_on(name, &child);
            told += 1;
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

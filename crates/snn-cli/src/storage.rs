//! A file that may not grow is an error of that file, not the end of the process.

/// Takes the signal of the limit on a file's size, whose writes then fail and are answered by name.
pub(crate) fn outlive_limits() {
    #[cfg(unix)]
    {
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        // Where it cannot be taken, things are as they were.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen);
    }
}

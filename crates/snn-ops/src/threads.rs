//! How many threads run the operators.

use std::error::Error as _;

use crate::{Error, Result};

/// More threads than this are refused.
pub const MAX_THREADS: usize = 1024;

/// Sets the number of threads of every operator, once, before the first one runs.
///
/// Results do not depend on it: work is cut into pieces whose number follows from the shapes.
///
/// # Errors
/// [`Error::Config`] outside 1 to [`MAX_THREADS`], when the operating system refuses so many, and
/// when the pool already runs with another number.
pub fn set_threads(threads: usize) -> Result<()> {
    if !(1..=MAX_THREADS).contains(&threads) {
        let why =
            format!("is {threads}; use 1 to {MAX_THREADS}, or leave it out for all processors");
        return Err(Error::Config { field: "threads", why });
    }
    start(threads)?;
    let running = rayon::current_num_threads();
    if running == threads {
        return Ok(());
    }
    let why = format!("is {threads}, but {running} already run; set it before the first operator");
    Err(Error::Config { field: "threads", why })
}

/// Runs `f` on one of the operators' threads, which it starts when none were
/// [asked for](set_threads): one for each processor, at most [`MAX_THREADS`].
///
/// A program that computes for long does so from in here: an operator called from outside hands
/// its work over and waits to be woken, a few microseconds each, which small layers notice.
///
/// # Errors
/// [`Error::Config`] when the operating system refuses the threads.
pub fn on_pool<R: Send>(f: impl FnOnce() -> R + Send) -> Result<R> {
    start(std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS))?;
    Ok(rayon::scope(|_| f()))
}

/// The number of threads that operators use.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Address space that a thread takes: its stack, and one for its signals.
const STACKS: usize = (2 << 20) + (1 << 16);

/// Starts the pool unless one runs.
fn start(threads: usize) -> Result<()> {
    let refuse = |why| Error::Config {
        field: "threads",
        why: format!("cannot start {threads} ({why}); ask for fewer"),
    };
    // Of the threads that start when the last room goes, one may find none for its second stack, and panic.
    let mut room = Vec::<u8>::new();
    let reserved = room.try_reserve_exact(threads.saturating_mul(STACKS));
    reserved.map_err(|_| refuse("no memory for their stacks".to_owned()))?;
    drop(std::hint::black_box(room));
    let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() else {
        return Ok(());
    };
    // An error without a source says that the pool runs already.
    let Some(source) = error.source() else { return Ok(()) };
    Err(refuse(source.to_string()))
}

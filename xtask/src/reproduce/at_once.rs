//! Several pieces of work at once.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::child::Signals;

/// Does every item's work, `jobs` at a time, begun in their order. After a signal no more is begun; after an error neither,
/// and the programs that run are ended.
///
/// # Errors
/// The first that a piece of work had.
pub(super) fn at_once<T: Sync>(
    jobs: usize,
    items: &[T],
    signals: &Signals,
    work: impl Fn(&T) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let (next, error) = (AtomicUsize::new(0), Mutex::new(None));
    let worker = || {
        while signals.code().is_none()
            && let Some(item) = items.get(next.fetch_add(1, Relaxed))
        {
            if let Err(e) = work(item) {
                error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                signals.end(143);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(items.len()) {
            scope.spawn(worker);
        }
    });
    error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

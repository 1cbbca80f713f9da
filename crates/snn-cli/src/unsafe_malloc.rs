//! Tells glibc's allocator to keep pages between steps.
//!
//! Every operator allocates its output. By default glibc maps each tensor over 32 MiB anew and gives
//! it back when it is freed, and the kernel zeroes its pages every time.
#![allow(unsafe_code)]

/// Serves large blocks from one heap that is never trimmed. Call before threads start.
pub(crate) fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets parameters of the allocator; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

//! What kernels for NVIDIA GPUs share: how they are written, and how they are launched.
//!
//! A kernel file (`.cu`) lies beside the Rust code that states its arithmetic. Tests compile it as C++ and
//! run every thread of a launch on the host; `cargo xtask kernels` compiles it for a GPU.

#[cfg(feature = "cuda")]
pub(crate) mod unsafe_conv;
#[cfg(feature = "cuda")]
mod unsafe_launch;

#[cfg(feature = "cuda")]
pub use crate::norm::cuda as norm;
#[cfg(feature = "cuda")]
pub use unsafe_launch::{Arg, Module, device};

use crate::{Error, Result};

/// The text that stands before every kernel file.
pub const PRELUDE: &str = include_str!("kernel.h");

/// Threads of a block.
pub const BLOCK: u32 = 256;

/// Blocks of a launch of at least `threads` threads, one for each element; kernels skip those that are
/// too many.
///
/// # Errors
/// [`Error::Shape`] when a GPU's grid does not hold that many, or there are none.
pub fn blocks(threads: usize) -> Result<u32> {
    const MOST: u32 = i32::MAX as u32;
    let blocks = u32::try_from(threads.div_ceil(BLOCK as usize)).unwrap_or(u32::MAX);
    if (1..=MOST).contains(&blocks) {
        return Ok(blocks);
    }
    let expected = format!("1 to {} elements", MOST as u64 * u64::from(BLOCK));
    Err(Error::Shape { what: "cuda kernel", expected, got: vec![threads] })
}

/// The number under which kernels know the storage of `x`.
///
/// # Errors
/// [`Error::Unsupported`] for a type that no kernel reads.
#[cfg(feature = "cuda")]
pub fn kind(x: &candle_core::Tensor) -> Result<u32> {
    use candle_core::DType;
    match x.dtype() {
        DType::F32 => Ok(0),
        DType::U8 => Ok(1),
        DType::BF16 => Ok(2),
        other => {
            let why = format!("has no kernel for {other:?}; use f32, bf16 or u8");
            Err(Error::Unsupported { what: "cuda kernel", why })
        }
    }
}

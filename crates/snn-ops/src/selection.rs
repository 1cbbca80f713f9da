//! Which set of kernels does the arithmetic.

use std::sync::atomic::{AtomicU8, Ordering};

use candle_core::{Device, Tensor};

#[cfg(target_arch = "x86_64")]
use crate::conv::tiles::unsafe_amx;
use crate::{Engine, Error, Result, Tape};

impl Engine {
    /// Whether this processor can run the engine; the reason when it cannot.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming the missing instructions.
    pub fn available(self) -> Result<()> {
        match self {
            Engine::Portable => Ok(()),
            Engine::Avx512 if has_avx512() => Ok(()),
            Engine::Avx512 => Err(Error::Unsupported {
                what: "engine avx512",
                why: "this processor has no AVX-512F; use engine `portable`".into(),
            }),
            Engine::Amx => amx().map_err(|why| Error::Unsupported {
                what: "engine amx",
                why: format!("{why}; use engine `avx512` or `portable`"),
            }),
        }
    }
}

/// Why AMX cannot be used; its own kernels lean on AVX-512 for the rest.
fn amx() -> std::result::Result<(), &'static str> {
    #[cfg(target_arch = "x86_64")]
    return if has_avx512() { unsafe_amx::available() } else { Err("it needs AVX-512F too") };
    #[cfg(not(target_arch = "x86_64"))]
    Err("this processor has no AMX-BF16")
}

fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

const UNSET: u8 = u8::MAX;
static CHOICE: AtomicU8 = AtomicU8::new(UNSET);

/// The engine in use: the one that was [chosen](set_engine), else the fastest available.
pub fn engine() -> Engine {
    match CHOICE.load(Ordering::Relaxed) {
        0 => Engine::Portable,
        1 => Engine::Avx512,
        2 => Engine::Amx,
        _ if amx().is_ok() => Engine::Amx,
        _ if has_avx512() => Engine::Avx512,
        _ => Engine::Portable,
    }
}

/// The name of the kernels that compute on `device`, for the record: `cuda`, or on a CPU that of the [`engine`].
pub fn engine_name(device: &Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { engine().name() }
}

/// Refuses exact evaluation where the kernels are not ours: whether a row of a GPU's product depends on the others is
/// for its library to choose.
pub(crate) fn check_exact(tape: &Tape, what: &'static str, x: &Tensor) -> Result<()> {
    if !tape.is_exact() || x.device().is_cpu() {
        return Ok(());
    }
    let why =
        "exact evaluation runs on the CPU alone; move the model there, or evaluate by default";
    Err(Error::Unsupported { what, why: why.into() })
}

/// Chooses the engine by name for the whole process, before the first operator runs.
///
/// # Errors
/// [`Error::Config`] for an unknown name, [`Error::Unsupported`] when the processor cannot run it.
pub fn set_engine(name: &str) -> Result<()> {
    let engine = match name {
        "portable" => Engine::Portable,
        "avx512" => Engine::Avx512,
        "amx" => Engine::Amx,
        other => {
            let why = format!("`{other}` is not an engine; use `portable`, `avx512` or `amx`");
            return Err(Error::Config { field: "engine", why });
        }
    };
    engine.available()?;
    CHOICE.store(engine as u8, Ordering::Relaxed);
    Ok(())
}

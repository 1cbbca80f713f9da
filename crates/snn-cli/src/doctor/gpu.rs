//! The GPUs that this build and this machine have.

use serde_json::{Value, json};

/// What there is, or why there is nothing.
pub(super) enum Gpus {
    Found(Vec<Gpu>),
    None(String),
}

/// A device that `--device cuda:N` takes.
pub(super) struct Gpu {
    pub(super) name: String,
    /// Bytes: free, all.
    pub(super) memory: (usize, usize),
}

impl Gpus {
    pub(super) fn look() -> Self {
        if cfg!(not(feature = "cuda")) {
            let build = "cargo build --release -p snn-cli --features cuda";
            return Self::None(format!("not in this build; `{build}` makes one that has it"));
        }
        // Without a driver its library is missing too, and cudarc would panic.
        if driver().is_none() {
            return Self::None("no NVIDIA driver is loaded on this machine".into());
        }
        match found() {
            Ok(found) if found.is_empty() => Self::None("no device on this machine".into()),
            Ok(found) => Self::Found(found),
            Err(why) => Self::None(why),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::None(why) => json!({"devices": [], "why_not": why, "driver": driver()}),
            Self::Found(found) => {
                let device = |(n, gpu): (usize, &Gpu)| {
                    let (free, all) = gpu.memory;
                    json!({"device": format!("cuda:{n}"), "name": gpu.name, "memory": all, "free": free})
                };
                let devices: Vec<Value> = found.iter().enumerate().map(device).collect();
                json!({"devices": devices, "driver": driver()})
            }
        }
    }
}

#[cfg(feature = "cuda")]
fn found() -> Result<Vec<Gpu>, String> {
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError};
    let of = |n: usize| -> Result<Gpu, DriverError> {
        let context = CudaContext::new(n)?;
        Ok(Gpu { name: context.name()?, memory: context.mem_get_info()? })
    };
    let count = CudaContext::device_count();
    let gpus = count.and_then(|n| (0..usize::try_from(n).unwrap_or(0)).map(of).collect());
    gpus.map_err(|error| format!("the driver gives none: {error}"))
}

#[cfg(not(feature = "cuda"))]
fn found() -> Result<Vec<Gpu>, String> {
    Ok(Vec::new())
}

/// The driver's version, where NVIDIA's is loaded.
pub(super) fn driver() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let first = text.lines().next()?.strip_prefix("NVRM version:").map(str::trim);
    // NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build ..
    first.map(|line| line.split("  ").take(2).collect::<Vec<_>>().join(" "))
}

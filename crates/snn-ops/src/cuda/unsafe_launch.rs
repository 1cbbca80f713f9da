//! Compiles a kernel file for the GPU at hand, once, and launches its kernels on tensors.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use candle_core::cuda_backend::cudarc::driver::{
    CudaStream, DevicePtr, LaunchConfig, PushKernelArg, SyncOnDrop,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDType, CudaStorage};
use candle_core::{CudaDevice, DType, Device, Storage, Tensor};

use super::{BLOCK, PRELUDE, blocks};
use crate::{Error, Result};

/// One argument of a kernel.
#[derive(Clone, Copy)]
pub enum Arg<'a> {
    /// The elements of a contiguous tensor on the GPU, to read or to write.
    Tensor(&'a Tensor),
    /// A null pointer.
    Null,
    /// A `u32`.
    U32(u32),
    /// A `u64`.
    U64(usize),
    /// A `double`.
    F64(f64),
    /// A structure of 32-bit numbers: [`Arg::words`].
    Words([u32; MOST_WORDS]),
}

/// The most numbers of a structure.
const MOST_WORDS: usize = 11;

impl Arg<'_> {
    /// A structure of `N` 32-bit numbers; a launch takes as many as the kernel's structure has.
    pub fn words<const N: usize>(fields: [u32; N]) -> Self {
        const { assert!(N <= MOST_WORDS) }
        let mut words = [0; MOST_WORDS];
        words[..N].copy_from_slice(&fields);
        Arg::Words(words)
    }
}

/// A kernel file.
pub struct Module {
    name: &'static str,
    source: &'static str,
    ptx: OnceLock<std::result::Result<String, String>>,
}

/// An argument as it lies in memory during the launch.
enum Held {
    U32(u32),
    U64(u64),
    F64(f64),
    Words([u32; MOST_WORDS]),
}

impl Module {
    /// The kernels of `source`; `name` tells the files of a process apart.
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, ptx: OnceLock::new() }
    }

    fn ptx(&self) -> Result<&str> {
        let compile = || {
            // As the tests do on the host: no contraction, or spikes would differ between machines.
            let options = CompileOptions {
                fmad: Some(false),
                arch: Some("compute_80"),
                ..Default::default()
            };
            compile_ptx_with_opts([PRELUDE, self.source].join("\n"), options)
                .map(|ptx| ptx.to_src())
                .map_err(|error| format!("{error:?}"))
        };
        self.ptx.get_or_init(compile).as_deref().map_err(|why| Error::Unsupported {
            what: "cuda kernels",
            why: format!("{} does not compile here: {why}", self.name),
        })
    }

    /// Launches `kernel` with at least one thread for each of `threads` elements.
    ///
    /// # Safety
    /// The arguments are those of the kernel, in number, order and type; every tensor holds as many elements
    /// as the kernel reaches for; what the kernel writes, nobody else reads or writes meanwhile.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a tensor elsewhere than on `device` or of a type without a kernel,
    /// [`Error::Tensor`] when the driver refuses.
    // SAFETY: what a caller owes is said above.
    pub unsafe fn launch(
        &self,
        device: &CudaDevice,
        kernel: &str,
        threads: usize,
        args: &[Arg<'_>],
    ) -> Result<()> {
        let function = device.get_or_load_custom_func(kernel, self.name, self.ptx()?)?;
        let stream = device.cuda_stream();
        let tensors: Vec<_> = args
            .iter()
            .filter_map(
                |arg| if let Arg::Tensor(t) = arg { Some(t.storage_and_layout()) } else { None },
            )
            .collect();
        let (mut held, mut events) = (Vec::with_capacity(args.len()), Vec::new());
        let mut next = tensors.iter();
        for arg in args {
            held.push(match *arg {
                Arg::Tensor(_) => {
                    let Some((storage, layout)) = next.next() else { continue };
                    let (Storage::Cuda(storage), Some((start, _))) =
                        (&**storage, layout.contiguous_offsets())
                    else {
                        let why = "needs contiguous tensors on one GPU".into();
                        return Err(Error::Unsupported { what: "cuda kernel", why });
                    };
                    let (pointer, event) = pointer(storage, start, &stream)?;
                    events.push(event);
                    Held::U64(pointer)
                }
                Arg::Null => Held::U64(0),
                Arg::U32(v) => Held::U32(v),
                Arg::U64(v) => Held::U64(v as u64),
                Arg::F64(v) => Held::F64(v),
                Arg::Words(v) => Held::Words(v),
            });
        }
        let mut builder = function.builder();
        for value in &held {
            match value {
                Held::U32(v) => builder.arg(v),
                Held::U64(v) => builder.arg(v),
                Held::F64(v) => builder.arg(v),
                Held::Words(v) => builder.arg(v),
            };
        }
        let grid_dim = (blocks(threads)?, 1, 1);
        let config = LaunchConfig { grid_dim, block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the caller vouches for the arguments; `held`, `events` and `tensors` keep them alive.
        unsafe { builder.launch(config) }.map_err(candle_core::Error::wrap)?;
        Ok(())
    }
}

/// Where element `start` lies on the GPU, with the event that marks its use.
fn pointer<'a>(
    storage: &'a CudaStorage,
    start: usize,
    stream: &'a CudaStream,
) -> Result<(u64, SyncOnDrop<'a>)> {
    fn of<'a, T: CudaDType + 'a>(
        storage: &'a CudaStorage,
        start: usize,
        stream: &'a CudaStream,
    ) -> Result<(u64, SyncOnDrop<'a>)> {
        let (base, event) = storage.as_cuda_slice::<T>()?.device_ptr(stream);
        Ok((base + (start * size_of::<T>()) as u64, event))
    }
    match candle_core::backend::BackendStorage::dtype(storage) {
        DType::F32 => of::<f32>(storage, start, stream),
        DType::F64 => of::<f64>(storage, start, stream),
        DType::U8 => of::<u8>(storage, start, stream),
        DType::U32 => of::<u32>(storage, start, stream),
        DType::BF16 => of::<half::bf16>(storage, start, stream),
        other => {
            let why = format!("has no kernel for {other:?}");
            Err(Error::Unsupported { what: "cuda kernel", why })
        }
    }
}

/// The GPU that `x` lies on.
///
/// # Errors
/// [`Error::Unsupported`] for a tensor elsewhere.
pub fn device(x: &Tensor) -> Result<CudaDevice> {
    match x.device() {
        Device::Cuda(device) => Ok(device.clone()),
        other => {
            let why = format!("needs a tensor on a GPU, got one on {other:?}");
            Err(Error::Unsupported { what: "cuda kernel", why })
        }
    }
}

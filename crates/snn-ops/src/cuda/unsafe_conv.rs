//! Convolution on a GPU: cuDNN on channels-last tensors, forward and both gradients. Not run on a GPU yet.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType,
    FilterDescriptor, TensorDescriptor, sys,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, CudaStorage};
use candle_core::{CpuStorage, CudaDevice, CustomOp2, DType, Layout, Shape, Tensor};

use crate::{Conv2d, Error, Gradient, Gradients, Precision, Result, Tape, Value};

/// The extents of a convolution: images, input `[H, W, C]`, taps, output `[H, W, O]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) images: usize,
    pub(crate) input: [usize; 3],
    pub(crate) taps: [usize; 2],
    pub(crate) output: [usize; 3],
    pub(crate) config: Conv2d,
}

/// [`crate::conv2d`] for tensors on a GPU; `lead` are the input's leading axes. In bf16 all operands of the
/// three products are rounded; sums are f32.
pub(crate) fn conv2d(
    tape: &mut Tape,
    x: &Value,
    weight: &Value,
    extent: Extent,
    lead: &[usize],
) -> Result<Value> {
    let dtype = match extent.config.precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    };
    let run = move |kind: PassKind, a: &Tensor, b: &Tensor| -> Result<Tensor> {
        let (a, b) = (a.to_dtype(dtype)?, b.to_dtype(dtype)?);
        Ok(a.apply_op2_no_bwd(&b, &Pass { kind, extent })?)
    };
    // cuDNN wants the taps before the channels where tensors are channels-last.
    let filter = weight.tensor().permute((0, 2, 3, 1))?.contiguous()?;
    let mut shape = lead.to_vec();
    shape.extend(extent.output);
    let y = run(PassKind::Forward, x.tensor(), &filter)?.reshape(shape)?;
    let input = weight.wants_gradient().then(|| x.tensor().clone());
    let (to_x, to_w, x_shape) = (x.target(), weight.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x, weight], move |dy: Gradient, grads: &mut Gradients| {
        if let Some(x) = input {
            let dw = run(PassKind::Weight, &x, &dy)?.permute((0, 3, 1, 2))?;
            grads.add(to_w, dw.contiguous()?.to_dtype(DType::F32)?)?;
        }
        if to_x.is_wanted() {
            let dx = run(PassKind::Input, &filter, &dy)?.to_dtype(DType::F32)?;
            grads.add(to_x, dx.reshape(x_shape)?)?;
        }
        Ok(())
    }))
}

#[derive(Clone, Copy, Debug)]
enum PassKind {
    /// (x, w) to y.
    Forward,
    /// (w, dy) to dx.
    Input,
    /// (x, dy) to dw.
    Weight,
}

struct Pass {
    kind: PassKind,
    extent: Extent,
}

impl CustomOp2 for Pass {
    fn name(&self) -> &'static str {
        "cudnn-convolution"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        candle_core::bail!("cuDNN needs tensors on a GPU")
    }

    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        a_at: &Layout,
        b: &CudaStorage,
        b_at: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        match a.dtype() {
            DType::F32 => run::<f32>(self, (a, a_at), (b, b_at), (1.0, 0.0)),
            DType::BF16 => {
                let scale = (half::bf16::ONE, half::bf16::ZERO);
                run::<half::bf16>(self, (a, a_at), (b, b_at), scale)
            }
            other => candle_core::bail!("convolution has no cuDNN path for {other:?}"),
        }
    }
}

thread_local! {
    // A handle serves one thread and one device; candle's device numbers are not ordered, so its stream is the key.
    static HANDLES: RefCell<BTreeMap<usize, Arc<Cudnn>>> = const { RefCell::new(BTreeMap::new()) };
}

fn handle(device: &CudaDevice) -> candle_core::Result<Arc<Cudnn>> {
    let stream = device.cuda_stream();
    let key = stream.cu_stream() as usize;
    if let Some(handle) = HANDLES.with_borrow(|handles| handles.get(&key).cloned()) {
        return Ok(handle);
    }
    let handle = Cudnn::new(stream)?;
    HANDLES.with_borrow_mut(|handles| handles.insert(key, handle.clone()));
    Ok(handle)
}

/// Descriptors of the three tensors and of the convolution between them.
struct Plan<T: CudnnDataType> {
    x: TensorDescriptor<T>,
    w: FilterDescriptor<T>,
    y: TensorDescriptor<T>,
    conv: ConvDescriptor<f32>,
}

fn plan<T: CudnnDataType>(device: &CudaDevice, e: &Extent) -> candle_core::Result<Plan<T>> {
    let handle = handle(device)?;
    let int = |v: usize| {
        i32::try_from(v).map_err(|_| {
            let expected = format!("extents of at most {}", i32::MAX);
            Error::Shape { what: "conv2d", expected, got: vec![v] }
        })
    };
    let four = |v: [usize; 4]| -> Result<[i32; 4]> {
        Ok([int(v[0])?, int(v[1])?, int(v[2])?, int(v[3])?])
    };
    let ([h, w, c], [kh, kw], [oh, ow, o]) = (e.input, e.taps, e.output);
    let nhwc = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
    let [pad_y, pad_x, step_y, step_x] =
        four([e.config.padding[0], e.config.padding[1], e.config.stride[0], e.config.stride[1]])?;
    // Sums in f32 whatever the elements.
    let mut conv = handle.create_conv2d::<f32>(
        [pad_y, pad_x],
        [step_y, step_x],
        [1, 1],
        sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION,
    )?;
    // The default would multiply f32 in TF32, which keeps ten bits.
    conv.set_math_type(match T::DATA_TYPE {
        sys::cudnnDataType_t::CUDNN_DATA_FLOAT => sys::cudnnMathType_t::CUDNN_FMA_MATH,
        _ => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
    })?;
    Ok(Plan {
        x: handle.create_4d_tensor::<T>(nhwc, four([e.images, c, h, w])?)?,
        w: handle.create_4d_filter::<T>(nhwc, four([o, c, kh, kw])?)?,
        y: handle.create_4d_tensor::<T>(nhwc, four([e.images, o, oh, ow])?)?,
        conv,
    })
}

/// `scale` is (1, 0): the result, and nothing of what was there before.
fn run<T: CudaDType + CudnnDataType + DeviceRepr>(
    pass: &Pass,
    (a, a_at): (&CudaStorage, &Layout),
    (b, b_at): (&CudaStorage, &Layout),
    scale: (T, T),
) -> candle_core::Result<(CudaStorage, Shape)> {
    let device = a.device().clone();
    let (e, stream) = (&pass.extent, device.cuda_stream());
    let ([h, w, c], [kh, kw], [oh, ow, o]) = (e.input, e.taps, e.output);
    let image = ([e.images, h, w, c], [o, kh, kw, c], [e.images, oh, ow, o]);
    let (a_shape, b_shape, shape) = match pass.kind {
        PassKind::Forward => (image.0, image.1, image.2),
        PassKind::Input => (image.1, image.2, image.0),
        PassKind::Weight => (image.0, image.2, image.1),
    };
    let a = view::<T>(a, a_at, &a_shape)?;
    let b = view::<T>(b, b_at, &b_shape)?;
    let plan = plan::<T>(&device, e)?;
    // SAFETY: cuDNN writes every element of it below; beta is 0, so it reads none.
    let mut out: CudaSlice<T> = unsafe { device.alloc::<T>(shape.iter().product()) }?;
    macro_rules! launch {
        ($op:expr, $algorithm:expr, $($arg:expr),*) => {{
            let (op, algorithm) = ($op, $algorithm);
            let mut room = stream.alloc_zeros::<u8>(op.get_workspace_size(algorithm)?.max(1))?;
            // SAFETY: the descriptors say what `view` and `shape` have checked of the three buffers.
            unsafe { op.launch(algorithm, Some(&mut room), scale, $($arg),*) }?;
        }};
    }
    let Plan { x, w, y, conv } = &plan;
    // DETERMINISM: the algorithms of each pass that serve channels-last tensors and always add in one order.
    match pass.kind {
        PassKind::Forward => launch!(
            ConvForward { conv, x, w, y },
            sys::cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
            &a,
            &b,
            &mut out
        ),
        PassKind::Input => launch!(
            ConvBackwardData { conv, dx: x, w, dy: y },
            sys::cudnnConvolutionBwdDataAlgo_t::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
            &mut out,
            &a,
            &b
        ),
        PassKind::Weight => launch!(
            ConvBackwardFilter { conv, x, dw: w, dy: y },
            sys::cudnnConvolutionBwdFilterAlgo_t::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
            &a,
            &mut out,
            &b
        ),
    }
    Ok((CudaStorage::wrap_cuda_slice(out, device), Shape::from(shape.to_vec())))
}

/// The contiguous elements, which must be as many as the shape says.
fn view<'a, T: CudaDType>(
    storage: &'a CudaStorage,
    at: &Layout,
    shape: &[usize],
) -> candle_core::Result<CudaView<'a, T>> {
    match at.contiguous_offsets() {
        Some((start, end)) if end - start == shape.iter().product::<usize>() => {
            Ok(storage.as_cuda_slice::<T>()?.slice(start..end))
        }
        _ => candle_core::bail!("convolution: expected contiguous {shape:?}, got {:?}", at.dims()),
    }
}

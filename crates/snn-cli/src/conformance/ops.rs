//! ops.safetensors: convolution, pooling and batch norm with their gradients.

use std::collections::BTreeMap;

use candle_core::Tensor;
use snn_ops::{
    Conv2d, Moments, Pool2d, Precision, Tape, Value, avg_pool2d, batch_norm, batch_norm_eval,
    buffer, conv1d, conv2d, max_pool2d, to_channels_first, to_channels_last,
};

use super::golden::{BF16, Golden, Ours, rounded};

/// Relative errors of single operators in f32.
const FORWARD: f64 = 5e-6;
const GRADIENT: f64 = 1e-5;

/// Only 2-d convolutions have a form in bf16: spikes are pooled, and norms summed, in f32.
pub(super) fn run(golden: &Golden, is_bf16: bool) -> anyhow::Result<Ours> {
    let mut ours = Ours::default();
    for case in golden.cases("stride_pad") {
        if is_bf16 && !is_1d(&case) {
            let expected = convolution(golden, &case, true, Precision::F32)?;
            let got = convolution(golden, &case, true, Precision::Bf16)?;
            for ((part, got), (_, expected)) in got.into_iter().zip(expected) {
                ours.put_beside(format!("{case}.{part}"), got, expected, BF16);
            }
        } else {
            for (part, got) in convolution(golden, &case, false, Precision::F32)? {
                let tolerance = if part == "y" { FORWARD } else { GRADIENT };
                ours.put(format!("{case}.{part}"), got, tolerance);
            }
        }
    }
    for (case, kernel, stride, padding) in
        [("max3s2p1", 3, 2, 1), ("max2", 2, 2, 0), ("avg2", 2, 2, 0), ("avg2_odd", 2, 2, 0)]
    {
        let pool = Pool2d::square(kernel, stride, padding);
        let key = format!("pool.{case}");
        differentiate(golden, &key, &mut ours, |tape, x| match case.starts_with("max") {
            true => max_pool2d(tape, x, pool),
            false => avg_pool2d(tape, x, pool),
        })?;
    }
    norm(golden, &mut ours)?;
    Ok(ours)
}

/// Runs `f` on a case's channels-last input and collects `y` and `grad_x`.
fn differentiate(
    golden: &Golden,
    case: &str,
    ours: &mut Ours,
    f: impl Fn(&mut Tape, &Value) -> snn_ops::Result<Value>,
) -> anyhow::Result<()> {
    let mut tape = Tape::new();
    let x = tape.leaf("grad_x", golden.of_rank(&format!("{case}.x"), 4)?.clone());
    let x = to_channels_last(&mut tape, &x)?;
    let y = f(&mut tape, &x)?;
    let y = to_channels_first(&mut tape, &y)?;
    ours.put(format!("{case}.y"), y.tensor().clone(), FORWARD);
    let seed = golden.get(&format!("{case}.grad_y"))?.clone();
    tape.backward([(&y, seed)], &mut |name, gradient| {
        ours.put(format!("{case}.{name}"), gradient, GRADIENT);
        Ok(())
    })?;
    Ok(())
}

fn is_1d(case: &str) -> bool {
    case.starts_with("conv1d")
}

/// A case's `y`, `grad_x` and `grad_w`, perhaps of inputs that are rounded to bf16 first.
fn convolution(
    golden: &Golden,
    case: &str,
    round: bool,
    precision: Precision,
) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let [stride, padding] = golden.f32s(&format!("{case}.stride_pad"))?[..] else {
        anyhow::bail!("`{case}.stride_pad` needs two numbers")
    };
    let (stride, padding) = (stride as usize, padding as usize);
    let one_d = is_1d(case);
    let input = |key: &str| {
        let tensor = golden.of_rank(&format!("{case}.{key}"), if one_d { 3 } else { 4 })?;
        if round { Ok(buffer::to_f32(&rounded(tensor)?)?) } else { anyhow::Ok(tensor.clone()) }
    };
    let mut tape = Tape::new();
    let x = tape.leaf("grad_x", input("x")?);
    let w = tape.leaf("grad_w", input("w")?);
    // A sequence [N, C, L] is an image of one row for the change of order.
    let image = |t: &Tensor| if one_d { t.unsqueeze(2) } else { Ok(t.clone()) };
    let dims = image(x.tensor())?.dims().to_vec();
    let x = snn_ops::reshape(&mut tape, &x, &dims)?;
    let x = to_channels_last(&mut tape, &x)?;
    let y = if one_d {
        let (n, l, c) = (x.dims()[0], x.dims()[2], x.dims()[3]);
        let x = snn_ops::reshape(&mut tape, &x, &[n, l, c])?;
        let y = conv1d(&mut tape, &x, &w, stride, padding)?;
        let (n, l, c) = (y.dims()[0], y.dims()[1], y.dims()[2]);
        snn_ops::reshape(&mut tape, &y, &[n, 1, l, c])?
    } else {
        let config = Conv2d { precision, ..Conv2d::square(stride, padding) };
        conv2d(&mut tape, &x, &w, config)?
    };
    let y = to_channels_first(&mut tape, &y)?;
    // A gradient has the format of its value.
    let seed = image(&input("grad_y")?)?.to_dtype(y.tensor().dtype())?;
    let mut found = BTreeMap::from([("y".to_string(), y.tensor().clone())]);
    tape.backward([(&y, seed.contiguous()?)], &mut |name, gradient| {
        found.insert(name.to_string(), gradient);
        Ok(())
    })?;
    Ok(found)
}

fn norm(golden: &Golden, ours: &mut Ours) -> anyhow::Result<()> {
    let get = |key: &str| golden.get(&format!("batch_norm.{key}"));
    let mut tape = Tape::new();
    let leaf = tape.leaf("grad_x", get("x")?.clone());
    let x = to_channels_last(&mut tape, &leaf)?;
    let weight = tape.leaf("grad_weight", get("before.weight")?.clone());
    let bias = tape.leaf("grad_bias", get("before.bias")?.clone());
    let (y, moments) = batch_norm(&mut tape, &x, &weight, &bias)?;
    let y = to_channels_first(&mut tape, &y)?;
    ours.put("batch_norm.y", y.tensor().clone(), FORWARD);
    let (mean, var) = moments.update(get("before.running_mean")?, get("before.running_var")?, 1)?;
    let running = Moments::running(&mean, &var)?;
    ours.put("batch_norm.after.running_mean", mean, FORWARD);
    ours.put("batch_norm.after.running_var", var, FORWARD);
    let eval = batch_norm_eval(&x, &weight, &bias, &running)?;
    let eval = to_channels_first(&mut Tape::off(), &eval)?;
    ours.put("batch_norm.y_eval", eval.tensor().clone(), FORWARD);
    tape.backward([(&y, get("grad_y")?.clone())], &mut |name, gradient| {
        ours.put(format!("batch_norm.{name}"), gradient, GRADIENT);
        Ok(())
    })?;
    Ok(())
}

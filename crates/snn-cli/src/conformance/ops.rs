//! ops.safetensors: convolution, pooling and batch norm with their gradients.

use candle_core::Tensor;
use snn_ops::{
    Conv2d, Moments, Pool2d, Tape, Value, avg_pool2d, batch_norm, batch_norm_eval, conv1d, conv2d,
    max_pool2d, to_channels_first, to_channels_last,
};

use super::{Golden, Ours};

/// Relative errors of single operators in f32.
const FORWARD: f64 = 5e-6;
const GRADIENT: f64 = 1e-5;

pub(super) fn run(golden: &Golden) -> anyhow::Result<Ours> {
    let mut ours = Ours::default();
    for case in golden.cases("stride_pad") {
        convolution(golden, &case, &mut ours)?;
    }
    for (case, kernel, stride, padding) in
        [("max3s2p1", 3, 2, 1), ("max2", 2, 2, 0), ("avg2", 2, 2, 0), ("avg2_odd", 2, 2, 0)]
    {
        let pool = Pool2d { kernel, stride, padding };
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
    tape.backward(&y, seed, &mut |name, gradient| {
        ours.put(format!("{case}.{name}"), gradient, GRADIENT);
        Ok(())
    })?;
    Ok(())
}

fn convolution(golden: &Golden, case: &str, ours: &mut Ours) -> anyhow::Result<()> {
    let [stride, padding] = golden.f32s(&format!("{case}.stride_pad"))?[..] else {
        anyhow::bail!("`{case}.stride_pad` needs two numbers")
    };
    let (stride, padding) = (stride as usize, padding as usize);
    let one_d = case.starts_with("conv1d");
    let rank = if one_d { 3 } else { 4 };
    for key in ["x", "w", "grad_y"] {
        golden.of_rank(&format!("{case}.{key}"), rank)?;
    }
    let mut tape = Tape::new();
    let x = tape.leaf("grad_x", golden.get(&format!("{case}.x"))?.clone());
    let w = tape.leaf("grad_w", golden.get(&format!("{case}.w"))?.clone());
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
        conv2d(&mut tape, &x, &w, Conv2d::square(stride, padding))?
    };
    let y = to_channels_first(&mut tape, &y)?;
    ours.put(format!("{case}.y"), y.tensor().clone(), FORWARD);
    let seed = image(golden.get(&format!("{case}.grad_y"))?)?;
    tape.backward(&y, seed.contiguous()?, &mut |name, gradient| {
        ours.put(format!("{case}.{name}"), gradient, GRADIENT);
        Ok(())
    })?;
    Ok(())
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
    tape.backward(&y, get("grad_y")?.clone(), &mut |name, gradient| {
        ours.put(format!("batch_norm.{name}"), gradient, GRADIENT);
        Ok(())
    })?;
    Ok(())
}

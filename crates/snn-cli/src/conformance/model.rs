//! model_*.safetensors: one training pass, its gradients and statistics, one evaluation pass.

use candle_core::Tensor;
use snn_losses::{Loss, Position, Ramp};
use snn_models::{Architecture, Input, InputConfig, Mode, Model, ModelConfig};
use snn_ops::Tape;

use super::golden::{Golden, Ours};

/// Relative errors: logits and loss, gradients, running statistics.
const LOGITS: f64 = 2e-5;
const GRADIENT: f64 = 1e-4;
const STATISTIC: f64 = 1e-5;

pub(super) fn run(architecture: &str, golden: &Golden) -> anyhow::Result<Ours> {
    let x = golden.of_rank("x", 5)?;
    let meta = |key: &str| golden.metadata.get(key).map(String::as_str).unwrap_or_default();
    let mut config =
        ModelConfig::new(Architecture::from_name(architecture)?, meta("classes").parse()?);
    config.width = meta("width").parse()?;
    config.t_steps = x.dim(0)?;
    config.in_channels = x.dim(2)?;
    config.input = InputConfig { height: x.dim(3)?, width: x.dim(4)? };
    let mut model = Model::new(&config, 0)?;
    load(&mut model, golden)?;

    let mut ours = Ours::default();
    let labels = golden.get("labels")?.to_dtype(candle_core::DType::U32)?;
    let mut tape = Tape::new();
    let input = Input::Frames(x.clone());
    let output = model.forward(&mut tape, &input, Mode::Train)?;
    let (loss, seed) = loss_and_seed(output.logits.tensor(), &labels)?;
    ours.put("loss", loss.reshape(1)?, LOGITS);
    ours.put("logits_train", output.logits.tensor().clone(), LOGITS);
    let running = model.folded(&[&output.statistics])?;
    for (name, statistic) in &running {
        ours.put(format!("after.{name}"), statistic.clone(), STATISTIC);
    }
    tape.backward([(&output.logits, seed)], &mut |name, gradient| {
        ours.put(format!("grad.{name}"), gradient, GRADIENT);
        Ok(())
    })?;
    model.set_buffers(running);
    let output = model.forward(&mut Tape::off(), &input, Mode::Eval)?;
    ours.put("logits_eval", output.logits.tensor().clone(), LOGITS);
    for name in model.params().keys() {
        anyhow::ensure!(
            ours.tensors.contains_key(&format!("grad.{name}")),
            "no gradient of {name}"
        );
    }
    Ok(ours)
}

fn load(model: &mut Model, golden: &Golden) -> anyhow::Result<()> {
    let mut state = golden.prefixed("state.");
    for (name, tensor) in model.params_mut() {
        *tensor = state.remove(name).ok_or_else(|| anyhow::anyhow!("no tensor state.{name}"))?;
    }
    anyhow::ensure!(
        state.keys().all(|name| model.buffers().contains_key(name)),
        "the file has tensors that the model has not"
    );
    model.set_buffers(state);
    Ok(())
}

/// The golden files' loss: TKS as released, alpha 0.5, temperature 3.
fn loss_and_seed(logits: &Tensor, labels: &Tensor) -> anyhow::Result<(Tensor, Tensor)> {
    let logits = candle_core::Var::from_tensor(logits)?;
    let loss = Loss::Tks { alpha: 0.5, temperature: 3.0, ramp: Ramp::Constant };
    let objective = loss.at(Position { epoch: 0, epochs: 1 });
    let value = objective.value(&logits.as_tensor().into(), &labels.into())?;
    let seed = value
        .backward()?
        .remove(&logits)
        .ok_or_else(|| anyhow::anyhow!("the loss does not depend on the logits"))?;
    Ok((value.detach(), seed))
}

//! losses.safetensors: values and gradients of every loss, accuracies and AURC.

use candle_core::{DType, Var};
use snn_losses::{Loss, Position, Ramp};
use snn_ops::buffer;

use super::golden::{Golden, Ours};

const VALUE: f64 = 2e-5;
const GRADIENT: f64 = 1e-4;

fn losses() -> [(&'static str, Loss); 8] {
    let ramp = Ramp::Constant;
    let tks = |alpha, temperature| Loss::Tks { alpha, temperature, ramp };
    let paper = |alpha, temperature| Loss::TksPaper { alpha, temperature, ramp };
    [
        ("ce", Loss::CrossEntropy),
        ("ls_0.1", Loss::LabelSmoothing { epsilon: 0.1 }),
        ("tet_0", Loss::Tet { lambda: 0.0, mean: 1.0 }),
        ("tet_0.05", Loss::Tet { lambda: 0.05, mean: 1.0 }),
        ("tks_released_a0.7_t3", tks(0.7, 3.0)),
        ("tks_released_a0.3_t5", tks(0.3, 5.0)),
        ("tks_paper_a0.7_t3", paper(0.7, 3.0)),
        ("tks_paper_a0.3_t5", paper(0.3, 5.0)),
    ]
}

pub(super) fn run(golden: &Golden) -> anyhow::Result<Ours> {
    let mut ours = Ours::default();
    for case in golden.cases("logits") {
        let logits = golden.of_rank(&format!("{case}.logits"), 3)?;
        let labels = golden.get(&format!("{case}.labels"))?.to_dtype(DType::U32)?;
        for (name, loss) in losses() {
            let var = Var::from_tensor(logits)?;
            let objective = loss.at(Position { epoch: 0, epochs: 1 });
            let value = objective.value(&var.as_tensor().into(), &(&labels).into())?;
            let gradient = value
                .backward()?
                .remove(&var)
                .ok_or_else(|| anyhow::anyhow!("{name} does not depend on the logits"))?;
            ours.put(format!("{case}.{name}.value"), value.detach().reshape(1)?, VALUE);
            ours.put(format!("{case}.{name}.grad"), gradient, GRADIENT);
        }
        let mut meter = snn_train::Meter::default();
        let (logits, labels) = (logits.flatten_all()?.to_vec1::<f32>()?, labels.to_vec1::<u32>()?);
        meter.push(&logits, &labels, golden.get(&format!("{case}.logits"))?.dim(2)?)?;
        let m = meter.finish();
        // The report's units are percent and 10^3.
        let pair = |a: f64, e: f64| buffer::tensor(vec![(a / 1e3) as f32, (e / 1e3) as f32], 2);
        let one = |v: f64| buffer::tensor(vec![(v / 1e2) as f32], 1);
        ours.put(format!("{case}.aurc_softmax"), pair(m.aurc_softmax, m.eaurc_softmax)?, VALUE);
        ours.put(format!("{case}.aurc_logit"), pair(m.aurc_logit, m.eaurc_logit)?, VALUE);
        ours.put(format!("{case}.top1"), one(m.top1)?, VALUE);
        ours.put(format!("{case}.top5"), one(m.top5)?, VALUE);
    }
    Ok(ours)
}

//! Prints every loss on one small batch, and the gradient it sends to each time step.

#![allow(clippy::print_stdout)]

use candle_core::{Device, Tensor, Var};
use snn_losses::{Loss, Position, Ramp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Steps 1 and 3 are right (class 0), step 2 is wrong.
    let steps = [[[2f32, 0.5, -1.0]], [[0.2, 1.1, 0.3]], [[1.5, -0.5, 0.0]]];
    let labels = Tensor::new(&[0u32], &Device::Cpu)?;
    let losses = [
        Loss::CrossEntropy,
        Loss::LabelSmoothing { epsilon: 0.1 },
        Loss::Tet { lambda: 0.05, mean: 1.0 },
        Loss::Tks { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant },
        Loss::TksPaper { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant },
    ];
    for loss in losses {
        let logits = Var::new(&steps, &Device::Cpu)?;
        let objective = loss.at(Position { epoch: 0, epochs: 1 });
        let value = objective.value(&logits.as_tensor().into(), &(&labels).into())?;
        println!("{:9}  {:.6}", loss.name(), value.to_scalar::<f32>()?);
        let gradients = value.backward()?;
        let gradient = gradients.get(&logits).ok_or("no gradient")?;
        for (t, row) in gradient.squeeze(1)?.to_vec2::<f32>()?.iter().enumerate() {
            println!("  step {}  {row:+.4?}", t + 1);
        }
    }
    Ok(())
}

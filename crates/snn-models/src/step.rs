//! A network run step by step.

use candle_core::Tensor;
use snn_ops::Tape;

use crate::forward::Input;
use crate::request::{Mode, Request};
use crate::state::State;
use crate::{Error, Model, Result};

impl Model {
    /// Refuses a network that cannot be run step by step: one that mixes the steps of a sequence.
    ///
    /// # Errors
    /// [`Error::Config`] naming the part that does.
    pub fn check_steps(&self) -> Result<()> {
        if let Some(boundary) = self.config().steps.keys().next() {
            let why = "mixes the steps of a sequence; run the whole sequence".into();
            return Err(Error::Config { field: format!("steps.{boundary}"), why });
        }
        if let Some(mixer) = &self.layout.mixer {
            let why = "looks at all steps of a sequence; run the whole sequence".into();
            return Err(Error::Config { field: mixer.clone(), why });
        }
        Ok(())
    }

    /// One step of a sequence: its scores `[N, K]`. Steps in a row are the whole sequence to the bit, as
    /// [`Model::forward`] computes it on [`Tape::exact`] in [`Mode::Eval`].
    ///
    /// # Shapes
    /// - `frame`: `[N, C, H, W]`; the N of all steps is one
    ///
    /// # Errors
    /// [`Error::Shape`] when the frame does not fit the model or the state, [`Error::Config`] for a network that
    /// mixes steps. The state is then unchanged.
    pub fn step(&self, frame: &Tensor, state: &mut State) -> Result<Tensor> {
        self.check_steps()?;
        let n = frame.dims().first().copied();
        if let Some(held) = state.samples().filter(|&held| Some(held) != n) {
            let expected = format!("[{held}, C, H, W], as in the steps before");
            return Err(Error::Shape {
                what: "frame".into(),
                expected,
                got: frame.dims().to_vec(),
            });
        }
        let input = Input::Frames(frame.unsqueeze(0)?);
        let request = Request::new(Mode::Eval);
        let (output, noted) = self.walk(&mut Tape::exact(), &input, &request, Some(state))?;
        let logits = output.logits.tensor().squeeze(0)?;
        state.advance(noted.remembered);
        Ok(logits)
    }
}

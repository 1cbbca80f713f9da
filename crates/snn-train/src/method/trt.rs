//! TRT, temporal reversed training (Zuo et al., 2024; later called TRR).

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_losses::Trt as Terms;
use snn_models::{Input, Mode, ModelConfig, Names, Request};
use snn_ops::{Tape, Value, concat, mean, multiply, narrow, permute_steps, reshape};

use super::{Answered, Taken};
use crate::Result;

/// `[method]` with `kind = "trt"`: the samples are also seen backwards in time, should be answered alike, and the products
/// of both passes' firing rates are classified too. Nothing of it is there at inference.
///
/// Recordings are shown with their frames in reverse order. Of still samples the spikes of the first layer of neurons are
/// reversed, and the network after it runs on both. Norms see both together, as 2 N samples. With one time step nothing is
/// reversed, and the consistency is 0.
///
/// # Source
/// An independent re-implementation from the abstract; constants ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trt {
    /// Weight of the consistency of both answers; 0 leaves it out.
    #[schemars(range(min = 0.0))]
    pub consistency: f64,
    /// Weight of the hybrid's loss; 0 leaves it out.
    #[schemars(range(min = 0.0))]
    pub hybrid: f64,
    /// Softens the answers that are compared.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub temperature: f64,
    /// No gradient of a comparison reaches the answer to the samples as they are.
    pub detach: bool,
    /// Compare in both directions.
    pub symmetric: bool,
    /// The answer to the reversed samples learns the labels too.
    pub reversed_ce: bool,
    /// What the hybrid's answer is compared with: the labels, or the answer to the samples as they are.
    pub hybrid_loss: HybridLoss,
    /// Which classifier answers to the hybrid: the network's, or one of its own that is not exported.
    pub hybrid_head: HybridHead,
    /// The other order of time; `random`, drawn for each step, tells whether it matters that it is the reverse.
    pub order: TimeOrder,
    /// A pass for each order, whose norms see it alone.
    pub bn_split: bool,
}

/// What the hybrid's answer is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HybridLoss {
    /// The labels, by cross entropy.
    Ce,
    /// The answer to the samples as they are.
    Kl,
}

/// Which classifier answers to the hybrid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HybridHead {
    /// The network's.
    Shared,
    /// One of its own.
    Own,
}

/// The order in which the samples are seen a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeOrder {
    /// Backwards.
    Reversed,
    /// Any.
    Random,
}

impl Default for Trt {
    fn default() -> Self {
        Self {
            consistency: 1.0,
            hybrid: 1.0,
            temperature: 2.0,
            detach: false,
            symmetric: false,
            reversed_ce: false,
            hybrid_loss: HybridLoss::Ce,
            hybrid_head: HybridHead::Shared,
            order: TimeOrder::Reversed,
            bn_split: false,
        }
    }
}

/// Both passes: what counts as the answer, and beside it what the other order of time gives.
struct Both {
    answered: Answered,
    reversed: Value,
    /// `[T, N, F]` of both.
    features: [Value; 2],
}

impl Trt {
    pub(super) fn ask(&self, config: &mut ModelConfig, names: &Names) {
        if self.has_own_head() {
            config.heads = vec![names.classifier.clone()];
        }
    }

    pub(super) fn terms(&self) -> Terms {
        let Self { consistency, hybrid, temperature, detach, symmetric, reversed_ce, .. } = *self;
        let hybrid_kl = self.hybrid_loss == HybridLoss::Kl;
        Terms { consistency, hybrid, temperature, detach, symmetric, reversed_ce, hybrid_kl }
    }

    pub(super) fn answers(&self, taken: &mut Taken<'_>) -> Result<Answered> {
        if self.consistency == 0.0 && self.hybrid == 0.0 && !self.reversed_ce {
            return taken.plain();
        }
        let t_steps = match &taken.examples.x {
            Input::Still(_) => taken.model.config().t_steps,
            Input::Frames(x) => x.dims().first().copied().unwrap_or(1),
        };
        let order: Vec<usize> = match self.order {
            TimeOrder::Reversed => (0..t_steps).rev().collect(),
            TimeOrder::Random => taken.any_order(t_steps),
        };
        let both = match (t_steps, self.bn_split) {
            (1, _) => once(taken)?,
            (_, true) => apart(taken, order)?,
            (_, false) => together(taken, order)?,
        };
        let Both { mut answered, reversed, features: [own, other] } = both;
        if self.hybrid > 0.0 {
            let scores = self.classified(taken, &own, &other)?;
            answered.views.insert(Terms::HYBRID.into(), scores);
        }
        answered.views.insert(Terms::REVERSED.into(), reversed);
        Ok(answered)
    }

    /// The scores of the products of both firing rates, `[1, N, K]`.
    fn classified(&self, taken: &mut Taken<'_>, a: &Value, b: &Value) -> Result<Value> {
        let (a, b) = (rates(taken.tape, a)?, rates(taken.tape, b)?);
        let product = multiply(taken.tape, &a, &b)?;
        Ok(match self.has_own_head() {
            true => taken.model.classify_apart(taken.tape, &product)?,
            false => taken.model.classify(taken.tape, &product)?,
        })
    }

    fn has_own_head(&self) -> bool {
        self.hybrid > 0.0 && self.hybrid_head == HybridHead::Own
    }
}

/// One step is its own reverse.
fn once(taken: &mut Taken<'_>) -> Result<Both> {
    let output = taken.pass(&Request::new(Mode::Train))?;
    let features = [output.features.clone(), output.features.clone()];
    let answered = Answered::from(output);
    Ok(Both { reversed: answered.logits.clone(), answered, features })
}

/// A pass for each order of time.
fn apart(taken: &mut Taken<'_>, order: Vec<usize>) -> Result<Both> {
    let mut request = Request::new(Mode::Train);
    let first = taken.pass(&request)?;
    let second = match &taken.examples.x {
        Input::Frames(x) => {
            let reversed = Input::Frames(permuted(x, &order)?);
            taken.model.pass(taken.tape, &reversed, &request)?
        }
        Input::Still(_) => {
            request.fork = Some(taken.fork(order, false));
            taken.pass(&request)?
        }
    };
    let features = [first.features.clone(), second.features];
    let mut answered = Answered::from(first);
    answered.statistics.push(second.statistics);
    Ok(Both { answered, reversed: second.logits, features })
}

/// One pass of 2 N samples.
fn together(taken: &mut Taken<'_>, order: Vec<usize>) -> Result<Both> {
    let mut request = Request::new(Mode::Train);
    let output = match &taken.examples.x {
        Input::Frames(x) => {
            let parts = [x.clone(), permuted(x, &order)?].map(Value::constant);
            let both = concat(&mut Tape::off(), &[&parts[0], &parts[1]], 1)?;
            taken.model.pass(taken.tape, &Input::Frames(both.tensor().clone()), &request)?
        }
        Input::Still(_) => {
            request.fork = Some(taken.fork(order, true));
            taken.pass(&request)?
        }
    };
    let n = taken.examples.host_labels.len();
    let mut half = |value: &Value, start: usize| narrow(taken.tape, value, 1, start, n);
    let features = [half(&output.features, 0)?, half(&output.features, n)?];
    let (own, reversed) = (half(&output.logits, 0)?, half(&output.logits, n)?);
    let answered = Answered { logits: own, ..Answered::from(output) };
    Ok(Both { answered, reversed, features })
}

fn permuted(x: &Tensor, order: &[usize]) -> Result<Tensor> {
    let permuted = permute_steps(&mut Tape::off(), &Value::constant(x.clone()), order)?;
    Ok(permuted.tensor().clone())
}

/// Mean over the steps, `[1, N, F]`.
fn rates(tape: &mut Tape, features: &Value) -> Result<Value> {
    let mean = mean(tape, features, &[0])?;
    let shape = [&[1], mean.dims()].concat();
    Ok(reshape(tape, &mean, &shape)?)
}

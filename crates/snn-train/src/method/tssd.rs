//! TSSD, temporal-spatial self-distillation (Zuo et al., 2024).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_data::MAX_T_STEPS;
use snn_losses::Tssd as Terms;
use snn_models::{Head, Input, Mode, ModelConfig, Names, Request};
use snn_ops::{Tape, Value, narrow};

use super::{Answered, Taken, refuse};
use crate::Result;

/// `[method]` with `kind = "tssd"`: a run of more steps teaches the network, and its answer teaches a weak classifier on
/// the way. Neither is there at inference.
///
/// A still sample is shown for the teacher's steps in one pass, and the student's answer is that of the first steps
/// (`prefix`); norms then see all steps. A recording is cut into frames a second time (`rebin`), which take a pass of their
/// own whose norms leave no running statistics: a prefix would show the student the beginning of the recording only.
///
/// # Source
/// An independent re-implementation from the abstract; constants ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tssd {
    /// Time steps of the teacher, at least those of the samples; 2 more when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_T_STEPS))]
    pub teacher_steps: Option<usize>,
    /// Weight of the temporal half, the teacher's answer for the student; 0 leaves it out.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// Weight of the spatial half, the student's answer for the weak classifier; 0 leaves it out.
    #[schemars(range(min = 0.0))]
    pub beta: f64,
    /// Softens teachers and students.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub temperature: f64,
    /// The teacher learns the labels too.
    pub teacher_ce: bool,
    /// The weak classifier learns the labels too.
    pub weak_ce: bool,
    /// The part of the network after which the weak classifier stands; the second when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak_after: Option<String>,
    /// What stands before the weak classifier's linear layer.
    pub weak_head: Head,
}

impl Default for Tssd {
    fn default() -> Self {
        Self {
            teacher_steps: None,
            alpha: 1.0,
            beta: 1.0,
            temperature: 2.0,
            teacher_ce: false,
            weak_ce: false,
            weak_after: None,
            weak_head: Head::Linear,
        }
    }
}

impl Tssd {
    pub(super) fn check(&self, t_steps: usize) -> Result<()> {
        let steps = self.teacher(t_steps);
        if steps >= t_steps {
            return Ok(());
        }
        let allowed = format!("at least the {t_steps} steps of the samples, whose teacher it is");
        Err(refuse("teacher_steps", steps.to_string(), allowed))
    }

    pub(super) fn ask(&self, config: &mut ModelConfig, names: &Names) -> Result<()> {
        if !self.has_weak() && self.weak_after.is_none() {
            return Ok(());
        }
        let place = match &self.weak_after {
            Some(name) => names.boundaries.iter().find(|part| *part == name),
            None => names.boundaries.get(1).or(names.boundaries.last()),
        };
        let Some(place) = place else {
            let got = self.weak_after.clone().unwrap_or_else(|| "absent".into());
            let allowed = match names.boundaries.as_slice() {
                [] => format!("beta = 0: {} has no such parts", config.architecture.name()),
                all => all.join(", "),
            };
            return Err(refuse("weak_after", got, allowed));
        };
        if self.has_weak() {
            (config.heads, config.head) = (vec![place.clone()], self.weak_head);
        }
        Ok(())
    }

    pub(super) fn framings(&self, t_steps: usize) -> Vec<usize> {
        self.steps(t_steps).into_iter().collect()
    }

    /// The teacher's steps, where they are not the student's.
    pub(super) fn steps(&self, t_steps: usize) -> Option<usize> {
        let steps = self.teacher(t_steps);
        (self.has_teacher() && steps != t_steps).then_some(steps)
    }

    pub(super) fn terms(&self) -> Terms {
        let Self { alpha, beta, temperature, teacher_ce, weak_ce, .. } = *self;
        Terms { alpha, beta, temperature, teacher_ce, weak_ce }
    }

    pub(super) fn answers(&self, taken: &mut Taken<'_>) -> Result<Answered> {
        let request = Request { heads: self.has_weak(), ..Request::new(Mode::Train) };
        match &taken.examples.x {
            Input::Still(_) => self.prefix(taken, request),
            Input::Frames(_) => self.rebin(taken, &request),
        }
    }

    /// One pass of the teacher's steps, whose beginning is the student.
    fn prefix(&self, taken: &mut Taken<'_>, request: Request) -> Result<Answered> {
        let student = taken.model.config().t_steps;
        let steps = if self.has_teacher() { self.teacher(student) } else { student };
        let output = taken.pass(&Request { t_steps: Some(steps), ..request })?;
        let mut answered = Answered::from(output);
        let teacher = answered.logits.clone();
        if steps > student {
            answered.logits = narrow(taken.tape, &teacher, 0, 0, student)?;
            for scores in answered.heads.values_mut() {
                *scores = narrow(taken.tape, scores, 0, 0, student)?;
            }
        }
        self.taught_by(answered, teacher)
    }

    /// A pass over each framing.
    fn rebin(&self, taken: &mut Taken<'_>, request: &Request) -> Result<Answered> {
        let answered = Answered::from(taken.pass(request)?);
        let teacher = match taken.examples.framings.first() {
            None => answered.logits.clone(),
            Some(frames) => {
                // The teacher's statistics are not those of what will be seen, and go.
                let (mut off, own) = (Tape::off(), Request::new(Mode::Train));
                let tape = if self.teacher_ce { &mut *taken.tape } else { &mut off };
                taken.model.pass(tape, frames, &own)?.logits
            }
        };
        self.taught_by(answered, teacher)
    }

    fn taught_by(&self, mut answered: Answered, teacher: Value) -> Result<Answered> {
        answered.views.insert(Terms::TEACHER.into(), teacher);
        Ok(answered)
    }

    fn teacher(&self, t_steps: usize) -> usize {
        self.teacher_steps.unwrap_or(t_steps + 2)
    }

    fn has_teacher(&self) -> bool {
        self.alpha > 0.0 || self.teacher_ce
    }

    fn has_weak(&self) -> bool {
        self.beta > 0.0 || self.weak_ce
    }
}

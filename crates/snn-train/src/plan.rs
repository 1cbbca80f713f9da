//! A run as its phases, one after another. A recipe without phases is one.

use std::sync::Arc;

use snn_losses::Position;

use crate::schedule::{ScheduleKind, learning_rate};
use crate::{Error, Recipe, Result, recipe::of_phase};

/// One phase of a run.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The recipe with this phase's settings in place.
    pub(crate) recipe: Recipe,
    /// Forget the optimizer's state when it starts.
    pub(crate) reset: bool,
    /// Its first epoch, counted over the whole run.
    pub(crate) first_epoch: usize,
    /// Its epochs.
    pub(crate) epochs: usize,
    /// Steps of an epoch, but for a shorter last one.
    steps_per_epoch: usize,
    /// Its steps in all.
    pub(crate) steps: usize,
    /// Epochs of earlier phases that have this loss, and of all that have it.
    ramp: (usize, usize),
}

/// What a run does, as a function of its recipe and the number of training samples.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Arc<Part>>,
}

/// The recipes of the phases, each whole, and whether the optimizer's state is forgotten before it.
pub(crate) fn recipes(recipe: &Recipe) -> Vec<(Recipe, bool)> {
    if recipe.phase.is_empty() {
        return vec![(recipe.clone(), false)];
    }
    recipe.phase.iter().map(|phase| (of_phase(recipe, phase), phase.reset)).collect()
}

impl Plan {
    /// The plan for so many training samples.
    ///
    /// # Errors
    /// [`Error::Setting`] for more steps an epoch than the samples make.
    pub(crate) fn new(recipe: &Recipe, samples: usize) -> Result<Self> {
        let mut parts: Vec<Part> = Vec::new();
        for (at, (own, reset)) in recipes(recipe).into_iter().enumerate() {
            let possible = loader_steps(samples, own.train.batch);
            let steps_per_epoch = own.train.steps_per_epoch.unwrap_or(possible);
            if steps_per_epoch > possible {
                let (field, got) = ("train.steps_per_epoch".into(), steps_per_epoch.to_string());
                let allowed = format!("1 to {possible}, the steps of this data");
                let error = Error::Setting { field, got, allowed };
                return Err(if recipe.phase.is_empty() { error } else { error.in_phase(at) });
            }
            let asked = recipe.phase.get(at).and_then(|phase| phase.steps);
            let (epochs, steps) = match asked {
                Some(steps) => (steps.div_ceil(steps_per_epoch), steps),
                None => {
                    let epochs = own.schedule.epochs.unwrap_or(1);
                    (epochs, epochs * steps_per_epoch)
                }
            };
            let first_epoch = parts.last().map_or(0, |part| part.first_epoch + part.epochs);
            let same = parts.iter().filter(|part| part.recipe.loss == own.loss);
            let before = same.map(|part| part.epochs).sum();
            let recipe = own;
            let ramp = (before, 0);
            parts.push(Part { recipe, reset, first_epoch, epochs, steps_per_epoch, steps, ramp });
        }
        for at in 0..parts.len() {
            let same = parts.iter().filter(|part| part.recipe.loss == parts[at].recipe.loss);
            parts[at].ramp.1 = same.map(|part| part.epochs).sum();
        }
        Ok(Self { parts: parts.into_iter().map(Arc::new).collect() })
    }

    /// What a schedule does that nobody can have meant, phase by phase.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let of =
                if self.parts.len() > 1 { format!("phase {} ", at + 1) } else { String::new() };
            let (schedule, lr) = (&part.recipe.schedule, part.recipe.optimizer.lr);
            let (warmup, epochs) = (schedule.warmup_epochs, part.epochs);
            if warmup >= epochs {
                doubts.push(format!(
                    "{of}schedule.warmup_epochs is {warmup} of {epochs} epochs: the rate never reaches optimizer.lr; use fewer"
                ));
            }
            if warmup > 0 && schedule.warmup_lr > lr {
                let from = schedule.warmup_lr;
                doubts.push(format!("{of}schedule.warmup_lr is {from}, above optimizer.lr {lr}: the rate falls in the warm-up"));
            }
            if schedule.kind == ScheduleKind::Cosine && schedule.min_lr > lr {
                let to = schedule.min_lr;
                doubts.push(format!(
                    "{of}schedule.min_lr is {to}, above optimizer.lr {lr}: the rate rises; use less"
                ));
            }
        }
        doubts
    }

    /// Epochs of the whole run.
    pub(crate) fn epochs(&self) -> usize {
        self.parts.last().map_or(0, |part| part.first_epoch + part.epochs)
    }
}

impl Part {
    /// Steps of an epoch, which is counted over the whole run.
    pub(crate) fn steps_of(&self, epoch: usize) -> usize {
        let before = (epoch - self.first_epoch) * self.steps_per_epoch;
        self.steps_per_epoch.min(self.steps.saturating_sub(before))
    }

    /// Whether an epoch is the phase's last.
    pub(crate) fn ends_with(&self, epoch: usize) -> bool {
        epoch + 1 == self.first_epoch + self.epochs
    }

    /// Whether an epoch is evaluated.
    pub(crate) fn evaluates(&self, epoch: usize) -> bool {
        let done = epoch + 1 - self.first_epoch;
        self.ends_with(epoch) || done.is_multiple_of(self.recipe.train.eval_every)
    }

    /// Whether the rate still rises in an epoch.
    pub(crate) fn warms_up(&self, epoch: usize) -> bool {
        epoch - self.first_epoch < self.recipe.schedule.warmup_epochs
    }

    /// Where an epoch stands among those that share its loss.
    pub(crate) fn position(&self, epoch: usize) -> Position {
        let (before, epochs) = self.ramp;
        Position { epoch: before + epoch - self.first_epoch, epochs }
    }

    /// The learning rate at a step of an epoch.
    pub(crate) fn rate(&self, epoch: usize, step: usize) -> f64 {
        let Recipe { schedule, optimizer, .. } = &self.recipe;
        let at = schedule.position(epoch - self.first_epoch, step, self.steps_per_epoch);
        let epochs = self.steps as f64 / self.steps_per_epoch as f64;
        learning_rate(schedule, optimizer.lr, at, epochs)
    }
}

/// The steps of an epoch over so many samples: a last, smaller batch is dropped, unless it is the only one.
fn loader_steps(samples: usize, batch: usize) -> usize {
    (samples / batch).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"
        [data]
        name = "synthetic"
        [model]
        architecture = "resnet19"
        t_steps = 4
        [loss]
        kind = "tks"
        [schedule]
        warmup_epochs = 1
        [train]
        batch = 10
        eval_every = 2
        [[phase]]
        epochs = 4
        model = { t_steps = 1 }
        [[phase]]
        steps = 25
        loss = { kind = "ce" }
        [[phase]]
        epochs = 2
        reset = true
        train = { steps_per_epoch = 5, batch = 20 }
        optimizer = { lr = 1.0 }
        schedule = { warmup_epochs = 0 }
    "#;

    fn plan() -> Plan {
        Plan::new(&Recipe::parse(RECIPE, "r", &[]).unwrap(), 109).unwrap()
    }

    #[test]
    fn phases_follow_one_another() {
        let plan = plan();
        let parts = plan.parts.iter();
        let numbers: Vec<_> = parts.map(|p| (p.first_epoch, p.epochs, p.steps, p.reset)).collect();
        assert_eq!(numbers, [(0, 4, 40, false), (4, 3, 25, false), (7, 2, 10, true)]);
        assert_eq!(plan.epochs(), 9);
        assert_eq!([4, 5, 6].map(|epoch| plan.parts[1].steps_of(epoch)), [10, 10, 5]);
        assert_eq!(plan.parts[0].recipe.t_steps(), 1);
        assert_eq!((plan.parts[2].recipe.t_steps(), plan.parts[2].recipe.train.batch), (4, 20));
        let evaluated: Vec<usize> =
            (0..4).filter(|epoch| plan.parts[0].evaluates(*epoch)).collect();
        assert_eq!((evaluated, plan.parts[1].evaluates(5)), (vec![1, 3], true));
    }

    #[test]
    fn a_ramp_counts_the_phases_of_its_loss_and_a_schedule_its_own() {
        let plan = plan();
        let at = |part: usize, epoch| plan.parts[part].position(epoch);
        assert_eq!(at(0, 3), Position { epoch: 3, epochs: 6 });
        assert_eq!(at(1, 6), Position { epoch: 2, epochs: 3 });
        assert_eq!(at(2, 8), Position { epoch: 5, epochs: 6 });
        assert_eq!(plan.parts[2].rate(7, 0), 1.0);
        assert!(plan.parts[1].warms_up(4) && !plan.parts[1].warms_up(5));
        assert_eq!(plan.parts[1].rate(4, 0), plan.parts[0].rate(0, 0));
    }

    #[test]
    fn schedules_that_cannot_be_meant_are_told() {
        let doubts = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
            Plan::new(&Recipe::parse(RECIPE, "r", &sets).unwrap(), 109).unwrap().doubts()
        };
        assert_eq!(doubts(&[]), [""; 0]);
        let of = |sets: &[&str], words: &[&str]| {
            let told = doubts(sets);
            assert_eq!(told.len(), words.len(), "{told:?}");
            assert!(told.iter().zip(words).all(|(told, word)| told.starts_with(word)), "{told:?}");
        };
        let (one, two) = (
            "phase 1 schedule.warmup_epochs is 4 of 4",
            "phase 2 schedule.warmup_epochs is 4 of 3",
        );
        of(&["schedule.warmup_epochs=4"], &[one, two]);
        of(&["schedule.min_lr=0.5"], &["phase 1 schedule.min_lr", "phase 2 schedule.min_lr"]);
        of(&["schedule.min_lr=0.5", "schedule.kind=constant"], &[]);
        of(
            &["schedule.warmup_lr=0.5"],
            &["phase 1 schedule.warmup_lr", "phase 2 schedule.warmup_lr"],
        );
    }

    #[test]
    fn more_steps_than_the_data_has_are_refused_by_phase() {
        let sets = ["train.batch=50".to_string()];
        let recipe = Recipe::parse(RECIPE, "r", &sets).unwrap();
        let error = Plan::new(&recipe, 80).unwrap_err().to_string();
        assert!(error.contains("phase 3 train.steps_per_epoch is 5; use 1 to 4"), "{error}");
    }
}

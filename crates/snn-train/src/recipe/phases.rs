//! What a phase makes of its recipe.

use super::{phase::Phase, tables::Recipe};

/// The recipe of a phase alone: `base` with the phase's settings in place, and no phases.
pub(crate) fn of_phase(base: &Recipe, phase: &Phase) -> Recipe {
    let Phase { epochs, steps: _, reset: _, data, model, loss, optimizer, schedule, train } = phase;
    let mut recipe = Recipe { phase: Vec::new(), ..base.clone() };
    let own = &mut recipe.data;
    own.size = data.size.or(own.size);
    own.t_steps = data.t_steps.or(own.t_steps);
    own.frames_by = data.frames_by.unwrap_or(own.frames_by);
    own.augment = data.augment.unwrap_or(own.augment);
    recipe.model.t_steps = model.t_steps.or(recipe.model.t_steps);
    if let Some(loss) = loss {
        recipe.loss = loss.clone();
    }
    let own = &mut recipe.optimizer;
    own.lr = optimizer.lr.unwrap_or(own.lr);
    own.weight_decay = optimizer.weight_decay.or(own.weight_decay);
    let own = &mut recipe.schedule;
    own.epochs = *epochs;
    own.warmup_epochs = schedule.warmup_epochs.unwrap_or(own.warmup_epochs);
    own.warmup_lr = schedule.warmup_lr.unwrap_or(own.warmup_lr);
    own.min_lr = schedule.min_lr.unwrap_or(own.min_lr);
    own.kind = schedule.kind.unwrap_or(own.kind);
    own.per_step = schedule.per_step.unwrap_or(own.per_step);
    let own = &mut recipe.train;
    own.batch = train.batch.unwrap_or(own.batch);
    own.steps_per_epoch = train.steps_per_epoch.or(own.steps_per_epoch);
    own.eval_every = train.eval_every.unwrap_or(own.eval_every);
    recipe
}

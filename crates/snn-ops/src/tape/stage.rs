//! Stages: stretches of a network that are computed twice rather than kept.

use std::collections::BTreeMap;
use std::result::Result;

use super::{Gradient, Gradients, Tape, Target, Value};
use crate::{Error, Saved};

impl Tape {
    /// A tape that records, but keeps nothing from inside a [`Tape::stage`].
    pub fn recomputing() -> Self {
        Self { recomputing: true, ..Self::new() }
    }

    /// Runs `f` on `x`. What `f` returns beside its output is handed on.
    ///
    /// On a [`Tape::recomputing`], the stage is one operator that keeps `x` alone. Its backward pass runs `f` once more,
    /// on a tape of its own, and then backwards: one stage's activations are alive at a time, for a second forward pass.
    /// Gradients have the same bytes. On any other tape this is `f` itself.
    ///
    /// `f` depends on nothing but its arguments and reaches values of this tape through `x` only. Leaves that it makes
    /// are announced under their names.
    ///
    /// # Source
    /// Chen et al., "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174), one level deep.
    ///
    /// # Errors
    /// Whatever `f` returns; an error of its second run comes out of [`Tape::backward`].
    pub fn stage<T, E>(
        &mut self,
        x: &Value,
        f: impl Fn(&mut Tape, &Value) -> Result<(Value, T), E> + Send + 'static,
    ) -> Result<(Value, T), E>
    where
        Error: From<E>,
        E: From<Error>,
    {
        if !self.recomputing {
            return f(self, x);
        }
        let mut once = Tape::new();
        let input = leaf(&mut once, x);
        let (y, beside) = f(&mut once, &input)?;
        let names = once.slots.into_iter().filter_map(|(name, _)| name);
        let leaves: BTreeMap<String, usize> =
            names.map(|name| (name.clone(), self.named_slot(name))).collect();
        let inputs = x.slot.into_iter().chain(leaves.values().copied()).collect();
        let (saved, target) = (Saved::new(x.tensor())?, x.target());
        let backward = move |dy: Gradient, grads: &mut Gradients| -> crate::Result<()> {
            let mut again = Tape::new();
            let x = leaf(&mut again, &Value { tensor: saved.tensor()?, slot: target.0 });
            let Some(slot) = f(&mut again, &x)?.0.slot else { return Ok(()) };
            let mut inner = again.differentiate(vec![(slot, dy.0)], &mut |name, gradient| {
                grads.add(Target(leaves.get(name).copied()), gradient)
            })?;
            match x.slot.and_then(|slot| inner.slots[slot].take()) {
                Some(dx) => grads.accumulate(target, dx),
                None => Ok(()),
            }
        };
        Ok((self.record(y.tensor, inputs, Box::new(backward)), beside))
    }
}

/// `x` as a leaf without a name, when its gradient is wanted.
fn leaf(tape: &mut Tape, x: &Value) -> Value {
    Value { tensor: x.tensor.clone(), slot: x.slot.map(|_| tape.slot(None)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use candle_core::Tensor;

    use crate::{Result, Tape, Value, add, buffer, linear, reshape};

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        buffer::tensor(values.to_vec(), shape).unwrap()
    }

    fn flat(t: &Tensor) -> Vec<f32> {
        t.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// The identity, whose closure holds `saved`.
    fn held(tape: &mut Tape, x: &Value, saved: &Arc<()>) -> Value {
        let (to, saved) = (x.target(), saved.clone());
        tape.push(x.tensor().clone(), &[x], move |dy, grads| {
            drop(saved);
            grads.add(to, dy.into_owned()?)
        })
    }

    #[test]
    fn a_stage_of_a_recomputing_tape_saves_nothing_until_backward_runs_it_again() {
        for (recomputes, saved_by, runs) in [(false, 2, 1), (true, 0, 2)] {
            let mut tape = if recomputes { Tape::recomputing() } else { Tape::new() };
            let x = tape.leaf("x", tensor(&[2.0], &[1, 1]));
            let (saved, ran) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
            let f = {
                let (saved, ran) = (saved.clone(), ran.clone());
                move |tape: &mut Tape, x: &Value| -> Result<(Value, usize)> {
                    let w = tape.leaf("w", tensor(&[3.0], &[1, 1]));
                    let y = held(tape, x, &saved);
                    let bias = Value::constant(tensor(&[0.0], &[1]));
                    let y = linear(tape, &y, &w, &bias)?;
                    Ok((held(tape, &y, &saved), ran.fetch_add(1, Ordering::Relaxed)))
                }
            };
            let (y, beside) = tape.stage(&x, f).unwrap();
            // One is ours and, while f may run again, one is f's.
            let own = 1 + usize::from(recomputes);
            assert_eq!((flat(y.tensor()), beside), (vec![6.0], 0));
            assert_eq!(Arc::strong_count(&saved), own + saved_by, "recomputes: {recomputes}");
            // x is used after the stage too.
            let y = add(&mut tape, &y, &x).unwrap();
            let mut found = Vec::new();
            tape.backward([(&y, tensor(&[5.0], &[1, 1]))], &mut |name, g| {
                found.push((name.to_string(), flat(&g)[0]));
                Ok(())
            })
            .unwrap();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(found, [("w".to_string(), 10.0), ("x".to_string(), 20.0)]);
            assert_eq!((ran.load(Ordering::Relaxed), Arc::strong_count(&saved)), (runs, 1));
        }
    }

    #[test]
    fn leaves_of_stages_are_announced_as_soon_as_their_stage_is_done() {
        let mut tape = Tape::recomputing();
        let mut y = Value::constant(tensor(&[1.0], &[1, 1]));
        for (name, w) in [("early", 2.0), ("late", 3.0)] {
            let f = move |tape: &mut Tape, x: &Value| -> Result<(Value, ())> {
                let w = tape.leaf(name, tensor(&[w], &[1, 1]));
                Ok((linear(tape, x, &w, &Value::constant(tensor(&[0.0], &[1])))?, ()))
            };
            y = tape.stage(&y, f).unwrap().0;
        }
        let mut order = Vec::new();
        tape.backward([(&y, tensor(&[1.0], &[1, 1]))], &mut |name, g| {
            order.push((name.to_string(), flat(&g)[0]));
            Ok(())
        })
        .unwrap();
        assert_eq!(order, [("late".into(), 2.0), ("early".into(), 3.0)]);
    }

    #[test]
    fn an_error_of_a_stage_comes_out_of_either_run() {
        let mut tape = Tape::recomputing();
        let x = tape.leaf("x", tensor(&[1.0], &[1]));
        let ran = AtomicUsize::new(0);
        let f = move |tape: &mut Tape, x: &Value| -> Result<(Value, ())> {
            let again = ran.fetch_add(1, Ordering::Relaxed) > 0;
            Ok((reshape(tape, x, if again { &[2] } else { &[1, 1] })?, ()))
        };
        let y = tape.stage(&x, f).unwrap().0;
        let error = tape.backward([(&y, tensor(&[1.0], &[1, 1]))], &mut |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("reshape"), "{error}");
        let wrong = |tape: &mut Tape, x: &Value| Ok((reshape(tape, x, &[2])?, ()));
        let refused: Result<(Value, ())> =
            Tape::recomputing().stage(&Value::constant(tensor(&[1.0], &[1])), wrong);
        assert!(refused.unwrap_err().to_string().contains("reshape"));
    }
}

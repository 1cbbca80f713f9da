//! One block's way back through time.

use snn_ops::buffer::Read;

use super::adaptive::Back;
use super::branch::{Branch, sum_currents};
use super::dynamics::{Dynamics, Leak};
use super::extent::Extent;

/// One block's working memory.
#[derive(Default)]
pub(super) struct Scratch {
    len: usize,
    /// Potentials, then currents' gradients, `[t_steps, len]`.
    u: Vec<f32>,
    /// The running potential, then its gradient, `[len]`.
    pub(super) v: Vec<f32>,
    /// The running adaptation, then its gradient, `[len]`, and thresholds `[t_steps, len]`; empty where none adapts.
    pub(super) a: Vec<f32>,
    thresholds: Vec<f32>,
    /// Where a leak is learned: the potentials before each step, `[t_steps, len]`, one step's gradient of the potentials
    /// and each neuron's share of the leak's, `[len]`.
    before: Vec<f32>,
    gu: Vec<f32>,
    shares: Vec<f32>,
    wide: Vec<f32>,
}

impl Scratch {
    pub(super) fn start(&mut self, extent: &Extent, len: usize, dynamics: &Dynamics) {
        self.len = len;
        self.u.resize(extent.t_steps * len, 0.0);
        self.v.resize(len, 0.0);
        if dynamics.adapts() {
            self.a.resize(len, 0.0);
            self.thresholds.resize(extent.t_steps * len, 0.0);
        }
        if dynamics.leak.is_some() {
            self.before.resize(extent.t_steps * len, 0.0);
            self.gu.resize(len, 0.0);
            self.shares.clear();
            self.shares.resize(len, 0.0);
        }
    }

    /// Recomputes the potentials before each reset.
    pub(super) fn replay(
        &mut self,
        extent: &Extent,
        branches: &[Branch],
        inputs: &[Read<'_>],
        at: usize,
        dynamics: &Dynamics,
    ) {
        let (len, x_steps) = (self.len, extent.x_steps);
        let mut rows = self.u.chunks_exact_mut(len.max(1));
        for t in 0..x_steps {
            let Some(z) = rows.next() else { return };
            sum_currents(extent, branches, inputs, (t, at), z, &mut self.wide);
        }
        if x_steps == 1 {
            let (first, others) = self.u.split_at_mut(len);
            others.chunks_exact_mut(len.max(1)).for_each(|row| row.copy_from_slice(first));
        }
        for (t, z) in self.u.chunks_exact_mut(len.max(1)).enumerate() {
            if dynamics.leak.is_some() {
                self.before[t * len..][..len].copy_from_slice(&self.v);
            }
            let thresholds = row_mut(&mut self.thresholds, t, len);
            dynamics.replay(&mut self.v, &mut self.a, z, thresholds);
        }
    }

    /// Runs time backwards and adds the current's gradient to `dz`.
    pub(super) fn retreat(
        &mut self,
        extent: &Extent,
        dy: &[f32],
        dynamics: &Dynamics,
        dz: &mut [&mut [f32]],
    ) {
        let without_gain = dynamics.without_gain();
        self.v.fill(0.0);
        self.a.fill(0.0);
        for t in (0..extent.t_steps).rev() {
            let u = &self.u[t * self.len..(t + 1) * self.len];
            let dy = &dy[t * extent.neurons..][..self.len];
            let dz = &mut *dz[t.min(extent.x_steps - 1)];
            let to = Back { gv: &mut self.v, ga: &mut self.a };
            let at = (u, row(&self.thresholds, t, self.len));
            match &dynamics.leak {
                None => dynamics.retreat(to, dy, at, dz),
                Some(leak) => {
                    self.gu.fill(0.0);
                    without_gain.retreat(to, dy, at, &mut self.gu);
                    let before = &self.before[t * self.len..][..self.len];
                    leak.share(&self.gu, (u, before), &mut self.shares, dz);
                }
            }
        }
    }

    /// The sum of the block's shares of the leak's gradient.
    pub(super) fn leak_sum(&self, leak: Option<Leak>) -> f64 {
        leak.map_or(0.0, |_| self.shares.iter().map(|&share| f64::from(share)).sum())
    }
}

/// Row `t` of `[t_steps, len]`, or of nothing.
fn row(x: &[f32], t: usize, len: usize) -> &[f32] {
    x.get(t * len..(t + 1) * len).unwrap_or_default()
}

fn row_mut(x: &mut [f32], t: usize, len: usize) -> &mut [f32] {
    x.get_mut(t * len..(t + 1) * len).unwrap_or_default()
}

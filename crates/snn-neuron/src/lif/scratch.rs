//! One block's way back through time.

use snn_ops::buffer::Read;

use super::branch::{Branch, sum_currents};
use super::config::LifConfig;
use super::extent::Extent;
use super::kernel::{self, Constants};

/// One block's working memory.
#[derive(Default)]
pub(super) struct Scratch {
    len: usize,
    /// Potentials, then currents' gradients, `[t_steps, len]`.
    u: Vec<f32>,
    /// The running potential, then its gradient, `[len]`.
    pub(super) v: Vec<f32>,
    wide: Vec<f32>,
}

impl Scratch {
    pub(super) fn start(&mut self, extent: &Extent, len: usize) {
        self.len = len;
        self.u.resize(extent.t_steps * len, 0.0);
        self.v.resize(len, 0.0);
    }

    /// Recomputes the potentials before each reset.
    pub(super) fn replay(
        &mut self,
        extent: &Extent,
        branches: &[Branch],
        inputs: &[Read<'_>],
        at: usize,
        config: &LifConfig,
    ) {
        let constants = Constants::new(config);
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
        for z in self.u.chunks_exact_mut(len.max(1)) {
            kernel::replay(constants, &mut self.v, z);
        }
    }

    /// Runs time backwards and adds the current's gradient to `dz`.
    pub(super) fn retreat(
        &mut self,
        extent: &Extent,
        dy: &[f32],
        config: &LifConfig,
        dz: &mut [&mut [f32]],
    ) {
        let constants = Constants::new(config);
        self.v.fill(0.0);
        for t in (0..extent.t_steps).rev() {
            let u = &self.u[t * self.len..(t + 1) * self.len];
            let dy = &dy[t * extent.neurons..][..self.len];
            let dz = &mut *dz[t.min(extent.x_steps - 1)];
            kernel::retreat(constants, config.surrogate, &mut self.v, dy, u, dz);
        }
    }
}

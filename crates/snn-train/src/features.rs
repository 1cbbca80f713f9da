//! What the last layer of neurons says of each sample: its spikes, averaged over time.

use candle_core::{DType, Device};
use snn_models::{Model, Output};

use crate::{Error, Result};

/// Values that are held at most: 2 GiB.
const MOST: usize = 1 << 29;

/// The features of a pass, batch by batch.
#[derive(Debug)]
pub(crate) struct Features {
    /// The layer.
    pub(crate) layer: String,
    samples: usize,
    values: Vec<f32>,
}

impl Features {
    /// Nothing yet, of so many samples.
    pub(crate) fn of(model: &Model, samples: usize) -> Self {
        let layer = model.neurons().last().cloned().unwrap_or_default();
        Self { layer, samples, values: Vec::new() }
    }

    /// Adds a batch whose pass was asked for the layer's spikes.
    pub(crate) fn add(&mut self, output: &Output) -> Result<()> {
        let Some(spikes) = output.taps.get(&self.layer) else { return Ok(()) };
        let mean = spikes.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.mean(0)?;
        // The order of a flatten outside: channels, rows, columns.
        let mean = if mean.rank() == 4 { mean.permute((0, 3, 1, 2))? } else { mean };
        let n = mean.dims().first().copied().unwrap_or(0).max(1);
        let all = (mean.elem_count() / n).saturating_mul(self.samples);
        if all > MOST {
            return Err(Error::Setting {
                field: "features".into(),
                got: format!("{all} values"),
                allowed: format!("fewer samples, for at most {MOST} values"),
            });
        }
        self.values.extend(mean.contiguous()?.flatten_all()?.to_vec1::<f32>()?);
        Ok(())
    }

    /// The values in the data set's order; `order` are the samples' places in it, as they were passed.
    pub(crate) fn in_order(self, order: &[u32]) -> Vec<f32> {
        if order.is_sorted() {
            return self.values;
        }
        let width = self.values.len() / order.len().max(1);
        let mut places: Vec<usize> = (0..order.len()).collect();
        places.sort_by_key(|&at| order[at]);
        let row = |at: usize| self.values[at * width..(at + 1) * width].iter().copied();
        places.into_iter().flat_map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_data_sets_order() {
        let values = vec![1.0, 1.5, 0.0, 0.5, 2.0, 2.5];
        let features = Features { layer: String::new(), samples: 3, values };
        assert_eq!(features.in_order(&[1, 0, 2]), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
    }
}

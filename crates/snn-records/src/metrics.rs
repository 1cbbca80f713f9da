//! The measures of a network on a data set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The measures of one pass over a data set. Accuracies are percentages; AURC and its excess are times 10^3.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Samples.
    pub n: usize,
    /// Share of samples whose label has the largest mean logit.
    pub top1: f64,
    /// Share of samples whose label is among the five largest, or among all K where K < 5.
    pub top5: f64,
    /// AURC with the largest softmax of the mean logits as confidence.
    pub aurc_softmax: f64,
    /// AURC with the largest mean logit as confidence, as the authors' released code has it.
    pub aurc_logit: f64,
    /// Excess of `aurc_softmax` over the best ranking of the same errors.
    pub eaurc_softmax: f64,
    /// Excess of `aurc_logit`.
    pub eaurc_logit: f64,
    /// Top-1 of each step's own logits.
    pub per_step_top1: Vec<f64>,
    /// Top-1 of the mean of the first 1, 2, .. T steps: the accuracy of stopping there.
    pub cumulative_top1: Vec<f64>,
    /// Spikes per neuron and step of each layer of neurons, by its name; none in files of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub firing_rates: BTreeMap<String, f64>,
}

impl Metrics {
    /// Every measure that is one number, with its name in files and tables.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("top1", self.top1),
            ("top5", self.top5),
            ("aurc_softmax", self.aurc_softmax),
            ("aurc_logit", self.aurc_logit),
            ("eaurc_softmax", self.eaurc_softmax),
            ("eaurc_logit", self.eaurc_logit),
        ]
    }

    /// The measure of that name, such as `aurc_logit`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.named().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn names_are_those_of_the_file() {
        let text = r#"{"n":4,"top1":1,"top5":2,"aurc_softmax":3,"aurc_logit":4,"eaurc_softmax":5,"eaurc_logit":6,
            "per_step_top1":[1],"cumulative_top1":[1]}"#;
        let metrics: Metrics = serde_json::from_str(text).unwrap();
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        for (name, value) in metrics.named() {
            assert_eq!((json[name].as_f64(), metrics.get(name)), (Some(value), Some(value)));
        }
        assert_eq!(metrics.get("top2"), None);
    }
}

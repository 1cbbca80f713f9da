//! What an entry of a map is worth.

/// The worth of a map's entry of 1. Spikes of several levels are kept as whole numbers; whoever multiplies them by weights,
/// adds them to a current or hands them out applies the unit, once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Unit {
    /// Entries are what they say.
    #[default]
    One,
    /// A constant.
    Of(f32),
    /// The step of the activation of that name, whose ceiling is trained. It is looked up by name, so that a stage that is
    /// computed again finds it on its own tape.
    Step {
        /// The layer.
        neuron: String,
        /// Its levels.
        levels: u8,
    },
}

impl Unit {
    pub(crate) fn of(unit: f32) -> Self {
        if unit == 1.0 { Self::One } else { Self::Of(unit) }
    }
}

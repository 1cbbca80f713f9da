//! Surrogate gradients: what stands for the derivative of the step function when learning.

use crate::{Error, Result};

/// The derivative used in place of the step's, as a function of `x = u - v_threshold`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surrogate {
    /// `2 - 4|x|` on `|x| <= 1/2`: the polynomial of Bi-Real Net (Liu et al., 2018) rescaled to
    /// spikes in {0, 1}; BrainCog calls it QGateGrad with alpha 2. The default of the TKS authors' trainer.
    #[default]
    BiReal,
    /// `max(0, 1 - |x|)`: TET (Deng et al., 2022) with gamma 1.
    Triangle,
    /// `1` on `|x| < 1/2`: the window of STBP with width 1.
    Rectangle,
    /// `1 / (1 + (pi x)^2)`: SpikingJelly's ATan with alpha 2.
    Atan,
    /// `4 s (1 - s)`, `s = 1 / (1 + exp(-4x))`: SpikingJelly's Sigmoid with alpha 4.
    Sigmoid,
}

impl Surrogate {
    /// Every surrogate.
    pub const ALL: [Self; 5] =
        [Self::BiReal, Self::Triangle, Self::Rectangle, Self::Atan, Self::Sigmoid];

    /// The name in recipes and config files.
    pub fn name(self) -> &'static str {
        match self {
            Self::BiReal => "bireal",
            Self::Triangle => "triangle",
            Self::Rectangle => "rectangle",
            Self::Atan => "atan",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// The surrogate of that name.
    ///
    /// # Errors
    /// [`Error::Config`] listing the names.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| Error::Config {
            field: "surrogate",
            why: format!("`{name}` is unknown; use {}", Self::ALL.map(Self::name).join(", ")),
        })
    }

    /// The derivative at `x`.
    #[inline(always)]
    pub fn derivative(self, x: f32) -> f32 {
        match self {
            Self::BiReal => (2.0 - 4.0 * x.abs()).max(0.0),
            Self::Triangle => (1.0 - x.abs()).max(0.0),
            Self::Rectangle => f32::from(u8::from(x.abs() < 0.5)),
            Self::Atan => {
                let y = std::f32::consts::PI * x;
                1.0 / (1.0 + y * y)
            }
            Self::Sigmoid => {
                let s = 1.0 / (1.0 + (-4.0 * x).exp());
                4.0 * s * (1.0 - s)
            }
        }
    }

    /// The function whose derivative [`Surrogate::derivative`] is, in f64: 0 far below the
    /// threshold, 1 far above.
    pub fn primitive(self, x: f64) -> f64 {
        match self {
            Self::BiReal => {
                let y = x.clamp(-0.5, 0.5);
                0.5 + 2.0 * y - 2.0 * y.abs() * y
            }
            Self::Triangle => {
                let y = x.clamp(-1.0, 1.0);
                0.5 + y - 0.5 * y.abs() * y
            }
            Self::Rectangle => (x + 0.5).clamp(0.0, 1.0),
            Self::Atan => 0.5 + (std::f64::consts::PI * x).atan() / std::f64::consts::PI,
            Self::Sigmoid => 1.0 / (1.0 + (-4.0 * x).exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivative_is_the_finite_difference_of_the_primitive() {
        const H: f64 = 1e-5;
        for surrogate in Surrogate::ALL {
            for i in -1500..=1500 {
                let x = f64::from(i) * 1e-3 + 3.7e-4;
                let slope = (surrogate.primitive(x + H) - surrogate.primitive(x - H)) / (2.0 * H);
                let error = (f64::from(surrogate.derivative(x as f32)) - slope).abs();
                assert!(error < 1e-4, "{surrogate:?} at {x}: {error}");
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for surrogate in Surrogate::ALL {
            assert_eq!(Surrogate::from_name(surrogate.name()).unwrap(), surrogate);
        }
        assert!(Surrogate::from_name("relu").unwrap_err().to_string().contains("bireal"));
    }
}

//! The networks: one file and one line each.

use serde::{Deserialize, Serialize};

use crate::layers::Layers;
use crate::{Error, Result};

/// How its source uses a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// Time steps of a still sample.
    pub(crate) t_steps: usize,
    /// Channels, rows and columns of the input.
    pub(crate) input: [usize; 3],
    pub(crate) classes: usize,
    /// The neurons whose spikes stand for a still sample where a method looks at it in time.
    pub(crate) stem: &'static str,
}

macro_rules! networks {
    ($($(#[$doc:meta])* $variant:ident = $file:ident,)+) => {
        $(mod $file;)+

        /// The networks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Architecture {
            $($(#[$doc])* $variant,)+
        }

        impl Architecture {
            /// Every network.
            pub const ALL: [Self; [$(stringify!($file)),+].len()] = [$(Self::$variant),+];

            /// The name in recipes and config files.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($file),)+
                }
            }

            pub(crate) fn source(self) -> Source {
                match self {
                    $(Self::$variant => $file::SOURCE,)+
                }
            }

            /// Reads the network from its input to its scores.
            pub(crate) fn build<L: Layers>(self, layers: &mut L, x: L::X) -> Result<L::X> {
                match self {
                    $(Self::$variant => $file::build(layers, x),)+
                }
            }
        }
    };
}

networks! {
    /// ResNet-19 with threshold-dependent batch norm (STBP-tdBN), for 32 x 32 images.
    Resnet19 = resnet19,
    /// SEW-ResNet-19, for 32 x 32 images.
    SewResnet19 = sew_resnet19,
    /// SEW-ResNet-18, for 224 x 224 images.
    SewResnet18 = sew_resnet18,
    /// SEW-ResNet-34.
    SewResnet34 = sew_resnet34,
    /// SEW-ResNet-50, with bottleneck blocks.
    SewResnet50 = sew_resnet50,
    /// VGG-SNN, for 48 x 48 event frames.
    VggSnn = vgg_snn,
    /// VGG-9, for 48 x 48 event frames.
    Vgg9 = vgg9,
    /// A bank of filters and one convolution more, for windows of a signal.
    Cnn1d = cnn1d,
    /// MRA-SNN: filters of several widths, attention, dendritic gates and residual blocks, for windows of a signal.
    MraSnn = mra_snn,
    /// PointNet for point clouds.
    Pointnet = pointnet,
    /// Spiking PointNet, with its two T-Nets, for point clouds.
    SpikingPointnet = spiking_pointnet,
}

mod sew;

impl Architecture {
    /// The architecture of that name.
    ///
    /// # Errors
    /// [`Error::Config`] listing the names.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or_else(|| Error::Config {
            field: "architecture".into(),
            why: format!("`{name}` is unknown; use {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

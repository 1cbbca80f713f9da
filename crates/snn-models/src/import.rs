//! Weights of other programs, by their names for ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::declare::Declare;
use crate::declared::Declared;
use crate::file::read_tensors;
use crate::{Architecture, Error, Model, ModelConfig, NeuronConfig, Result};

/// Whose names a file of weights has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// BrainCog's model zoo, whose trainer puts `learner.` before its names.
    BrainCog,
    /// SpikingJelly's SEW-ResNets.
    SpikingJelly,
    /// torchvision's ResNets, which have no spikes: a place to start from.
    Torchvision,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 3] = [Self::BrainCog, Self::SpikingJelly, Self::Torchvision];

    /// The name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::BrainCog => "braincog",
            Self::SpikingJelly => "spikingjelly",
            Self::Torchvision => "torchvision",
        }
    }

    /// The neurons that its networks have by default: BrainCog's `LIFNode`, SpikingJelly's `LIFNode`, and for torchvision,
    /// which has none, ours.
    pub fn neuron(self) -> NeuronConfig {
        match self {
            Self::BrainCog | Self::Torchvision => NeuronConfig::default(),
            Self::SpikingJelly => NeuronConfig {
                tau: 2.0,
                v_threshold: 1.0,
                surrogate: "sigmoid".into(),
                detach_reset: false,
                decay_input: true,
                strict: false,
                ..NeuronConfig::default()
            },
        }
    }
}

/// A file of weights whose names are understood.
#[derive(Debug)]
pub struct Foreign<'a> {
    origin: Origin,
    path: &'a Path,
    /// By our name: the file's name, and the tensor.
    tensors: BTreeMap<String, (String, TensorView<'a>)>,
    /// What the file holds besides weights: PyTorch's counters, the neurons' constants.
    pub passed_over: Vec<String>,
    /// The neurons' threshold, where the file says it.
    pub v_threshold: Option<f64>,
}

/// A network made of such a file.
#[derive(Debug)]
pub struct Imported {
    /// The network.
    pub model: Model,
    /// Whether the file had no classifier for so many classes, so that it has new weights, those of seed 0.
    pub has_new_classifier: bool,
}

impl<'a> Foreign<'a> {
    /// Understands the names of a safetensors file; `path` names it in errors.
    ///
    /// # Key map
    /// ```text
    /// all            module.NAME                  NAME
    ///                *.num_batches_tracked        passed over
    /// braincog       learner.NAME                 NAME
    ///                layerL.B.downsample.0.*      layerL.B.downsample.1.*   where the shortcut is a norm alone
    ///                feature.N.{conv,bn}.*        {conv,bn}.K.*             the K-th N in order: pools have numbers too
    ///                fc.1.*                       fc.*                      where there are features
    ///                *.threshold                  neuron.v_threshold        one for all layers
    ///                *.act_fun.alpha              passed over
    /// spikingjelly   NAME                         NAME                      torchvision's names
    /// torchvision    NAME                         NAME
    /// ```
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when `bytes` are no safetensors file, two names mean one tensor, or neurons have several
    /// thresholds.
    pub fn read(origin: Origin, bytes: &'a [u8], path: &'a Path) -> Result<Self> {
        let fault = |why: String| Error::Checkpoint { path: path.to_path_buf(), why };
        let (_, file): (_, SafeTensors<'a>) = read_tensors(bytes, path)?;
        let mut foreign = Self {
            origin,
            path,
            tensors: BTreeMap::new(),
            passed_over: Vec::new(),
            v_threshold: None,
        };
        let mut all: Vec<(String, TensorView<'a>)> = file.tensors();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let names: Vec<&str> = all.iter().map(|(name, _)| bare(origin, name)).collect();
        let features: BTreeSet<usize> = names.iter().filter_map(|name| feature(name)).collect();
        let features: Vec<usize> = features.into_iter().collect();
        for (theirs, view) in &all {
            let name = bare(origin, theirs);
            if name.ends_with(".num_batches_tracked") || name.ends_with(".act_fun.alpha") {
                foreign.passed_over.push(theirs.clone());
                continue;
            }
            if origin == Origin::BrainCog && name.ends_with(".threshold") {
                let threshold = scalar(view).map(f64::from);
                let first = *foreign.v_threshold.get_or_insert(threshold.unwrap_or(f64::NAN));
                if threshold != Some(first) {
                    return Err(fault(format!(
                        "`{theirs}` is {threshold:?}, another threshold than {first}; all neurons have one here"
                    )));
                }
                foreign.passed_over.push(theirs.clone());
                continue;
            }
            let ours = match origin {
                Origin::BrainCog => of_braincog(name, view, &features),
                Origin::SpikingJelly | Origin::Torchvision => name.into(),
            };
            if let Some((twin, _)) =
                foreign.tensors.insert(ours.clone(), (theirs.clone(), view.clone()))
            {
                return Err(fault(format!(
                    "`{twin}` and `{theirs}` both mean {ours}; leave one out"
                )));
            }
        }
        Ok(foreign)
    }

    /// The configuration that the file implies: channels, width and classes of its shapes, the origin's neurons. Other
    /// fields, such as `t_steps`, are the architecture's and may be changed.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the first convolution is missing or is another architecture's.
    pub fn config(&self, architecture: Architecture) -> Result<ModelConfig> {
        let fault = |why: String| Error::Checkpoint { path: self.path.to_path_buf(), why };
        let mut config = ModelConfig::of_source(architecture);
        let layout = Declare::read(&config)?.layout;
        let shape = |name: &str| self.tensors.get(name).map(|(_, view)| view.shape().to_vec());
        let first = layout.tensors.first().map(|first| (&first.name, first.shape.as_slice()));
        let Some((name, [channels, ..])) = first else { return Ok(config) };
        let first = shape(name).unwrap_or_default();
        let &[out, inputs, ..] = first.as_slice() else {
            let why = format!(
                "has no {name}, with which {} begins; name another --architecture or origin",
                architecture.name()
            );
            return Err(fault(why));
        };
        config.in_channels = inputs;
        config.width = out as f64 / *channels as f64;
        let classifier = shape(&format!("{}.weight", layout.classifier));
        config.num_classes =
            classifier.and_then(|s| s.first().copied()).unwrap_or(config.num_classes);
        config.neuron = self.origin.neuron();
        config.neuron.v_threshold = self.v_threshold.unwrap_or(config.neuron.v_threshold);
        Ok(config)
    }

    /// The network of `config` with the file's weights. A classifier that the file does not have for so many classes is
    /// new; everything else must be there, and nothing else.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] listing, by the file's names, what is missing, superfluous or of another shape; as
    /// [`Model::from_bytes`].
    pub fn model(&self, config: ModelConfig) -> Result<Imported> {
        let fault = |why: String| Error::Checkpoint { path: self.path.to_path_buf(), why };
        let layout = Declare::read(&config)?.layout;
        let classifier = format!("{}.", layout.classifier);
        let of_classifier = |name: &str| name.starts_with(&classifier);
        let fits = |want: &Declared| {
            self.tensors.get(&want.name).is_some_and(|(_, view)| view.shape() == want.shape)
        };
        let weight = layout.tensors.iter().find(|want| want.name == format!("{classifier}weight"));
        if let Some(want) = weight
            && let Some((theirs, view)) = self.tensors.get(&want.name)
            && view.shape().first() == want.shape.first()
            && view.shape() != want.shape
        {
            let why = format!(
                "{theirs} is {:?}, and an input of {} x {} needs {:?}; say the size that it was trained on \
                 (input.height, input.width)",
                view.shape(),
                config.input.height,
                config.input.width,
                want.shape
            );
            return Err(fault(why));
        }
        let own = layout.tensors.iter().filter(|want| of_classifier(&want.name));
        let has_new_classifier = !own.clone().all(fits);
        let body = layout.tensors.iter().filter(|want| !of_classifier(&want.name));
        let mut wrong = Vec::new();
        for want in body.clone().filter(|want| !fits(want)) {
            wrong.push(match self.tensors.get(&want.name) {
                None => format!("no {} {:?}", want.name, want.shape),
                Some((theirs, view)) => {
                    format!("{theirs} is {:?} in place of {:?}", view.shape(), want.shape)
                }
            });
        }
        let known: BTreeSet<&str> = layout.tensors.iter().map(|want| want.name.as_str()).collect();
        let extra = self.tensors.iter().filter(|(ours, _)| !known.contains(ours.as_str()));
        wrong.extend(extra.map(|(_, (theirs, _))| format!("{theirs} has no place")));
        if !wrong.is_empty() {
            let (n, name) = (wrong.len(), config.architecture.name());
            wrong.truncate(MOST_NAMED);
            let rest = if n > MOST_NAMED {
                format!("; and {} more", n - MOST_NAMED)
            } else {
                String::new()
            };
            return Err(fault(format!(
                "does not hold the weights of {name}: {}{rest}",
                wrong.join("; ")
            )));
        }
        let mut new = Vec::new();
        for want in own.filter(|_| has_new_classifier) {
            let bytes: Vec<u8> = want.values(0).iter().flat_map(|v| v.to_le_bytes()).collect();
            new.push((want.name.as_str(), want.shape.clone(), bytes));
        }
        let encode = |error: safetensors::SafeTensorError| fault(error.to_string());
        let mut views = Vec::new();
        for want in body.chain(layout.tensors.iter().filter(|want| of_classifier(&want.name))) {
            let made = new.iter().find(|(name, ..)| *name == want.name);
            let view = match (made, self.tensors.get(&want.name)) {
                (Some((_, shape, bytes)), _) => {
                    TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(encode)?
                }
                (None, Some((_, view))) => view.clone(),
                (None, None) => continue,
            };
            views.push((want.name.as_str(), view));
        }
        let bytes = safetensors::serialize(views, None).map_err(encode)?;
        let model = Model::from_bytes(config, &bytes, self.path)?;
        Ok(Imported { model, has_new_classifier })
    }
}

/// So many wrong tensors are named in an error.
const MOST_NAMED: usize = 8;

/// A name without what wrappers and trainers put before it.
fn bare(origin: Origin, name: &str) -> &str {
    let name = name.strip_prefix("module.").unwrap_or(name);
    match origin {
        Origin::BrainCog => name.strip_prefix("learner.").unwrap_or(name),
        Origin::SpikingJelly | Origin::Torchvision => name,
    }
}

/// N of `feature.N.conv.weight`.
fn feature(name: &str) -> Option<usize> {
    let (number, rest) = name.strip_prefix("feature.")?.split_once('.')?;
    if rest.starts_with("conv.") { number.parse().ok() } else { None }
}

fn of_braincog(name: &str, view: &TensorView<'_>, features: &[usize]) -> String {
    // A norm's tensors are vectors, a convolution's are not.
    let is_norm = view.shape().len() == 1;
    if let Some((block, part)) = name.split_once(".downsample.0.").filter(|_| is_norm) {
        return format!("{block}.downsample.1.{part}");
    }
    if features.is_empty() {
        return name.into();
    }
    if let Some(part) = name.strip_prefix("fc.1.") {
        return format!("fc.{part}");
    }
    let numbered = name.strip_prefix("feature.").and_then(|rest| rest.split_once('.'));
    let Some((number, (kind, part))) =
        numbered.and_then(|(n, rest)| Some((n, rest.split_once('.')?)))
    else {
        return name.into();
    };
    let place = number.parse().ok().and_then(|n: usize| features.iter().position(|&f| f == n));
    place.map_or_else(|| name.into(), |k| format!("{kind}.{k}.{part}"))
}

/// The number in a tensor of one f32.
fn scalar(view: &TensorView<'_>) -> Option<f32> {
    match (view.dtype(), view.data()) {
        (Dtype::F32, &[a, b, c, d]) => Some(f32::from_le_bytes([a, b, c, d])),
        _ => None,
    }
}

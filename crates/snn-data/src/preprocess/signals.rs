//! From a signal's file to its windows.

use std::path::Path;

use super::ranges::{moments, sides};
use crate::format::{csv, mat, npz};
use crate::{Error, Limits, Result};

/// What is done with a signal: cut into windows, each of them normalized.
///
/// The file is a `.npz` or a `.mat`, of which `signal` names the array, or a text with one number a line, `.csv` or `.txt`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Signals {
    /// Samples of a window, L.
    pub window: usize,
    /// Samples a second. A `.mat` file that says another rate in the field `sr` beside the signal is brought to about this
    /// one by the mean of every two, three, ... samples; the rate of other files is not known and not changed.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub rate: Option<f64>,
    /// The array in an archive or the variable in a `.mat` file, such as `DE`, or a field of it, such as `bearing.gs`, beside
    /// which `bearing.sr` has to say the rate where `rate` is asked for; the only one when absent. `DE` is also
    /// `X097_DE_time`, as CWRU calls it; of several such in a file, that with the file's number.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub signal: Option<String>,
    /// The mean that is subtracted; none when each window is normalized by its own mean and deviation.
    pub mean: Vec<f32>,
    /// The standard deviation that is divided by; none when `mean` is.
    pub std: Vec<f32>,
}

impl Signals {
    pub(super) fn check(&self) -> Result<()> {
        sides(&[("window", self.window)])?;
        if self.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
            return Err(Error::config("rate", "is not a number above 0; leave it out"));
        }
        moments(usize::from(!self.mean.is_empty()), &self.mean, &self.std)
    }

    /// The whole signal of a file.
    pub(crate) fn decode(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<f32>> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match extension.as_str() {
            "csv" | "txt" => csv(bytes, path),
            "npz" => {
                let arrays = npz(bytes, limits, path)?;
                let is_asked =
                    |name: &str| self.signal.as_deref().is_none_or(|asked| asked == name);
                let mut found = arrays.into_iter().filter(|(name, _)| is_asked(name));
                let (Some((_, values)), None) = (found.next(), found.next()) else {
                    return Err(self.lacks(path));
                };
                Ok(values.iter().map(|&x| x as f32).collect())
            }
            "mat" => self.variable(bytes, limits, path),
            _ => {
                let what = format!("{}: a signal", path.display());
                let remedy = "give a .csv, .txt, .npz or .mat file".into();
                Err(Error::Unreadable { what, remedy })
            }
        }
    }

    /// The signal of a `.mat` file, at about `rate`.
    fn variable(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<f32>> {
        let variables = mat(bytes, limits, path)?;
        let asked = self.signal.as_deref().unwrap_or("");
        let (name, field) = asked.split_once('.').unwrap_or((asked, ""));
        let chosen = |is: &dyn Fn(&str) -> bool| {
            let mut found = variables.iter().filter(|(found, _)| is(found));
            found.next().filter(|_| found.next().is_none())
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let own = format!("X{stem:0>3}_{name}_time");
        let found = match self.signal {
            None => chosen(&|_| true),
            Some(_) => chosen(&|found| found == name)
                .or_else(|| chosen(&|found| found == own))
                .or_else(|| chosen(&|found| is_numbered(found, name))),
        };
        let Some((_, variable)) = found else { return Err(self.lacks(path)) };
        let numbers = |field: &str| match field {
            "" => variable.numbers(),
            field => variable.field(field)?.first()?.numbers(),
        };
        let signal = numbers(field).ok_or_else(|| self.lacks(path))?;
        let stored = numbers("sr").and_then(|rate| rate.first()).copied();
        if stored.is_none() && self.rate.is_some() && !field.is_empty() {
            let remedy = format!(
                "it is the sampling rate of {asked}, without which no time is known: write it there"
            );
            return Err(Error::Missing { path: path.into(), what: format!("{name}.sr"), remedy });
        }
        // A cast saturates: an absurd rate leaves no sample, which is refused as too short.
        let step =
            stored.zip(self.rate).map_or(1, |(stored, rate)| (stored / rate).round() as usize);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        Ok(signal.chunks_exact(step.max(1)).map(|part| mean(part) as f32).collect())
    }

    fn lacks(&self, path: &Path) -> Error {
        let what = self.signal.clone().unwrap_or_else(|| "one single array".into());
        let remedy = "name the array that is the signal, or fetch or save the file again".into();
        Error::Missing { path: path.into(), what, remedy }
    }

    /// Normalizes one window in place.
    pub(crate) fn normalize(&self, window: &mut [f32]) {
        if let (Some(mean), Some(std)) = (self.mean.first(), self.std.first()) {
            let (scale, offset) = (1.0 / std, mean / std);
            window.iter_mut().for_each(|x| *x = *x * scale - offset);
            return;
        }
        let (mean, std) = moments_of(window);
        window.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / std) as f32);
    }

    pub(super) fn read(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<Vec<f32>>> {
        let signal = self.decode(bytes, limits, path)?;
        if signal.len() < self.window {
            let (n, window) = (signal.len(), self.window);
            let why = format!("{} has {n} samples, less than a window of {window}", path.display());
            return Err(Error::config("window", why));
        }
        let windows = signal.chunks_exact(self.window).map(<[f32]>::to_vec);
        Ok(windows
            .map(|mut window| {
                self.normalize(&mut window);
                window
            })
            .collect())
    }
}

/// Whether a variable is `X<number>_<name>_time`.
fn is_numbered(variable: &str, name: &str) -> bool {
    let number = variable.strip_prefix('X').and_then(|rest| rest.strip_suffix("_time"));
    let number = number.and_then(|rest| rest.strip_suffix(name)).and_then(|n| n.strip_suffix('_'));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Mean and standard deviation, which is 1 for values that are all one.
pub(crate) fn moments_of(values: &[f32]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let std = variance.sqrt();
    (mean, if std as f32 > 0.0 { std } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(window: usize) -> Signals {
        Signals { window, rate: None, signal: None, mean: Vec::new(), std: Vec::new() }
    }

    #[test]
    fn windows_have_mean_0_and_deviation_1() {
        let limits = Limits::default();
        let windows = own(4).read(b"1\n2\n3\n4\n7\n7\n7\n7\n9\n", &limits, Path::new("a.csv"));
        let windows = windows.unwrap();
        let far = 1.5f64 / 1.25f64.sqrt();
        assert_eq!(windows[0], [-far, -far / 3.0, far / 3.0, far].map(|x| x as f32));
        assert_eq!(windows[1], [0.0; 4]);
        assert_eq!(windows.len(), 2);
        let error = own(10).read(b"1\n2\n", &limits, Path::new("a.csv")).unwrap_err().to_string();
        assert!(error.contains("a.csv has 2 samples"), "{error}");
        assert!(own(2).read(b"", &limits, Path::new("a.wav")).is_err());
    }
}

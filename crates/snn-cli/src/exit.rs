//! Exit codes: an API for scripts.

use std::path::Path;

/// Usage or recipe.
pub(crate) const USAGE: u8 = 1;
/// Data or checkpoint unusable, or a golden file past its tolerance.
pub(crate) const UNUSABLE: u8 = 2;
/// A result, a checkpoint or a download could not be written.
pub(crate) const STORAGE: u8 = 5;

/// An input file that cannot be used, and why.
#[derive(Debug)]
struct Unusable(String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// The error of an input file that cannot be used: its name and the cause.
pub(crate) fn unusable(path: &Path, why: impl std::fmt::Display) -> anyhow::Error {
    Unusable(format!("{}: {why}", path.display())).into()
}

/// The error of a file that another crate of ours cannot use, which it names.
pub(crate) fn unusable_error(error: &impl std::error::Error) -> anyhow::Error {
    Unusable(error.to_string()).into()
}

/// The error and its causes in a line. What only the author of a program can do is left out.
pub(crate) fn words(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let begin = ", or raise `Limits::";
    let end = "` in your own program if it is trusted";
    match text.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)))
    {
        Some((before, after)) => format!("{before}{after}"),
        None => text,
    }
}

/// Which flags a command has for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flags {
    /// Those of `snn data`: `--format`, `--sensor`, `--drop-outside`.
    Files,
    /// `--set data.KEY`, where config.json says how files are prepared.
    Set,
    /// None: the data set says how its files are read.
    DataSet,
}

/// The flag that mends an error of the data crate. That crate knows no flags, so its messages name none.
pub(crate) fn flag(error: &anyhow::Error, flags: Flags) -> &'static str {
    use snn_data::{Error, FormatFault};
    let Some(error) = of_data(error) else { return "" };
    if matches!(error, Error::Missing { .. } | Error::Mismatch { .. }) {
        return "; --data DIR names the folder";
    }
    let Error::Format { fault, .. } = error else { return "" };
    match (fault, flags) {
        (FormatFault::Unknown { .. }, Flags::Files) => "; --format NAME names it",
        (FormatFault::Unknown { .. }, Flags::Set) => "; --set data.format=NAME names it",
        (FormatFault::OverflowMarker { .. }, Flags::Files) => "; --format atis-overflow",
        (FormatFault::OverflowMarker { .. }, Flags::Set) => "; --set data.format=atis-overflow",
        (FormatFault::OutOfSensor { .. }, Flags::Files) => "; --sensor WxH, --drop-outside",
        (FormatFault::OutOfSensor { .. }, Flags::Set) => "; --set data.sensor=[W,H]",
        _ => "",
    }
}

/// Says what went wrong, and which flag mends it.
pub(crate) fn complain(error: &anyhow::Error, flags: Flags) {
    crate::output::complain(&format!("{}{}", words(error), flag(error, flags)));
}

/// The error of the data crate in the chain, where there is one.
pub(crate) fn of_data(error: &anyhow::Error) -> Option<&snn_data::Error> {
    error.chain().find_map(|cause| {
        cause.downcast_ref().or_else(|| match cause.downcast_ref() {
            Some(snn_train::Error::Data(error)) => Some(error),
            _ => None,
        })
    })
}

/// The code of an error: that of the outermost error in its chain which has one.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    let ours = |cause: &(dyn std::error::Error + 'static)| match cause.is::<Unusable>() {
        true => Some(UNUSABLE),
        false => snn_train::exit_code(cause).or_else(|| of_hub(cause)),
    };
    error.chain().find_map(ours).unwrap_or(USAGE)
}

#[cfg(feature = "hub")]
fn of_hub(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    use snn_hub::Error;
    cause.downcast_ref().map(|error| match error {
        Error::Setting { .. } => USAGE,
        Error::Io { .. } => STORAGE,
        Error::Checkpoint { .. } | Error::Hub { .. } => UNUSABLE,
    })
}

#[cfg(not(feature = "hub"))]
fn of_hub(_cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    None
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_limit_is_answered_by_what_a_person_can_do() {
        let path = "f".into();
        let error = snn_data::Error::Limit { path, what: "side", got: 9, limit: 8 };
        assert_eq!(words(&error.into()), "f: side is 9, the limit is 8; use a smaller file");
        assert_eq!(words(&anyhow::anyhow!("b").context("a")), "a: b");
    }
}

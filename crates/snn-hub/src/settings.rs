//! Where, as whom and how patiently: the variables that Python's client obeys.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::token::Token;
use crate::{Error, Result};

/// The Hub, where no other is named.
const HUB: &str = "https://huggingface.co";
/// A larger file holds no token.
const TOKEN_BYTES: u64 = 1 << 14;

/// How the Hub is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) token: Option<Token>,
    /// The folder of `models--USER--NAME`.
    pub(crate) cache: PathBuf,
    pub(crate) offline: bool,
    /// How long is waited.
    pub patience: Patience,
}

/// How long is waited for a server.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For each connection, and for each read and write on it.
    pub silence: Duration,
    /// Before a request is made again, the first time; then twice as long.
    pub pause: Duration,
    /// The longest pause that a server may ask for.
    pub longest: Duration,
}

impl Default for Patience {
    /// Half a minute of silence, a pause of a second, at most a minute.
    fn default() -> Self {
        let [silence, pause, longest] = [30, 1, 60].map(Duration::from_secs);
        Self { silence, pause, longest }
    }
}

impl Settings {
    /// The settings of an environment, such as `|name| std::env::var(name).ok()`.
    ///
    /// `HF_ENDPOINT`; `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else `HF_HOME/token`; `HF_HUB_CACHE`, else
    /// `HF_HOME/hub`; `HF_HUB_OFFLINE`; `HF_HOME` is `XDG_CACHE_HOME/huggingface` or `~/.cache/huggingface`. An empty
    /// variable is none.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the variable or the token's file that cannot be used.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let home_dir = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let path = |name: &str| {
            let text = variable(name)?;
            let below_home = text.strip_prefix("~/").zip(home_dir.as_ref());
            Some(below_home.map_or_else(|| PathBuf::from(&text), |(rest, home)| home.join(rest)))
        };
        let caches = || path("XDG_CACHE_HOME").or_else(|| Some(home_dir.as_ref()?.join(".cache")));
        let home = path("HF_HOME").or_else(|| Some(caches()?.join("huggingface")));
        let cache = path("HF_HUB_CACHE").or_else(|| Some(home.as_ref()?.join("hub")));
        let cache = cache.ok_or_else(|| {
            Error::setting("HF_HOME", "is not set, and there is no HOME; set either")
        })?;
        let token = match variable("HF_TOKEN") {
            Some(text) => Token::read("HF_TOKEN", &text)?,
            None => match path("HF_TOKEN_PATH") {
                Some(file) => token_in(&file)?,
                None => match home.map(|home| home.join("token")).filter(|file| file.exists()) {
                    Some(file) => token_in(&file)?,
                    None => None,
                },
            },
        };
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| HUB.into());
        let offline = variable("HF_HUB_OFFLINE").is_some_and(|value| {
            ["1", "on", "yes", "true"].contains(&value.trim().to_ascii_lowercase().as_str())
        });
        let endpoint = Endpoint::read("HF_ENDPOINT", &endpoint)?;
        Ok(Self { endpoint, token, cache, offline, patience: Patience::default() })
    }
}

fn token_in(file: &Path) -> Result<Option<Token>> {
    let name = file.display().to_string();
    let fault = |error: std::io::Error| Error::setting(&name, format!("the token's file: {error}"));
    let about = fs::metadata(file).map_err(fault)?;
    if !about.is_file() || about.len() > TOKEN_BYTES {
        return Err(Error::setting(&name, "is no file with a token in it"));
    }
    Token::read(&name, &fs::read_to_string(file).map_err(fault)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Settings> {
        Settings::from_env(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_mean_what_they_mean_to_python() {
        let plain = of(&[("HOME", "/h")]).unwrap();
        assert_eq!(plain.cache, Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(plain.endpoint.url(""), HUB);
        assert!(plain.token.is_none() && !plain.offline);
        assert_eq!(of(&[("XDG_CACHE_HOME", "/x")]).unwrap().cache, Path::new("/x/huggingface/hub"));
        let home = of(&[("HOME", "/h"), ("HF_HOME", "~/hf"), ("HF_HUB_OFFLINE", "True")]).unwrap();
        assert_eq!((home.cache.as_path(), home.offline), (Path::new("/h/hf/hub"), true));
        let cache =
            of(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/c"), ("HF_HUB_OFFLINE", "0")]).unwrap();
        assert_eq!((cache.cache.as_path(), cache.offline), (Path::new("/c"), false));
        assert!(of(&[]).unwrap_err().to_string().starts_with("HF_HOME: "));
        let error = of(&[("HOME", "/h"), ("HF_ENDPOINT", "http://hub.example")]).unwrap_err();
        assert!(error.to_string().starts_with("HF_ENDPOINT: "), "{error}");
    }

    #[test]
    fn token_is_the_variable_then_its_file_then_the_one_at_home() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), text.as_bytes())
                .unwrap();
            path.display().to_string()
        };
        let (home, file) = (dir.path().display().to_string(), write("other", "from_file\n"));
        write("token", "from_home\n");
        let header = |variables: &[(&str, &str)]| of(variables).unwrap().token.unwrap().header();
        let all =
            [("HF_HOME", home.as_str()), ("HF_TOKEN_PATH", &file), ("HF_TOKEN", "from_variable")];
        assert_eq!(header(&all), "Bearer from_variable");
        assert_eq!(header(&all[..2]), "Bearer from_file");
        assert_eq!(header(&all[..1]), "Bearer from_home");
        let missing = format!("{home}/missing");
        let error = of(&[all[0], ("HF_TOKEN_PATH", &missing)]).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
    }
}

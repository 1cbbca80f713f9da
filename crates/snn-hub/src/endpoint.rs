//! Where the Hub is, and which other addresses may be asked on its word.

use ureq::http::Uri;

use crate::{Error, Result};

/// The endpoint: `https`, or `http` on this machine, for tests and mirrors.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    base: String,
    origin: Origin,
}

/// Scheme, host and port: the token goes to one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    /// The endpoint of an address such as `https://huggingface.co`; `name` says where it is from.
    pub(crate) fn read(name: &str, text: &str) -> Result<Self> {
        let base = text.trim().trim_end_matches('/');
        let origin = Origin::of(base).filter(|origin| origin.is_https || origin.is_here());
        let origin = origin.filter(|_| !base.contains(['?', '#'])).ok_or_else(|| {
            Error::setting(
                name,
                "is no https address of a Hub; use one such as https://huggingface.co",
            )
        })?;
        Ok(Self { base: base.into(), origin })
    }

    /// The address of a path, which begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether an address is on this very server, which may be told the token.
    pub(crate) fn owns(&self, url: &str) -> bool {
        Origin::of(url).is_some_and(|origin| origin == self.origin)
    }

    /// Whether an address that the Hub named may be asked at all: over https, or on this machine where the Hub is
    /// there too.
    pub(crate) fn may_name(&self, url: &str) -> bool {
        Origin::of(url).is_some_and(|to| to.is_https || (!self.origin.is_https && to.is_here()))
    }

    /// Whether the Hub is on this machine, to which no proxy leads.
    pub(crate) fn is_here(&self) -> bool {
        self.origin.is_here()
    }
}

impl Origin {
    /// The origin of an address without a user or a password in it.
    fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Some(Self { is_https, host: authority.host().to_ascii_lowercase(), port })
    }

    fn is_here(&self) -> bool {
        ["localhost", "127.0.0.1", "[::1]"].contains(&self.host.as_str())
    }
}

/// The address that a `Location` means at an address: a whole one, or a path on the same server.
pub(crate) fn redirected(from: &str, location: &str) -> Option<String> {
    if location.starts_with('/') && !location.starts_with("//") {
        let uri: Uri = from.parse().ok()?;
        return Some(format!("{}://{}{location}", uri.scheme_str()?, uri.authority()?));
    }
    Origin::of(location).map(|_| location.to_owned())
}

/// An address without its query, which may be signed and then is a secret.
pub(crate) fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_https_or_here() {
        for good in [
            "https://huggingface.co",
            "http://127.0.0.1:8000/",
            "http://localhost",
            "https://mirror.example/hf",
        ] {
            assert!(Endpoint::read("HF_ENDPOINT", good).is_ok(), "{good}");
        }
        for bad in [
            "http://huggingface.co",
            "huggingface.co",
            "ftp://x",
            "https://me:secret@x",
            "https://x?a=b",
            "",
        ] {
            let error = Endpoint::read("HF_ENDPOINT", bad).unwrap_err().to_string();
            assert!(error.starts_with("HF_ENDPOINT: is no https address"), "{error}");
        }
    }

    #[test]
    fn token_goes_to_one_scheme_host_and_port() {
        let hub = Endpoint::read("x", "https://hub.example/").unwrap();
        assert_eq!(hub.url("/a"), "https://hub.example/a");
        assert!(hub.owns("https://HUB.example:443/b") && hub.may_name("https://cdn.example/b"));
        for other in [
            "http://hub.example/",
            "https://hub.example:8443/",
            "https://hub.example.evil/",
            "https://hub.example@evil/",
            "/a",
        ] {
            assert!(!hub.owns(other), "{other}");
        }
        assert!(!hub.may_name("http://127.0.0.1/") && !hub.may_name("http://cdn.example/"));
        let here = Endpoint::read("x", "http://127.0.0.1:1").unwrap();
        assert!(!here.owns("http://localhost:1/") && here.may_name("http://localhost:1/"));
        assert!(!here.may_name("http://cdn.example/"));
    }

    #[test]
    fn redirects_are_whole_addresses_or_paths() {
        let to = |location| redirected("https://hub.example/a?b", location);
        assert_eq!(to("/c?d").as_deref(), Some("https://hub.example/c?d"));
        assert_eq!(to("https://cdn.example/e").as_deref(), Some("https://cdn.example/e"));
        assert_eq!((to("//cdn.example/e"), to("f"), to("file:///etc/x")), (None, None, None));
        assert_eq!(shown("https://cdn.example/e?signature=s"), "https://cdn.example/e");
    }
}

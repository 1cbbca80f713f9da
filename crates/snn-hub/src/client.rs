//! Requests to the Hub: who is told the token, what is asked again, how much of an answer is read.
//!
//! The token goes to the endpoint's scheme, host and port and nowhere else. Redirects are not followed here.

use std::fs::File;
use std::io::{Read, Seek};
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{Method, Request as HttpRequest, Response, header};
use ureq::{Agent, Body};

use crate::answer::refusal;
use crate::endpoint::shown;
use crate::{Error, Result, Settings, tls};

/// How often a request is made whose answers fail.
pub(crate) const TRIES: u32 = 3;
/// The most of an answer that is no file.
const ANSWER_BYTES: u64 = 1 << 20;
/// A whole exchange, however steadily it drips.
const EXCHANGE: Duration = Duration::from_secs(2 * 3600);

/// What is sent with a request.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    Nothing,
    /// Of a type.
    Bytes(&'static str, &'a [u8]),
    /// A file from its beginning.
    File(&'a File),
}

/// A request to be made.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a str,
    pub(crate) content: Content<'a>,
    /// The first byte of a file that is wanted.
    pub(crate) from: u64,
}

impl<'a> Request<'a> {
    pub(crate) fn get(url: &'a str) -> Self {
        Self { method: &Method::GET, url, content: Content::Nothing, from: 0 }
    }

    pub(crate) fn post(url: &'a str, kind: &'static str, body: &'a [u8]) -> Self {
        Self { method: &Method::POST, url, content: Content::Bytes(kind, body), from: 0 }
    }

    pub(crate) fn put(url: &'a str, file: &'a File) -> Self {
        Self { method: &Method::PUT, url, content: Content::File(file), from: 0 }
    }

    /// What an error names.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, shown(self.url))
    }
}

/// Asks one Hub as one person.
pub(crate) struct Client<'a> {
    agent: Agent,
    pub(crate) settings: &'a Settings,
}

impl<'a> Client<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Result<Self> {
        let silence = Some(settings.patience.silence);
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(silence)
            .timeout_per_read(silence)
            .timeout_per_write(silence)
            .timeout_per_call(Some(EXCHANGE))
            .tls_config(tls::config()?)
            .user_agent(concat!("snn-hub/", env!("CARGO_PKG_VERSION")));
        if settings.endpoint.is_here() {
            config = config.proxy(None);
        }
        Ok(Self { agent: config.build().into(), settings })
    }

    /// The address of a path of the Hub.
    pub(crate) fn url(&self, path: &str) -> String {
        self.settings.endpoint.url(path)
    }

    /// Whether an address that the Hub named may be asked: one that holds the token would carry it elsewhere.
    pub(crate) fn may_name(&self, url: &str) -> bool {
        self.settings.endpoint.may_name(url) && self.hide(url) == url
    }

    /// The JSON that answers a request, which is made again where a failure may pass.
    pub(crate) fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let mut answer = self.answer(request)?;
        if !answer.status().is_success() {
            return Err(self.refused(request, &mut answer));
        }
        self.read_json(request, &mut answer)
    }

    /// Makes a request whose answer says nothing but that it was done.
    pub(crate) fn done(&self, request: &Request) -> Result<()> {
        let mut answer = self.answer(request)?;
        if answer.status().is_success() { Ok(()) } else { Err(self.refused(request, &mut answer)) }
    }

    /// The JSON of an answer.
    pub(crate) fn read_json<T: DeserializeOwned>(
        &self,
        request: &Request,
        answer: &mut Response<Body>,
    ) -> Result<T> {
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
        let text = text.map_err(|error| self.unreachable(request, &error))?;
        serde_json::from_slice(&text).map_err(|error| {
            let why =
                format!("answered what this program cannot read ({error}); check HF_ENDPOINT");
            Error::hub(request.shown(), self.hide(&why))
        })
    }

    /// The answer to a request, the last one where failures do not pass.
    pub(crate) fn answer(&self, request: &Request) -> Result<Response<Body>> {
        let patience = self.settings.patience;
        let mut pause = patience.pause;
        for left in (0..TRIES).rev() {
            let asked = match self.once(request) {
                Ok(answer) if left == 0 || !may_pass(answer.status().as_u16()) => {
                    return Ok(answer);
                }
                Ok(answer) => match retry_after(&answer) {
                    Some(seconds) if Duration::from_secs(seconds) > patience.longest => {
                        return Ok(answer);
                    }
                    seconds => seconds.map(Duration::from_secs),
                },
                Err(error) if left == 0 || !is_of_network(&error) => {
                    return Err(self.unreachable(request, &error));
                }
                Err(_) => None,
            };
            std::thread::sleep(asked.unwrap_or(pause).min(patience.longest));
            pause *= 2;
        }
        Err(Error::hub(request.shown(), "was not made"))
    }

    /// Makes a request once.
    pub(crate) fn once(&self, request: &Request) -> Result<Response<Body>, ureq::Error> {
        let mut http = HttpRequest::builder().method(request.method).uri(request.url);
        http = http.header(header::ACCEPT_ENCODING, "identity");
        if self.settings.endpoint.owns(request.url)
            && let Some(token) = &self.settings.token
        {
            http = http.header(header::AUTHORIZATION, token.header());
        }
        if request.from > 0 {
            http = http.header(header::RANGE, format!("bytes={}-", request.from));
        }
        match request.content {
            Content::Nothing => self.agent.run(http.body(())?),
            Content::Bytes(kind, bytes) => {
                let http = http.header(header::CONTENT_TYPE, kind).header(header::ACCEPT, kind);
                self.agent.run(http.body(bytes)?)
            }
            Content::File(mut file) => {
                file.rewind()?;
                self.agent.run(http.body(file)?)
            }
        }
    }

    /// The error of an answer that is a refusal.
    pub(crate) fn refused(&self, request: &Request, answer: &mut Response<Body>) -> Error {
        let code = answer.headers().get("x-error-code").and_then(|code| code.to_str().ok());
        let (code, wait) = (code.unwrap_or_default().to_owned(), retry_after(answer));
        let mut body = String::new();
        // What a refusal says is a help where it can be read.
        let _ = answer.body_mut().as_reader().take(ANSWER_BYTES).read_to_string(&mut body);
        let why = refusal(answer.status().as_u16(), &code, &body, wait);
        Error::hub(request.shown(), self.hide(&why))
    }

    /// The error of a request that was not answered.
    pub(crate) fn unreachable(&self, request: &Request, error: &ureq::Error) -> Error {
        let seconds = self.settings.patience.silence.as_secs_f32();
        let why = match error {
            ureq::Error::Timeout(_) => {
                format!("no answer within {seconds} seconds; try again later")
            }
            ureq::Error::BodyExceedsLimit(most) => {
                format!("answered more than {most} bytes; check HF_ENDPOINT")
            }
            error => format!("{error}; check the network and HF_ENDPOINT"),
        };
        Error::hub(request.shown(), self.hide(&why))
    }

    /// Words that may be a server's, without the token.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.settings.token.as_ref().map_or_else(|| text.to_owned(), |token| token.hide(text))
    }
}

/// Whether the same request may be answered otherwise a little later.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

fn is_of_network(error: &ureq::Error) -> bool {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
    matches!(error, ConnectionFailed | HostNotFound | Io(_) | Protocol(_) | Timeout(_))
}

fn retry_after(answer: &Response<Body>) -> Option<u64> {
    answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

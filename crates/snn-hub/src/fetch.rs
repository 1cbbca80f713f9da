//! Files of a known length and hash, wherever the Hub says that they are: redirects are followed by hand, so that another
//! host is not told the token.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use ureq::Body;
use ureq::http::{Response, header};

use crate::client::{Client, Request, TRIES};
use crate::endpoint::{redirected, shown};
use crate::hash::Oid;
use crate::{Error, Result};

/// How many redirects lead to a file.
const HOPS: usize = 5;
/// Bytes of a file read at once.
const BLOCK: usize = 1 << 16;

impl Client<'_> {
    /// Fetches a file of known length and content from a path of the Hub, wherever that leads; `name` is its name in
    /// errors. A connection that breaks is gone on with.
    pub(crate) fn fetch(
        &self,
        path: &str,
        name: &str,
        oid: &Oid,
        bytes: u64,
        to: &mut File,
    ) -> Result<()> {
        let url = self.url(path);
        let local = |error| Error::io(Path::new(name))(error);
        let mut pause = self.settings.patience.pause;
        for left in (0..TRIES).rev() {
            let have = to.seek(SeekFrom::End(0)).map_err(local)?;
            let (at, mut answer) = self.followed(&url, have)?;
            match answer.status().as_u16() {
                200 => to.set_len(0).and_then(|()| to.rewind()).map_err(local)?,
                206 if starts_at(&answer, have) => {}
                _ => return Err(self.refused(&Request::get(&at), &mut answer)),
            }
            match copy(answer.body_mut(), to, bytes) {
                Copied::All => break,
                Copied::TooMuch => {
                    let at = shown(&at);
                    let why = format!("{at} sent more than the {bytes} bytes that were announced");
                    return Err(Error::hub(name, why));
                }
                Copied::Unwritten(error) => return Err(local(error)),
                Copied::Cut(cause) if left == 0 => {
                    let have = to.metadata().map_err(local)?.len();
                    let at = shown(&at);
                    let why = format!(
                        "{at} broke off after {have} of {bytes} bytes ({cause}); try again"
                    );
                    return Err(Error::hub(name, self.hide(&why)));
                }
                Copied::Cut(_) => std::thread::sleep(pause),
            }
            pause *= 2;
        }
        to.rewind().map_err(local)?;
        let is = oid.of(bytes).read(to).map_err(local)?;
        if is != oid.hex() {
            let why = format!(
                "has hash {is} where the Hub says {}; try again, or trust it not",
                oid.hex()
            );
            return Err(Error::hub(name, why));
        }
        Ok(())
    }

    /// The answer at the end of the redirects from one of the Hub's own addresses, and its address.
    fn followed(&self, url: &str, from: u64) -> Result<(String, Response<Body>)> {
        let mut url = url.to_owned();
        for _ in 0..=HOPS {
            let request = Request { from, ..Request::get(&url) };
            let answer = self.answer(&request)?;
            if !answer.status().is_redirection() {
                return Ok((url, answer));
            }
            let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            let next = location.and_then(|to| redirected(&url, to));
            url = next.filter(|next| self.may_name(next)).ok_or_else(|| {
                Error::hub(request.shown(), "redirects to no https address; check HF_ENDPOINT")
            })?;
        }
        Err(Error::hub(format!("GET {}", shown(&url)), format!("redirects more than {HOPS} times")))
    }
}

/// How the bytes of a file came.
enum Copied {
    All,
    TooMuch,
    Cut(String),
    Unwritten(std::io::Error),
}

/// Appends an answer's bytes to a file until it has `bytes` of them.
fn copy(body: &mut Body, to: &mut File, bytes: u64) -> Copied {
    let mut have = match to.stream_position() {
        Ok(have) => have,
        Err(error) => return Copied::Unwritten(error),
    };
    let mut from = body.as_reader();
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block) {
            Ok(0) if have == bytes => return Copied::All,
            Ok(0) => return Copied::Cut("it ended".into()),
            Ok(n) if have + n as u64 > bytes => return Copied::TooMuch,
            Ok(n) => {
                if let Err(error) = to.write_all(&block[..n]) {
                    return Copied::Unwritten(error);
                }
                have += n as u64;
            }
            // Its hash will tell.
            Err(_) if have == bytes => return Copied::All,
            Err(error) => return Copied::Cut(error.to_string()),
        }
    }
}

/// Whether a part of a file begins where it was asked to.
fn starts_at(answer: &Response<Body>, from: u64) -> bool {
    let range = answer.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

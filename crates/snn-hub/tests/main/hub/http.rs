//! One request and one answer of HTTP/1.1, and no more of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without its query.
    pub(crate) path: String,
    /// Everything before the body.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut from = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut words = head.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path =
            words.next().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
        let mut request = Self { method, path, head, body: Vec::new() };
        if request.header("expect").is_some() {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if request.header("transfer-encoding").is_some() {
            loop {
                let mut size = String::new();
                from.read_line(&mut size)?;
                let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
                (&mut from).take(size).read_to_end(&mut request.body)?;
                from.read_line(&mut String::new())?;
                if size == 0 {
                    return Ok(request);
                }
            }
        }
        let length = request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        from.take(length).read_to_end(&mut request.body)?;
        Ok(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }
}

/// An answer to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type", "application/json".into())];
        Self { status, headers, body: value.to_string().into_bytes() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it, of the body only the first `most` bytes.
    pub(crate) fn send(
        &self,
        request: &Request,
        most: usize,
        mut to: &TcpStream,
    ) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        to.write_all(head.as_bytes())?;
        if request.method != "HEAD" {
            to.write_all(&self.body[..self.body.len().min(most)])?;
        }
        to.flush()
    }
}

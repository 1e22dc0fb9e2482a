//! A request of a client.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read},
    net::TcpStream,
};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// So much of a body is kept; of a longer one only its length and its hash.
const MOST_KEPT: u64 = 4 << 20;

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method and path without its query, or the name of a GraphQL operation.
    pub route: String,
    /// The path with its query.
    pub target: String,
    /// All headers in their order, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body; empty if it is longer than 4 MiB.
    pub body: Vec<u8>,
    /// The length.
    pub body_len: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub body_sha256: String,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn read(connection: &TcpStream) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(64 << 10, connection);
        let mut line = String::new();
        input.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let by_name: HashMap<&str, &str> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let len = by_name.get("content-length").and_then(|len| len.parse().ok());
        let mut hash = Sha256::new();
        let (mut body, mut body_len) = (Vec::new(), 0_u64);
        let mut rest = input.take(len.unwrap_or(0));
        loop {
            let chunk = rest.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            hash.update(chunk);
            body.extend_from_slice(if body_len < MOST_KEPT { chunk } else { &[] });
            let len = chunk.len();
            body_len += u64::try_from(len).map_err(io::Error::other)?;
            rest.consume(len);
        }
        if len.is_some_and(|len| len != body_len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if body_len > MOST_KEPT {
            body = Vec::new();
        }
        let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = target.split('?').next().unwrap_or_default();
        let route = operation(&body).unwrap_or_else(|| format!("{method} {path}"));
        Ok(Self { route, target, headers, body, body_len, body_sha256: hex.concat() })
    }
}

/// The name of a GraphQL operation: the second word of the query.
fn operation(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let query = body.get("query")?.as_str()?;
    let (_, rest) = query.trim_start().split_once(' ')?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    rest.get(..end).map(str::to_owned)
}

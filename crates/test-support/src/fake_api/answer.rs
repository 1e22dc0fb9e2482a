//! Answers of the fake service: good, bad, late, or none at all.

use std::{
    io::{self, Write},
    net::TcpStream,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};

/// An answer to one request.
#[derive(Debug, Clone)]
pub struct Answer {
    head: String,
    body: Vec<u8>,
    /// The number of bytes of the body that are sent before the connection breaks.
    breaks_after: Option<usize>,
    /// Holds the answer back: all of it, or all but the first half of the body.
    gate: Option<(Gate, Held)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Everything,
    SecondHalf,
    /// All but a byte from time to time.
    Bytes(Duration),
}

/// Holds answers back until it is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A closed one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everything through, for ever.
    pub fn open(&self) {
        let (is_open, opened) = &*self.0;
        *is_open.lock().unwrap() = true;
        opened.notify_all();
    }

    /// Waits for so long at most, and returns whether it is open.
    fn wait_for(&self, time: Duration) -> bool {
        let (is_open, opened) = &*self.0;
        let closed = |is_open: &mut bool| !*is_open;
        *opened.wait_timeout_while(is_open.lock().unwrap(), time, closed).unwrap().0
    }

    fn wait(&self) {
        let (is_open, opened) = &*self.0;
        drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

impl Answer {
    /// A status and a text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::with_body(status, text.as_bytes().to_vec())
    }

    /// Success, and a JSON text.
    pub fn json(text: &str) -> Self {
        Self::text(200, text).header("content-type", "application/json")
    }

    /// Success, and a file.
    pub fn file(bytes: Vec<u8>) -> Self {
        Self::with_body(200, bytes)
    }

    /// A status and so many bytes of nonsense.
    pub fn long(status: u16, bytes: usize) -> Self {
        Self::with_body(status, vec![b'x'; bytes])
    }

    /// Sends the client elsewhere.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::text(status, "").header("location", to)
    }

    /// No HTTP at all.
    pub fn garbage() -> Self {
        Self { head: "\u{7f}ELF not a word of HTTP\n\n".to_owned(), ..Self::text(200, "") }
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head = format!("{}\r\n{name}: {value}\r\n\r\n", self.head.trim_end());
        self
    }

    /// Without saying how long it is: the body ends with the connection.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        let lines = self.head.split("\r\n").filter(|line| !line.starts_with("content-length"));
        self.head = lines.collect::<Vec<_>>().join("\r\n");
        self
    }

    /// The connection is reset in the middle of the body.
    #[must_use]
    pub fn reset_midway(mut self) -> Self {
        self.breaks_after = Some(self.body.len() / 2);
        self
    }

    /// Nothing comes until the gate is open.
    #[must_use]
    pub fn held(mut self, gate: &Gate) -> Self {
        self.gate = Some((gate.clone(), Held::Everything));
        self
    }

    /// The second half of the body doesn't come until the gate is open.
    #[must_use]
    pub fn held_midway(mut self, gate: &Gate) -> Self {
        self.gate = Some((gate.clone(), Held::SecondHalf));
        self
    }

    /// The body comes a byte at a time, with such pauses, until the gate is open.
    #[must_use]
    pub fn trickling(mut self, pause: Duration, gate: &Gate) -> Self {
        self.gate = Some((gate.clone(), Held::Bytes(pause)));
        self
    }

    fn with_body(status: u16, body: Vec<u8>) -> Self {
        let head = format!(
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { head, body, breaks_after: None, gate: None }
    }

    pub(super) fn gate(&self) -> Option<Gate> {
        self.gate.as_ref().map(|(gate, _)| gate.clone())
    }
}

pub(super) fn send(mut connection: &TcpStream, answer: &Answer) -> io::Result<()> {
    let (first, second) = answer.body.split_at(answer.body.len() / 2);
    if let Some((gate, Held::Everything)) = &answer.gate {
        gate.wait();
    }
    connection.write_all(answer.head.as_bytes())?;
    if let Some(len) = answer.breaks_after {
        connection.write_all(answer.body.get(..len).unwrap_or_default())?;
        // Closed like this, the other side sees a reset, not an end.
        let reset = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        return setsockopt(&connection, sockopt::Linger, &reset).map_err(Into::into);
    }
    if let Some((gate, Held::Bytes(pause))) = &answer.gate {
        for byte in &answer.body {
            if gate.wait_for(*pause) {
                break;
            }
            connection.write_all(&[*byte])?;
        }
        return Ok(());
    }
    connection.write_all(first)?;
    if let Some((gate, Held::SecondHalf)) = &answer.gate {
        gate.wait();
    }
    connection.write_all(second)
}

//! A web server for one folder, on this machine only: for trying the installer. Knows `GET` and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

use crate::files;

/// A running server; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the files of a folder, at a port that is free.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("could not open a port")?;
        let port = listener.local_addr().context("the port has no number")?.port();
        let stop = Arc::new(AtomicBool::new(false));
        let (folder, stopped) = (folder.to_owned(), Arc::clone(&stop));
        let thread = thread::spawn(move || serve(&listener, &folder, &stopped));
        Ok(Self { port, stop, thread: Some(thread) })
    }

    /// Its address, without a slash at the end.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for the next caller.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(listener: &TcpListener, folder: &Path, stop: &AtomicBool) {
    for stream in listener.incoming().flatten() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        // A caller that hangs up has got what it wanted.
        drop(answer(&stream, folder));
    }
}

fn answer(mut stream: &TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // The rest of the head says nothing that we need, but has to be read.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let found = path(&request).and_then(|path| files::read(folder.join(path)).ok());
    let (status, bytes) = found.map_or(("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes));
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    )?;
    stream.write_all(&bytes)
}

/// The path that a request asks for; none that leads out of the folder.
fn path(request: &str) -> Option<PathBuf> {
    let mut words = request.split_whitespace();
    let path = words.next().filter(|method| *method == "GET").and(words.next())?;
    let path = path.strip_prefix('/')?;
    let is_safe = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    is_safe.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use std::fs;

    use super::*;

    fn get(server: &Server, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn files_of_the_folder_are_served_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/a"), "hello").unwrap();
        let server = Server::start(&folder.path().join("in")).unwrap();
        assert!(get(&server, "/a").ends_with("\r\n\r\nhello"));
        for path in ["/b", "/../in/a", "/"] {
            assert!(get(&server, path).starts_with("HTTP/1.1 404"), "{path}");
        }
    }
}

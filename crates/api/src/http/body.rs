//! Bodies of requests: a text, or a file that is read while it is sent.

use std::{
    fs::File,
    io::{self, Read},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

/// The number of bytes that are read at a time. Each of these pieces that the network takes proves that it is alive.
const CHUNK: u64 = 64 << 10;

/// The progress of the sending of a file.
#[derive(Debug, Default)]
pub(super) struct Sending {
    bytes: AtomicU64,
    moved: Notify,
    failure: Mutex<Option<io::Error>>,
}

impl Sending {
    /// Waits until the network took more.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns why the file could not be read, if that is why the request failed.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.failure.lock().ok().and_then(|mut failure| failure.take())
    }
}

/// The content of a file, exactly as long as it was said to be. Reads block: nothing else goes on in our runtime.
#[derive(Debug)]
pub(super) struct FileBody {
    file: File,
    left: u64,
    sending: Arc<Sending>,
}

impl FileBody {
    pub(super) fn new(file: File, size: u64, sending: Arc<Sending>) -> Self {
        Self { file, left: size, sending }
    }

    fn read(&mut self) -> io::Result<Bytes> {
        let most = usize::try_from(self.left.min(CHUNK)).map_err(io::Error::other)?;
        let mut chunk = vec![0; most];
        self.file.read_exact(&mut chunk)?;
        Ok(chunk.into())
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = this.read();
        match &chunk {
            Ok(bytes) => {
                let len = u64::try_from(bytes.len()).unwrap_or_default();
                this.left -= len;
                this.sending.bytes.fetch_add(len, Ordering::Relaxed);
                this.sending.moved.notify_one();
            }
            Err(err) => {
                if let Ok(mut failure) = this.sending.failure.lock() {
                    *failure = Some(io::Error::new(err.kind(), err.to_string()));
                }
            }
        }
        Poll::Ready(Some(chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

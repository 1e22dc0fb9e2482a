//! Bodies of responses: kept in memory, or written to a file and hashed on the way. Their size is bounded.

use std::{
    fs::File,
    io::{self, Seek, Write},
};

use reqwest::Response;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::{
    Http, Request,
    exchange::{Answer, broken, host, retry_after},
    pace::Pace,
};
use crate::{
    error::ApiError,
    watch::{Step, Watch},
};

/// So much is read of a text that says what is wrong.
const MOST_BYTES_OF_ERROR: usize = 64 << 10;

/// The part of a response received so far.
#[derive(Debug)]
enum Kept<'a> {
    Memory(Vec<u8>),
    File { file: &'a File, hash: Box<Sha256> },
}

impl<'a> Kept<'a> {
    /// Nothing yet. What an earlier try has left in the file goes away.
    fn new(file: Option<&'a File>) -> io::Result<Self> {
        let Some(mut file) = file else { return Ok(Self::Memory(Vec::new())) };
        file.set_len(0)?;
        file.rewind()?;
        Ok(Self::File { file, hash: Box::default() })
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(body) => body.extend_from_slice(bytes),
            Self::File { file, hash } => {
                file.write_all(bytes)?;
                hash.update(bytes);
            }
        }
        Ok(())
    }

    fn finish(self) -> (Vec<u8>, Option<[u8; 32]>) {
        match self {
            Self::Memory(body) => (body, None),
            Self::File { file: _, hash } => (Vec::new(), Some(hash.finalize().into())),
        }
    }
}

impl Http {
    /// Reads the body of an answer. A text that says what is wrong stays in memory, and is cut.
    pub(super) async fn read(
        &self,
        request: &Request<'_>,
        mut response: Response,
        watch: &mut Watch<'_>,
    ) -> Result<Answer, ApiError> {
        let (status, host) = (response.status(), host(response.url()));
        let retry_after = retry_after(&response);
        let is_error = !status.is_success() && !request.takes_errors;
        let most = if is_error { MOST_BYTES_OF_ERROR } else { request.most_bytes };
        let too_long = |host| ApiError::TooLong { action: request.action, host, most };
        let is_too_long = |len: u64| usize::try_from(len).map_or(true, |len| len > most);
        let total = response.content_length();
        if !is_error && total.is_some_and(is_too_long) {
            return Err(too_long(host));
        }
        let mut pace = Pace::new(&self.settings, Instant::now());
        let file = request.into.filter(|_| !is_error);
        let mut kept = Kept::new(file).map_err(unwritten)?;
        let mut len = 0;
        loop {
            let chunk = timeout_at(pace.deadline(), response.chunk()).await;
            let chunk = chunk.map_err(|_elapsed| self.too_late(request, &pace))?;
            let Some(chunk) = chunk.map_err(|err| broken(request, err))? else { break };
            let room = most - len;
            if let Some(fits) = chunk.get(..room).filter(|_| room < chunk.len()) {
                if !is_error {
                    return Err(too_long(host));
                }
                kept.add(fits).map_err(unwritten)?;
                break;
            }
            kept.add(&chunk).map_err(unwritten)?;
            len += chunk.len();
            let bytes = u64::try_from(len).unwrap_or(u64::MAX);
            pace.moved(bytes, Instant::now());
            if file.is_some() && watch(Step::Received { bytes, total }).is_break() {
                return Err(ApiError::Cancelled);
            }
        }
        let (body, sha256) = kept.finish();
        Ok(Answer { host, status, body, sha256, retry_after })
    }
}

fn unwritten(source: io::Error) -> ApiError {
    ApiError::Unwritten { source }
}

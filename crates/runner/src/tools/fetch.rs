//! Gets a file of which the hash is known: from this machine or by HTTP. What has another hash
//! never leaves this module.

use std::{
    fmt, fs,
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

use sha2::{Digest, Sha256};

/// Larger ones are refused; no package of a tool is.
const MOST_BYTES: u64 = 256 << 20;
/// How often a download that failed for no lasting reason is tried.
const TRIES: u32 = 4;
/// The first pause between two tries; the next ones are twice as long each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A server that says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// This machine.
    File(PathBuf),
    /// `http://` or `https://`.
    Web(String),
}

/// The SHA-256 of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash([u8; 32]);

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// Not readable.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Not to be had.
    #[error("could not download {url}")]
    Download {
        /// From where.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Longer than any package.
    #[error("{from} has more than {MOST_BYTES} bytes")]
    TooLong {
        /// From where.
        from: String,
    },
    /// Not the file that was expected.
    #[error(
        "{from} has the SHA-256 {found}, which is not that of {expected}; nothing was installed"
    )]
    WrongHash {
        /// From where.
        from: String,
        /// What it has.
        found: Hash,
        /// What it should have had.
        expected: String,
    },
}

impl Source {
    /// Reads what a user typed: a path, or a URL with one of the known beginnings.
    pub(crate) fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Web(text.to_owned());
        }
        Self::File(text.strip_prefix("file://").unwrap_or(text).into())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Web(url) => f.write_str(url),
        }
    }
}

impl Hash {
    /// The hash of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        let digits: [u8; 64] = digits?.try_into().ok()?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |byte, digit| (byte << 4) | digit);
        }
        Some(Self(hash))
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The bytes of a file that has one of these hashes; `expected` are their names, for people.
pub(crate) fn fetch(
    source: &Source,
    hashes: &[Hash],
    expected: &str,
) -> Result<Vec<u8>, FetchError> {
    let bytes = match source {
        Source::File(path) => {
            let failed = |source| FetchError::Read { path: path.clone(), source };
            let file = fs::File::open(path).map_err(failed)?;
            read(file, source)?.map_err(failed)?
        }
        Source::Web(url) => download(url, source)?,
    };
    let found = Hash::of(&bytes);
    if !hashes.contains(&found) {
        let (from, expected) = (source.to_string(), expected.to_owned());
        return Err(FetchError::WrongHash { from, found, expected });
    }
    Ok(bytes)
}

fn read(stream: impl Read, source: &Source) -> Result<io::Result<Vec<u8>>, FetchError> {
    let mut bytes = Vec::new();
    match stream.take(MOST_BYTES + 1).read_to_end(&mut bytes) {
        Err(err) => Ok(Err(err)),
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|len| len <= MOST_BYTES) => Ok(Ok(bytes)),
        Ok(_) => Err(FetchError::TooLong { from: source.to_string() }),
    }
}

fn download(url: &str, source: &Source) -> Result<Vec<u8>, FetchError> {
    let failed = |source| FetchError::Download { url: url.to_owned(), source };
    let client = reqwest::blocking::Client::builder()
        .connect_timeout(PATIENCE)
        .timeout(None)
        .user_agent(concat!("codspeed/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|err| failed(err.into()))?;
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    loop {
        let answer = client.get(url).send().and_then(reqwest::blocking::Response::error_for_status);
        let err = match answer {
            Ok(answer) => match read(answer, source)? {
                Ok(bytes) => return Ok(bytes),
                Err(err) => failed(err.into()),
            },
            Err(err) if is_lasting(&err) => return Err(failed(err.into())),
            Err(err) => failed(err.into()),
        };
        if tries == TRIES {
            return Err(err);
        }
        tries += 1;
        #[expect(clippy::disallowed_methods, reason = "the server is given time to recover")]
        std::thread::sleep(pause);
        pause *= 2;
    }
}

/// The same request would fail again.
fn is_lasting(err: &reqwest::Error) -> bool {
    err.is_builder()
        || err.is_redirect()
        || err
            .status()
            .is_some_and(|status| !status.is_server_error() && status != 429 && status != 408)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    #[test]
    fn sources_and_hashes_are_read_as_typed() {
        assert_eq!(Source::parse("https://a/b"), Source::Web("https://a/b".to_owned()));
        assert_eq!(Source::parse("file:///a b"), Source::File("/a b".into()));
        assert_eq!(Source::parse("a/b.deb"), Source::File("a/b.deb".into()));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::parse(empty), Some(Hash::of(b"")));
        assert_eq!(Hash::parse(&empty.to_uppercase()), Some(Hash::of(b"")));
        assert_eq!(Hash::of(b"").to_string(), empty);
        assert_eq!(Hash::parse("e3b0"), None);
        assert_eq!(Hash::parse(&"g".repeat(64)), None);
    }

    /// Answers requests one after the other, and returns the URL.
    fn serve(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        url
    }

    #[test]
    fn a_file_is_taken_only_with_the_right_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "abc").unwrap();
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";
        let web = Source::Web(serve(Box::leak(Box::new([ok, ok]))));
        for source in [Source::File(path), web] {
            let hashes = [Hash::of(b"x"), Hash::of(b"abc")];
            assert_eq!(fetch(&source, &hashes, "either").unwrap(), b"abc");
            let err = fetch(&source, &[Hash::of(b"x")], "package x").unwrap_err();
            assert!(err.to_string().contains("not that of package x"), "{err}");
        }
        let missing = fetch(&Source::File(dir.path().join("no")), &[], "").unwrap_err();
        assert!(matches!(missing, FetchError::Read { .. }));
    }

    #[test]
    fn a_lasting_answer_ends_it_at_once() {
        let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let url = serve(Box::leak(Box::new([gone])));
        let err = fetch(&Source::Web(url), &[], "").unwrap_err();
        assert!(matches!(err, FetchError::Download { .. }), "{err}");
    }
}

//! Gets a file of which the hash is known: from this machine or by HTTP. What has another hash
//! never leaves this module.

use runner_shared::{
    bounds::DOWNLOAD_BYTES,
    text::{hex, shown},
};
use system::{
    files::{self, Links},
    temporary::NamedFile,
};

use std::{
    fmt, fs,
    io::{self, Read, Seek, Write},
    path::PathBuf,
};

use api::{ApiError, Http, HttpSettings, Watch};
use sha2::{Digest, Sha256};

/// The origin of a file.
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

/// The reason why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// Not readable.
    #[error("could not read `{}`", shown(&path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Not to be had.
    #[error("could not download {url}")]
    Download {
        /// From where.
        url: String,
        /// The reason.
        #[source]
        source: ApiError,
    },
    /// Not to be kept.
    #[error("could not write a temporary file")]
    Write(#[source] io::Error),
    /// Longer than any package.
    #[error("{from} has more than {DOWNLOAD_BYTES} bytes")]
    TooLong {
        /// From where.
        from: String,
    },
    /// Not the file that was expected.
    #[error(
        "{from} has the SHA-256 {found}, which doesn't match {expected}; nothing was installed"
    )]
    WrongHash {
        /// From where.
        from: String,
        /// The hash that it has.
        found: Hash,
        /// The hash that was expected.
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
            Self::File(path) => write!(f, "{}", shown(&path)),
            Self::Web(url) => f.write_str(url),
        }
    }
}

impl Hash {
    /// The hash of all that a stream gives.
    pub(crate) fn of(mut stream: impl Read) -> io::Result<Self> {
        let mut hash = Sha256::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(Self(hash.finalize().into())),
                Ok(len) => hash.update(chunk.get(..len).unwrap_or_default()),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
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
        f.write_str(&hex(&self.0))
    }
}

/// A copy of the file that has one of these hashes, to be read from its start; `expected` are their names, for people.
pub(crate) fn fetch(
    source: &Source,
    hashes: &[Hash],
    expected: &str,
    watch: &mut Watch<'_>,
) -> Result<NamedFile, FetchError> {
    let mut copy = NamedFile::create().map_err(FetchError::Write)?;
    let found = match source {
        Source::File(path) => {
            let failed = |source| FetchError::Read { path: path.clone(), source };
            let bytes = read(files::open(path, Links::Follow).map_err(failed)?).map_err(failed)?;
            if bytes.len() > DOWNLOAD_BYTES {
                return Err(FetchError::TooLong { from: source.to_string() });
            }
            copy.as_file_mut().write_all(&bytes).map_err(FetchError::Write)?;
            Hash::of(&bytes[..]).map_err(failed)?
        }
        Source::Web(url) => {
            let failed = |source| FetchError::Download { url: url.clone(), source };
            let http = Http::new(HttpSettings::default()).map_err(failed)?;
            Hash(http.download(url, copy.as_file(), DOWNLOAD_BYTES, watch).map_err(failed)?)
        }
    };
    if !hashes.contains(&found) {
        let (from, expected) = (source.to_string(), expected.to_owned());
        return Err(FetchError::WrongHash { from, found, expected });
    }
    copy.as_file_mut().rewind().map_err(FetchError::Write)?;
    Ok(copy)
}

/// All of it, or one byte more than is allowed.
fn read(file: fs::File) -> io::Result<Vec<u8>> {
    let most = u64::try_from(DOWNLOAD_BYTES).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use api::unwatched;
    use test_support::{Answer, FakeApi};

    use super::*;

    fn hash(text: &str) -> Hash {
        Hash::of(text.as_bytes()).unwrap()
    }

    #[test]
    fn sources_and_hashes_are_read_as_typed() {
        assert_eq!(Source::parse("https://a/b"), Source::Web("https://a/b".to_owned()));
        assert_eq!(Source::parse("file:///a b"), Source::File("/a b".into()));
        assert_eq!(Source::parse("a/b.deb"), Source::File("a/b.deb".into()));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::parse(empty), Some(hash("")));
        assert_eq!(Hash::parse(&empty.to_uppercase()), Some(hash("")));
        assert_eq!(hash("").to_string(), empty);
        assert_eq!(Hash::parse("e3b0"), None);
        assert_eq!(Hash::parse(&"g".repeat(64)), None);
    }

    #[test]
    fn a_file_is_taken_only_with_the_right_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "abc").unwrap();
        let api = FakeApi::start();
        api.on("GET /file", [Answer::text(200, "abc")]);
        for source in [Source::File(path), Source::Web(api.url("/file"))] {
            let get = |hashes: &[Hash]| fetch(&source, hashes, "package x", &mut unwatched);
            let mut text = String::new();
            get(&[hash("x"), hash("abc")]).unwrap().as_file().read_to_string(&mut text).unwrap();
            assert_eq!(text, "abc");
            let err = get(&[hash("x")]).unwrap_err();
            assert!(err.to_string().contains("doesn't match package x"), "{err}");
        }
        let missing = Source::File(dir.path().join("no"));
        let missing = fetch(&missing, &[], "", &mut unwatched).unwrap_err();
        assert!(matches!(missing, FetchError::Read { .. }));
    }

    #[test]
    fn a_lasting_answer_ends_it_at_once() {
        let api = FakeApi::start();
        let source = Source::Web(api.url("/gone"));
        let err = fetch(&source, &[], "", &mut unwatched).unwrap_err();
        assert!(matches!(err, FetchError::Download { .. }), "{err}");
        assert_eq!(api.requests().len(), 1);
    }
}

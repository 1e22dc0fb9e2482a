//! Takes files out of a Debian package without installing it: an `ar` archive that holds two
//! `tar` archives, `control` (what it is) and `data` (its files), each packed in one of three ways.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use runner_shared::text::shown;

/// No file that we want is larger unpacked.
const MOST_BYTES: u64 = 128 << 20;
/// The description of a package is a few kilobytes.
const MOST_CONTROL_BYTES: u64 = 1 << 20;

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its name.
    pub name: String,
    /// Its version, as Debian writes it.
    pub version: String,
    /// The files that were wanted.
    pub files: Vec<Unpacked>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Its path below `/`.
    pub path: PathBuf,
    /// The contents.
    pub bytes: Vec<u8>,
    /// Somebody may run it.
    pub executable: bool,
}

/// The reason why a package can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DebError {
    /// Cut or not a package at all.
    #[error("the package can't be unpacked")]
    Io(#[from] io::Error),
    /// A part of it is missing.
    #[error("the package contains no `{0}`; is it a Debian package?")]
    Lacks(&'static str),
    /// Packed in a way that we don't know.
    #[error("`{0}` has an unknown compression")]
    Packing(String),
    /// A file that is larger than any honest one.
    #[error("`{}` is too large", shown(.0))]
    TooLarge(PathBuf),
}

/// Unpacks the files that are wanted by their paths. Links are left out.
pub(crate) fn unpack(
    package: impl Read,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Package, DebError> {
    let mut archive = ar::Archive::new(package);
    let mut control = None;
    let mut files = None;
    while let Some(entry) = archive.next_entry() {
        let entry = entry?;
        let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
        let name = name.trim_end_matches('/');
        if name.starts_with("control.tar") {
            let is_control = |path: &Path| path == Path::new("control");
            let found = members(unpacked(name, entry)?, is_control, MOST_CONTROL_BYTES)?;
            control = found.into_iter().next();
        } else if name.starts_with("data.tar") {
            files = Some(members(unpacked(name, entry)?, &wanted, MOST_BYTES)?);
        }
    }
    let control = control.ok_or(DebError::Lacks("control"))?;
    let text = String::from_utf8_lossy(&control.bytes).into_owned();
    let field = |key: &'static str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.map(|value| value.trim().to_owned()).ok_or(DebError::Lacks(key))
    };
    let files = files.ok_or(DebError::Lacks("data"))?;
    Ok(Package { name: field("Package")?, version: field("Version")?, files })
}

/// The archive below the packing that its name tells.
fn unpacked<'a>(name: &str, entry: impl Read + 'a) -> Result<Box<dyn Read + 'a>, DebError> {
    Ok(match name.rsplit('.').next() {
        Some("tar") => Box::new(entry),
        Some("gz") => Box::new(flate2::read::GzDecoder::new(entry)),
        Some("xz") => Box::new(liblzma::read::XzDecoder::new(entry)),
        Some("zst") => Box::new(zstd::Decoder::new(entry)?),
        Some(_) | None => return Err(DebError::Packing(name.to_owned())),
    })
}

fn members(
    stream: impl Read,
    wanted: impl Fn(&Path) -> bool,
    most_bytes: u64,
) -> Result<Vec<Unpacked>, DebError> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(stream).entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let path = path.strip_prefix(".").map_or_else(|_| path.clone(), Path::to_owned);
        if !entry.header().entry_type().is_file() || !wanted(&path) {
            continue;
        }
        let executable = entry.header().mode()? & 0o111 != 0;
        if entry.size() > most_bytes {
            return Err(DebError::TooLarge(path));
        }
        let mut bytes = Vec::new();
        entry.take(most_bytes).read_to_end(&mut bytes)?;
        found.push(Unpacked { path, bytes, executable });
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A package with these files, packed in this way.
    pub(crate) fn package(version: &str, files: &[(&str, &str)], packing: &str) -> Vec<u8> {
        let control = format!("Package: valgrind\nVersion: {version}\n");
        let mut out = ar::Builder::new(Vec::new());
        let mut add = |name: String, bytes: Vec<u8>| {
            let len = u64::try_from(bytes.len()).unwrap();
            out.append(&ar::Header::new(name.into_bytes(), len), &bytes[..]).unwrap();
        };
        add("debian-binary".to_owned(), b"2.0\n".to_vec());
        add(format!("control.tar{packing}"), packed(&tar(&[("./control", &control)]), packing));
        add(format!("data.tar{packing}"), packed(&tar(files), packing));
        out.into_inner().unwrap()
    }

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut out = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len().try_into().unwrap());
            header.set_mode(if text.starts_with("#!") { 0o755 } else { 0o644 });
            header.set_path(path).unwrap();
            header.set_cksum();
            out.append(&header, text.as_bytes()).unwrap();
        }
        out.into_inner().unwrap()
    }

    fn packed(bytes: &[u8], packing: &str) -> Vec<u8> {
        use io::Write;
        match packing {
            ".gz" => {
                let mut out =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(bytes).unwrap();
                out.finish().unwrap()
            }
            ".xz" => {
                let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
                out.write_all(bytes).unwrap();
                out.finish().unwrap()
            }
            ".zst" => zstd::encode_all(bytes, 1).unwrap(),
            _ => bytes.to_vec(),
        }
    }

    #[test]
    fn wanted_files_come_out_of_every_packing() {
        let files = [("./usr/bin/tool", "#!/bin/sh\n"), ("./usr/share/doc", "text")];
        for packing in ["", ".gz", ".xz", ".zst"] {
            let deb = package("1:3.19.0-1", &files, packing);
            let found = unpack(&deb[..], |path| path.starts_with("usr/bin")).unwrap();
            let path = PathBuf::from("usr/bin/tool");
            let tool = Unpacked { path, bytes: b"#!/bin/sh\n".to_vec(), executable: true };
            let name = "valgrind".to_owned();
            let expected = Package { name, version: "1:3.19.0-1".to_owned(), files: vec![tool] };
            assert_eq!(found, expected, "{packing}");
        }
    }

    #[test]
    fn what_is_no_package_is_an_error() {
        let all = |bytes: &[u8]| unpack(bytes, |_| true).map(drop).unwrap_err();
        all(b"");
        all(b"not a package");
        assert!(matches!(all(b"!<arch>\n"), DebError::Lacks("control")));
        assert!(matches!(all(&package("1", &[], ".lz4")), DebError::Packing(_)));
        let whole = package("1", &[("./a", "text")], ".xz");
        for cut in [100, 200, whole.len() - 100] {
            all(&whole[..cut]);
        }
    }
}

//! The libraries written in C that crates bring along and link: a table, and what their sources say of themselves.

use anyhow::{Context, Result};

use super::linked::Linked;
use crate::files;
use crate::say;

/// A row: a library in C.
#[derive(Debug)]
pub(super) struct Native {
    pub(super) name: &'static str,
    /// The crate that has its sources.
    pub(super) inside: &'static str,
    /// Its licence, as SPDX writes it.
    pub(super) licence: &'static str,
    /// Files with the text of the licence, in that crate.
    pub(super) texts: &'static [&'static str],
    /// The place where the version is: a file, and what stands before each part of it.
    version: (&'static str, &'static [&'static str]),
}

/// To add a library, add a row.
pub(super) const NATIVES: &[Native] = &[
    Native {
        name: "libbpf",
        inside: "libbpf-sys",
        licence: "LGPL-2.1-only OR BSD-2-Clause",
        texts: &["libbpf/LICENSE", "libbpf/LICENSE.BSD-2-Clause"],
        version: (
            "libbpf/src/libbpf_version.h",
            &["#define LIBBPF_MAJOR_VERSION ", "#define LIBBPF_MINOR_VERSION "],
        ),
    },
    Native {
        name: "libelf",
        inside: "libbpf-sys",
        licence: "GPL-2.0-or-later OR LGPL-3.0-or-later",
        texts: &["elfutils/COPYING-LGPLV3", "elfutils/COPYING"],
        version: ("elfutils/NEWS", &["Version "]),
    },
    Native {
        name: "zlib",
        inside: "libbpf-sys",
        licence: "Zlib",
        texts: &["zlib/LICENSE"],
        version: ("zlib/zlib.h", &["#define ZLIB_VERSION "]),
    },
    Native {
        name: "zstd",
        inside: "zstd-sys",
        licence: "BSD-3-Clause OR GPL-2.0-only",
        texts: &["zstd/LICENSE"],
        version: (
            "zstd/lib/zstd.h",
            &[
                "#define ZSTD_VERSION_MAJOR ",
                "#define ZSTD_VERSION_MINOR ",
                "#define ZSTD_VERSION_RELEASE ",
            ],
        ),
    },
    Native {
        name: "liblzma",
        inside: "liblzma-sys",
        licence: "0BSD",
        texts: &["xz/COPYING", "xz/COPYING.0BSD"],
        version: (
            "xz/src/liblzma/api/lzma/version.h",
            &[
                "#define LZMA_VERSION_MAJOR ",
                "#define LZMA_VERSION_MINOR ",
                "#define LZMA_VERSION_PATCH ",
            ],
        ),
    },
];

impl Native {
    /// The version of the sources in the crate.
    pub(super) fn version(&self, crate_: &Linked) -> Result<String> {
        let (file, starts) = self.version;
        let path = crate_.folder.join(file);
        let text =
            files::read(&path).with_context(|| format!("could not read `{}`", say::path(&path)))?;
        version(&String::from_utf8_lossy(&text), starts)
            .with_context(|| format!("no version of {} in `{}`", self.name, say::path(&path)))
    }
}

/// The first word behind each start of a line, joined by dots.
fn version(text: &str, starts: &[&str]) -> Option<String> {
    let part = |start: &&str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
        rest.split_whitespace().next().map(|word| word.trim_matches('"'))
    };
    Some(starts.iter().map(part).collect::<Option<Vec<_>>>()?.join("."))
}

/// The libraries in linked crates, each with its crate.
pub(super) fn within(crates: &[Linked]) -> Vec<(&'static Native, &Linked)> {
    let pair = |native: &'static Native| {
        crates.iter().find(|found| found.name == native.inside).map(|found| (native, found))
    };
    NATIVES.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_in_parts() {
        let text = "#define A_MAJOR    1\n#define A_MINOR 5 /* x */\n#define B \"1.2.13\"\n";
        assert_eq!(version(text, &["#define A_MAJOR ", "#define A_MINOR "]).unwrap(), "1.5");
        assert_eq!(version(text, &["#define B "]).unwrap(), "1.2.13");
        assert_eq!(version(text, &["#define C "]), None);
    }
}

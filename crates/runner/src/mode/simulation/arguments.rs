//! The command line of Valgrind. The simulated machine is the same on every host.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::valgrind::Valgrind;

/// What is the same in each run. 32 KiB caches of the first level with 8 ways, 8 MiB of the last
/// level with 16 ways, lines of 64 bytes; nothing is counted until an integration says so.
const ALWAYS: &[&str] = &[
    "-q",
    "--tool=callgrind",
    "--trace-children=yes",
    "--cache-sim=yes",
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=8388608,16,64",
    "--instr-atstart=no",
    // Nobody attaches a debugger, and a killed process would leave its pipes behind.
    "--vgdb=no",
    "--collect-systime=nsec",
    "--compress-strings=no",
    "--combine-dumps=yes",
    "--read-inline-info=yes",
];

/// Programs that only help to build and to look around. What they start isn't traced either, so
/// no shell, interpreter or build tool may be among them.
const HELPERS: &[&str] = &[
    "*esbuild",
    "*.rustup-wrapped",
    "*/rustc",
    "*/git",
    "*/jq",
    "*/tr",
    "*/grep",
    "*/which",
    "*/mktemp",
    "*/uname",
];

/// Everything before the benchmark command. `skipped` are interpreters whose frames shall not be
/// seen; `suite` is the shell text of a suite.
pub(super) fn arguments(
    valgrind: &Valgrind,
    folder: &Path,
    skipped: &[PathBuf],
    suite: Option<&str>,
) -> Vec<OsString> {
    let mut args: Vec<OsString> = ALWAYS.iter().map(Into::into).collect();
    // A command that is measured by itself may well be one of these.
    if let Some(text) = suite {
        args.push(format!("--trace-children-skip={}", HELPERS.join(",")).into());
        if text.contains("cargo-codspeed") || text.contains("cargo codspeed") {
            // It asks cargo about the workspace.
            args.push("--trace-children-skip-by-arg=metadata".into());
        }
    }
    if valgrind.capabilities.obj_skip {
        args.extend(skipped.iter().map(|object| with_path("--obj-skip=", object, "")));
    }
    if cfg!(target_arch = "aarch64") {
        args.push("--sim-hints=fallback-llsc".into());
    }
    args.push(with_path("--callgrind-out-file=", folder, "/%p.out"));
    args.push(with_path("--log-file=", folder, "/valgrind.%p.log"));
    args
}

/// Valgrind expands `%` in file names.
fn with_path(option: &str, path: &Path, end: &str) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut bytes = option.as_bytes().to_vec();
    let escape = !end.is_empty();
    for byte in path.as_os_str().as_bytes() {
        if escape && *byte == b'%' {
            bytes.push(b'%');
        }
        bytes.push(*byte);
    }
    bytes.extend_from_slice(end.as_bytes());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::simulation::valgrind::Capabilities;

    fn shown(obj_skip: bool, suite: Option<&str>) -> String {
        let valgrind = Valgrind {
            program: "/usr/bin/valgrind".into(),
            version: "valgrind-3.19.0".to_owned(),
            capabilities: Capabilities { obj_skip },
        };
        let skipped = [PathBuf::from("/usr/lib/libpython3.so")];
        let args = arguments(&valgrind, Path::new("/a 100%/p"), &skipped, suite);
        args.iter().map(|arg| arg.display().to_string()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_command_line_follows_the_capabilities_and_the_suite() {
        insta::assert_snapshot!("command", shown(false, None));
        insta::assert_snapshot!("suite_on_the_fork", shown(true, Some("cargo codspeed run")));
    }
}

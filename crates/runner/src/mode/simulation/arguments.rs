//! The command line of Valgrind. The simulated machine is the same on every host.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use runner_shared::profile_dir::{CALLGRIND, ProfileDir, ProfileFile, TRACEGRIND, VALGRIND_LOG};

use super::valgrind::Valgrind;
use crate::settings::options::{SimulationOptions, SimulationTool};

/// What is the same in each run. 32 KiB caches of the first level with 8 ways, 8 MiB of the last
/// level with 16 ways, lines of 64 bytes; nothing is counted until an integration says so.
const ALWAYS: &[&str] = &[
    // What the user's `.valgrindrc` and `VALGRIND_OPTS` want would change the counts.
    "--command-line-only=yes",
    "-q",
    "--trace-children=yes",
    "--cache-sim=yes",
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=8388608,16,64",
    "--instr-atstart=no",
    // `-q` would leave out which instruction it was that this Valgrind doesn't know.
    "--sigill-diagnostics=yes",
    // The default of 500 ends programs that work alone; this costs 25 MB and no time.
    "--max-threads=4096",
    // Nobody attaches a debugger, and a killed process would leave its pipes behind.
    "--vgdb=no",
    "--collect-systime=nsec",
];

/// Programs that only help to build and to look around. What they start isn't traced either, so
/// no shell, interpreter or build tool may be among them.
const HELPERS: &[&str] =
    &["*/rustc", "*/git", "*/jq", "*/tr", "*/grep", "*/which", "*/mktemp", "*/uname"];
/// Programs that don't work when they are traced: one is written in Go, the other looks at its
/// own name, which Valgrind changes.
const UNFIT: &[&str] = &["*esbuild", "*.rustup-wrapped"];

/// What Valgrind shall do.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// What it can do.
    pub valgrind: &'a Valgrind,
    /// The profile folder.
    pub folder: &'a ProfileDir,
    /// Interpreters whose frames shall not be seen.
    pub objects: &'a [PathBuf],
    /// The shell text of a suite.
    pub suite: Option<&'a str>,
    /// What the user asked for.
    pub options: &'a SimulationOptions,
}

impl Request<'_> {
    /// Everything before the benchmark command.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let Self { valgrind, folder, objects, suite, options } = self;
        let capabilities = valgrind.capabilities;
        let mut args: Vec<OsString> = ALWAYS.iter().map(Into::into).collect();
        if valgrind.build.is_fork() {
            // Others read it, which takes a while, and make nothing of it.
            args.push("--read-inline-info=yes".into());
        }
        if options.cycle_estimation && capabilities.cycle_estimation {
            args.push("--cycle-estimation=yes".into());
        }
        if options.fair_sched {
            args.push("--fair-sched=yes".into());
        }
        if cfg!(target_arch = "aarch64") && !valgrind.build.is_fork() {
            args.push("--sim-hints=fallback-llsc".into());
        }
        args.extend(skips(*suite, options));
        match options.tool {
            SimulationTool::Callgrind => {
                let own = ["--tool=callgrind", "--compress-strings=no", "--combine-dumps=yes"];
                args.extend(own.map(Into::into));
                if capabilities.obj_skip {
                    args.extend(objects.iter().map(|object| with_path("--obj-skip=", object)));
                }
                args.push(with_file("--callgrind-out-file=", folder, &CALLGRIND));
            }
            SimulationTool::Tracegrind => {
                args.push("--tool=tracegrind".into());
                args.push(with_file("--tracegrind-out-file=", folder, &TRACEGRIND));
            }
        }
        args.push(with_file("--log-file=", folder, &VALGRIND_LOG));
        args
    }
}

/// Returns what isn't traced.
fn skips(suite: Option<&str>, options: &SimulationOptions) -> Vec<OsString> {
    // A command that is measured by itself may well be one of ours.
    let (unfit, helpers): (&[&str], &[&str]) = match suite {
        None => (&[], &[]),
        Some(_) if options.trace_helpers => (UNFIT, &[]),
        Some(_) => (UNFIT, HELPERS),
    };
    let own = unfit.iter().chain(helpers).map(OsStr::new);
    let patterns: Vec<&OsStr> = own.chain(options.skip_program.iter().map(|it| &**it)).collect();
    let mut args: Vec<OsString> = Vec::new();
    if !patterns.is_empty() {
        let mut option = OsString::from("--trace-children-skip=");
        option.push(patterns.join(OsStr::new(",")));
        args.push(option);
    }
    let starts_cargo =
        |text: &str| text.contains("cargo-codspeed") || text.contains("cargo codspeed");
    if suite.is_some_and(starts_cargo) && !options.trace_helpers {
        // It asks cargo about the workspace.
        args.push("--trace-children-skip-by-arg=metadata".into());
    }
    args
}

fn with_path(option: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument
}

/// The same for a file of each process: Valgrind puts its number in the place of `%p`, and takes `%%` for `%`.
fn with_file(option: &str, folder: &ProfileDir, file: &ProfileFile) -> OsString {
    let mut bytes = option.as_bytes().to_vec();
    for byte in folder.folder_of(file).into_os_string().into_vec() {
        bytes.extend_from_slice(if byte == b'%' { b"%%" } else { std::slice::from_ref(&byte) });
    }
    bytes.push(b'/');
    bytes.extend_from_slice(file.named("%p").as_bytes());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use runner_shared::text::as_text;

    use super::*;
    use crate::{
        cli::SimulationArgs,
        mode::simulation::{valgrind::Capabilities, version::Build},
    };

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: SimulationArgs,
    }

    fn shown(version: &str, options: &[&str], suite: Option<&str>) -> String {
        let build = Build::parse(version);
        let can = build.is_fork();
        let capabilities = Capabilities { obj_skip: can, cycle_estimation: can, tracegrind: can };
        let valgrind = Valgrind {
            program: "/usr/bin/valgrind".into(),
            tools: None,
            version: version.to_owned(),
            build,
            capabilities,
        };
        let objects = [PathBuf::from("/usr/lib/libpython3.so")];
        let options = Line::parse_from(["x"].iter().chain(options)).options.into();
        let folder = &ProfileDir::new("/a 100%/p");
        let request =
            Request { valgrind: &valgrind, folder, objects: &objects, suite, options: &options };
        let args = request.arguments();
        args.iter().map(|arg| as_text(&arg).into_owned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_command_line_follows_the_capabilities_and_the_suite() {
        let (stock, fork) = ("valgrind-3.19.0", "valgrind-3.26.0.codspeed6");
        insta::assert_snapshot!("command", shown(stock, &[], None));
        let suite = Some("cargo codspeed run");
        insta::assert_snapshot!("suite_on_the_fork", shown(fork, &[], suite));
        let trace = ["--simulation-tool=tracegrind", "--skip-program=*/a", "--trace-helpers"];
        let options = [&trace[..], &["--cycle-estimation=false", "--experimental-fair-sched"]];
        insta::assert_snapshot!("tracegrind", shown(fork, &options.concat(), suite));
    }
}

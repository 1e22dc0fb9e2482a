//! Small scripts before `node` and `go` in `PATH`. That of Node asks the benchmark plugin for
//! the options that it needs, and starts Node with them; that of Go has tests measured, or says that they can't be.
//!
//! They are written for one run into a folder below its profile folder, are removed at its end, and
//! use nothing but a shell: below Valgrind, each further program takes a quarter of a second.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
};

use runner_shared::{env_names, mode::Mode, profile_dir::ProfileDir};
use system::{
    files,
    temporary::{Folder, Kind},
};

use super::ModeError;
use crate::{env::Env, tools, workload::Workload};

/// The folder of the scripts. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Shims {
    _folder: Folder,
}

/// A program that has a script before it.
struct Shim {
    name: &'static str,
    /// `@REAL@` stands for the quoted path of the real program.
    script: &'static str,
    /// Modes in which it is needed.
    modes: &'static [Mode],
}

const EVERY: &[Mode] = &[Mode::Simulation, Mode::Walltime, Mode::Memory];

/// Every script. To add a program or a mode, add it here.
const SHIMS: &[Shim] = &[
    Shim { name: "node", script: include_str!("node.sh"), modes: EVERY },
    Shim { name: "go", script: include_str!("go.sh"), modes: &[Mode::Walltime] },
    Shim {
        name: "go",
        script: include_str!("go-refused.sh"),
        modes: &[Mode::Simulation, Mode::Memory],
    },
];

/// Puts the scripts of this mode before the programs that there are. Commands that `exec-harness` measures have no
/// plugin that could ask for anything: they get none.
pub(crate) fn install(
    mode: Mode,
    workload: &Workload,
    profile_folder: &ProfileDir,
    env: Env,
) -> Result<(Env, Option<Shims>), ModeError> {
    let real = |shim: &Shim| tools::find(shim.name, &env);
    let is_wanted = |shim: &&Shim| match workload {
        Workload::Suite(_) => shim.modes.contains(&mode),
        Workload::Commands { .. } => false,
    };
    let wanted: Vec<_> =
        SHIMS.iter().filter(is_wanted).filter_map(|shim| Some((shim, real(shim)?))).collect();
    if wanted.is_empty() {
        return Ok((env, None));
    }
    // Of a run that is killed nothing is left but its own folder. No entry of `PATH` can have a colon in it.
    let parent = if profile_folder.path().as_os_str().as_bytes().contains(&b':') {
        env.temp_dir()
    } else {
        profile_folder.path().to_owned()
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ModeError::Write { path, source }
    };
    let folder = Folder::create(&parent, Kind::Shims).map_err(failed(&parent))?;
    for (shim, real) in wanted {
        let path = folder.path().join(shim.name);
        let script = shim.script.as_bytes();
        let text = replaced(script, b"@REAL@", &quoted(real.as_os_str()));
        let text = replaced(&text, b"@FOLDER@", &quoted(folder.path().as_os_str()));
        files::replace(&path, &text).map_err(failed(&path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed(&path))?;
    }
    let mut path = folder.path().as_os_str().to_owned();
    if let Some(before) = env.get(env_names::PATH) {
        path.push(":");
        path.push(before);
    }
    Ok((env.with(env_names::PATH, path), Some(Shims { _folder: folder })))
}

/// As one word of a shell.
fn quoted(text: &OsStr) -> Vec<u8> {
    let inner = replaced(text.as_bytes(), b"'", b"'\\''");
    [b"'", &inner[..], b"'"].concat()
}

fn replaced(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(what) {
            out.extend_from_slice(by);
            rest = behind;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::process::ask;

    /// A folder, and an environment in which programs of that folder come first.
    fn stage(programs: &[(&str, &str)]) -> (tempfile::TempDir, Env) {
        let dir = tempfile::Builder::new().prefix("it's here ").tempdir().unwrap();
        for (name, text) in programs {
            let path = dir.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::join_paths([dir.path(), Path::new("/usr/bin:/bin")]);
        let path = path.unwrap_or_else(|_| {
            let mut path = dir.path().as_os_str().to_owned();
            path.push(":/usr/bin:/bin");
            path
        });
        let env = Env::default().with(env_names::PATH, path);
        let env = env.with(env_names::TMPDIR, dir.path());
        (dir, env)
    }

    fn suite() -> Workload {
        Workload::Suite("node bench.mjs".into())
    }

    /// Returns what `words` print below the shims, if they succeed.
    fn said(env: &Env, dir: &Path, words: &str) -> Option<String> {
        ask(&PathBuf::from("/bin/sh"), &["-c", words], env, dir).ok()
    }

    /// Plays a plugin: asks for options when it is asked to, and says what it was started with.
    const NODE: &str = r#"
if [ -n "$__CODSPEED_NODE_CORE_INTROSPECTION_PATH__" ] && [ "$1" = bench.mjs ]; then
    printf '%s' '{"flags":["--hash-seed=1","--max-old-space-size=4096"]}' > "$__CODSPEED_NODE_CORE_INTROSPECTION_PATH__"
    exit 0
fi
echo "$# $* [$__CODSPEED_NODE_CORE_INTROSPECTION_PATH__]"
[ "$1" != fails ] || exit 7"#;

    #[test]
    fn node_is_started_again_with_the_options_that_its_plugin_wants() {
        let (dir, env) = stage(&[("node", NODE)]);
        let (env, shims) =
            install(Mode::Simulation, &suite(), &ProfileDir::new(dir.path()), env).unwrap();
        let run = |words: &str| said(&env, dir.path(), words);
        let again = run("node bench.mjs 'a  b' '*'").unwrap();
        assert_eq!(again, "5 --hash-seed=1 --max-old-space-size=4096 bench.mjs a  b * []\n");
        let once = run("node other.mjs x").unwrap();
        assert!(once.starts_with("2 other.mjs x [/"), "{once}");
        let failed = run("node fails || echo status $?").unwrap();
        assert!(failed.ends_with("status 7\n"), "{failed}");
        drop(shims);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the fake is left");
    }

    #[test]
    fn go_tests_that_cannot_be_measured_are_refused() {
        for mode in [Mode::Simulation, Mode::Memory] {
            let (dir, env) = stage(&[("go", "echo go \"$@\"")]);
            let (env, _shims) = install(mode, &suite(), &ProfileDir::new(dir.path()), env).unwrap();
            let passed = said(&env, dir.path(), "go version -m 'a b'").unwrap();
            assert_eq!(passed, "go version -m a b\n");
            let refused = said(&env, dir.path(), "go test ./... 2>&1 || echo status $?").unwrap();
            assert!(refused.contains("`-m walltime`"), "{refused}");
            assert!(refused.ends_with("status 1\n"), "{refused}");
        }
    }

    /// Returns what `words` print below the shims of walltime mode; `go` and the runner say what they are called with.
    fn go(others: &[(&str, &str)], words: &str) -> String {
        let real = r#"
case "$1 $2" in
"env GOBIN") echo ;;
"env GOPATH") echo "$HOME/gopath:$HOME/other" ;;
*) echo "go in ${PWD##*/}:"; printf ' [%s]' "$@" ;;
esac"#;
        let (dir, env) = stage(&[&[("go", real)], others].concat());
        let env = env.with(env_names::HOME, dir.path());
        fs::create_dir_all(dir.path().join("sub")).unwrap();
        let (env, _shims) =
            install(Mode::Walltime, &suite(), &ProfileDir::new(dir.path()), env).unwrap();
        said(&env, dir.path(), &format!("{{ {words} || echo status $?; }} 2>&1")).unwrap()
    }

    const RUNNER: &str = "echo \"runner in ${PWD##*/}:\"; printf ' [%s]' \"$@\"; go version";

    #[test]
    fn go_tests_are_run_by_their_runner_and_that_calls_the_real_go() {
        let runner = &[("codspeed-go-runner", RUNNER)];
        let said = go(runner, "cd sub && go test -bench . './...'");
        assert_eq!(said, "runner in sub:\n [test] [-bench] [.] [./...]go in sub:\n [version]");
        let said = go(runner, "go -C sub test -run '^$'");
        assert_eq!(said, "runner in sub:\n [test] [-run] [^$]go in sub:\n [version]");
    }

    #[test]
    fn the_runner_of_go_may_be_where_go_installs_programs() {
        let move_it = |to: &str| {
            format!("mkdir -p {to}; mv codspeed-go-runner.not-in-path {to}/codspeed-go-runner; ")
        };
        let runner = &[("codspeed-go-runner.not-in-path", RUNNER)];
        let expected = "runner in ";
        let in_path = go(runner, &(move_it("gopath/bin") + "go test"));
        assert!(in_path.starts_with(expected), "{in_path}");
        let in_bin = go(runner, &(move_it("bin") + "GOBIN=$HOME/bin go test"));
        assert!(in_bin.starts_with(expected), "{in_bin}");
        let missing = go(&[], "go test ./...");
        assert!(missing.contains("`codspeed setup --go-runner` installs it"), "{missing}");
        assert!(missing.ends_with("status 1\n"), "{missing}");
    }

    #[test]
    fn go_keeps_symbols_of_what_it_runs_and_all_else_is_passed_on() {
        let said = go(&[], "go run ./cmd a 'b c'");
        assert!(said.ends_with(" [run] [-work] [-ldflags=-s=false -w=false] [./cmd] [a] [b c]"));
        assert!(go(&[], "go -C sub run .").starts_with("go in sub:\n [run]"));
        assert!(go(&[], "go build -o x").ends_with(" [build] [-o] [x]"));
        assert!(go(&[], "go").starts_with("go in "));
    }

    #[test]
    fn plugins_of_node_may_ask_in_every_mode() {
        let (dir, env) = stage(&[("node", NODE)]);
        for mode in EVERY {
            let (env, _shims) =
                install(*mode, &suite(), &ProfileDir::new(dir.path()), env.clone()).unwrap();
            let again = said(&env, dir.path(), "node bench.mjs").unwrap();
            assert_eq!(again, "3 --hash-seed=1 --max-old-space-size=4096 bench.mjs []\n");
        }
    }

    #[test]
    fn a_command_that_the_harness_measures_gets_no_script() {
        let (dir, env) = stage(&[("node", NODE)]);
        let (targets, versus, robust, quiet) = (Vec::new(), None, false, false);
        let commands = Workload::Commands { targets, versus, robust, quiet };
        let (same, shims) =
            install(Mode::Walltime, &commands, &ProfileDir::new(dir.path()), env.clone()).unwrap();
        assert_eq!(same, env);
        assert!(shims.is_none());
    }

    #[test]
    fn a_profile_folder_that_path_cannot_name_is_not_used() {
        let (dir, env) = stage(&[("node", NODE)]);
        let folder = dir.path().join("a:b");
        fs::create_dir(&folder).unwrap();
        let (env, shims) =
            install(Mode::Walltime, &suite(), &ProfileDir::new(&folder), env).unwrap();
        assert!(said(&env, dir.path(), "node bench.mjs").unwrap().starts_with("3 --hash-seed=1 "));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        drop(shims);
    }

    #[test]
    fn without_the_programs_nothing_is_made() {
        let (dir, _) = stage(&[]);
        let env = Env::default().with(env_names::PATH, "/nowhere");
        let (same, shims) =
            install(Mode::Simulation, &suite(), &ProfileDir::new(dir.path()), env.clone()).unwrap();
        assert_eq!(same, env);
        assert!(shims.is_none());
    }
}

//! Simulation mode with the real Valgrind: each kind of command has a count or a named error.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: what is not expected fails the test"
)]

use std::{fs, path::Path, process::Command};

use runner_shared::text::shown;
use test_support::{Run, Sandbox};

const HARNESS: &str = env!("CARGO_BIN_EXE_exec-harness");
/// The arguments that the runner gives to Valgrind, as far as they matter here.
const CALLGRIND: [&str; 6] = [
    "-q",
    "--vgdb=no",
    "--tool=callgrind",
    "--trace-children=yes",
    "--instr-atstart=no",
    "--combine-dumps=yes",
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir(sandbox.path().join("profile")).unwrap();
    let lock = sandbox.tmp().join("lock");
    let sandbox = sandbox.with("CODSPEED_LOCK_FILE", lock);
    sandbox.with("CODSPEED_RUNNER_MODE", "instrumentation").with("LANG", "C")
}

/// The program, told how to start Valgrind, as the runner does it.
fn with_callgrind(sandbox: &Sandbox, folder: &str, words: &[&str]) -> Command {
    let folder = shown(&sandbox.path().join(folder)).into_owned();
    let files = format!("--callgrind-out-file={folder}/%p.out");
    let valgrind = valgrind(sandbox);
    let launcher = [&[&valgrind[..]], &CALLGRIND[..], &[&files]].concat();
    let launcher = launcher.iter().map(|word| format!("--launcher={word}"));
    let words = words.iter().map(|word| (*word).to_owned());
    let mut command = sandbox.command(HARNESS, launcher.chain(words));
    command.env("CODSPEED_PROFILE_FOLDER", folder);
    command
}

/// The program below Valgrind, as other runners start it.
fn below_callgrind(sandbox: &Sandbox, words: &[&str]) -> Command {
    let files = "--callgrind-out-file=profile/%p.out";
    let mut command =
        sandbox.command("valgrind", [&CALLGRIND[..], &[files, HARNESS], words].concat());
    command.env("CODSPEED_PROFILE_FOLDER", "profile");
    command
}

/// Not the shell script that some systems put before it.
fn valgrind(sandbox: &Sandbox) -> String {
    let words = ["-c", "command -v valgrind.bin || command -v valgrind"];
    sandbox.run(sandbox.command("sh", words)).stdout.trim().to_owned()
}

/// The counts in a folder, by label, sorted; nothing else may have been left there.
fn counts(folder: &Path) -> Vec<(String, u64)> {
    let mut counts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.extension().is_some_and(|ending| ending == "out"), "{}", shown(&path));
        let mut label = String::new();
        for line in fs::read_to_string(path).unwrap().lines() {
            if let Some(trigger) = line.strip_prefix("desc: Trigger: ") {
                trigger.strip_prefix("Client Request: ").unwrap_or_default().clone_into(&mut label);
            } else if let Some(totals) = line.strip_prefix("totals: ") {
                let cost = totals.split(' ').next().unwrap().parse().unwrap();
                if label.starts_with("exec_harness::") {
                    counts.push((label.clone(), cost));
                } else {
                    assert_eq!(cost, 0, "cost without a benchmark: {label:?}");
                }
            }
        }
    }
    counts.sort();
    counts
}

/// Runs with options and a command, and returns the count that must be there.
#[track_caller]
fn counted(sandbox: &Sandbox, words: &[&str]) -> u64 {
    let options = [&["--name", "a  name"], words].concat();
    let run = sandbox.run(with_callgrind(sandbox, "profile", &options));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let counts = counts(&sandbox.path().join("profile"));
    let [(label, count)] = &counts[..] else { panic!("{counts:?}") };
    assert_eq!(label, "exec_harness::a  name");
    assert!(*count > 0);
    *count
}

/// Runs with options and a command, and returns the error that must be there, without numbers
/// of processes.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str]) -> String {
    let options = [&["--quiet", "--name", "n"], words].concat();
    let run = sandbox.run(with_callgrind(sandbox, "profile", &options));
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(counts(&sandbox.path().join("profile")), [], "an error leaves no count behind");
    reason(&run, sandbox)
}

#[track_caller]
fn reason(run: &Run, sandbox: &Sandbox) -> String {
    let said = run.stderr.replace(&shown(sandbox.path()).into_owned(), "[sandbox]");
    let starts = ["error: benchmark `n` failed: ", "error: benchmark `n`: "];
    let said = starts.iter().find_map(|start| said.strip_prefix(start)).unwrap_or(&said);
    let mut words = Vec::new();
    let mut after_process = false;
    for word in said.trim_end().split(' ') {
        words.push(if after_process { "[pid]" } else { word });
        after_process = word == "process";
    }
    words.join(" ")
}

fn list(sandbox: &Sandbox, list: &str) -> Run {
    let mut command = with_callgrind(sandbox, "profile", &["--quiet", "-"]);
    command.stdin(fs::File::open(sandbox.file("list.json", list)).unwrap());
    sandbox.run(command)
}

fn build(sandbox: &Sandbox, name: &str, flags: &[&str], source: &str) {
    let file = shown(&sandbox.file(&format!("{name}.c"), source)).into_owned();
    let words = [&["-O1", "-w", "-o", name], flags, &[&file]].concat();
    let run = sandbox.run(sandbox.command("cc", words));
    assert_eq!(run.code, 0, "{}", run.stderr);
}

const WORK: &str = "for (volatile int i = 0; i < 10000; i++);";
/// The least cost of the loop above.
const WORK_COUNT: u64 = 30_000;

/// A C program whose body works and then ends as `end` says.
fn ending(sandbox: &Sandbox, end: &str) {
    let includes =
        "#include <stdlib.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n#include <sys/wait.h>";
    build(sandbox, "prog", &[], &format!("{includes}\nint main() {{ {WORK} {end}; }}"));
}

#[test]
fn without_valgrind_nothing_is_run() {
    let sandbox = sandbox();
    let run = sandbox.run(sandbox.command(HARNESS, ["touch", "file"]));
    assert_eq!(run.code, 1);
    let expected = "error: mode `simulation` needs exec-harness to run under Valgrind: use `codspeed exec -m \
        simulation`";
    assert_eq!(reason(&run, &sandbox), expected);
    assert!(!sandbox.path().join("file").exists());
}

mod privileged {
    use super::*;

    const CHILDREN: &str = "it ran, but was not counted: it starts other processes, whose work is not counted: process";
    const CHILDREN_HINT: &str = "; measure the command that does the work, or use mode `walltime`";

    #[test]
    fn a_program_is_counted_and_its_start_is_not() {
        let sandbox = sandbox();
        let ls = counted(&sandbox, &["ls", "-d", "/"]);
        assert!((10_000..400_000).contains(&ls), "{ls}");
        let trivial = super::sandbox();
        let count = counted(&trivial, &["true"]);
        assert!(count < 10_000, "{count}");
    }

    #[test]
    fn below_the_valgrind_of_another_runner_the_count_is_the_same() {
        let sandbox = sandbox();
        ending(&sandbox, "return 0");
        let ours = counted(&sandbox, &["./prog"]);
        let below = super::sandbox();
        ending(&below, "return 0");
        let run = below.run(below_callgrind(&below, &["--name", "n", "./prog"]));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let counts = counts(&below.path().join("profile"));
        assert_eq!(counts, [("exec_harness::n".to_owned(), ours)]);
        let refused = below.run(below_callgrind(&below, &["sh", "-c", "ls -d /"]));
        assert!(refused.stderr.contains(CHILDREN), "{}", refused.stderr);
    }

    #[test]
    fn two_targets_with_equal_work_have_equal_counts() {
        let sandbox = sandbox();
        ending(&sandbox, "return 0");
        let run = list(
            &sandbox,
            r#"[{"command":["./prog"],"name":"one"},{"command":["./prog"],"name":"two"}]"#,
        );
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let counts = counts(&sandbox.path().join("profile"));
        let [(one, first), (two, second)] = &counts[..] else { panic!("{counts:?}") };
        assert_eq!((one.as_str(), two.as_str()), ("exec_harness::one", "exec_harness::two"));
        assert!(*first > WORK_COUNT);
        assert_eq!(first, second);
    }

    #[test]
    fn what_was_counted_before_and_after_a_failure_is_kept() {
        let sandbox = sandbox();
        let targets = r#"[{"command":["true"]},{"command":["sh","-c","echo no >&2; exit 3"],"name":"n"},{"command":["ls"]}]"#;
        let run = list(&sandbox, targets);
        assert_eq!(run.code, 1);
        let expected = "round 1: exit status 3\n  its standard error ends with:\n  | no";
        assert_eq!(reason(&run, &sandbox), expected);
        let counts = counts(&sandbox.path().join("profile"));
        let labels: Vec<_> = counts.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["exec_harness::ls", "exec_harness::true"]);
    }

    #[test]
    fn a_shell_that_becomes_the_command_gives_the_commands_count() {
        let sandbox = sandbox();
        let words = ["--name", "n", "bash", "-c", "exec ls -d /"];
        let run = sandbox.run(with_callgrind(&sandbox, "profile", &words));
        assert_eq!(run.code, 0);
        let said = "instructions (only of `/usr/bin/ls -d /`, which replaced the command; earlier instructions are not counted)";
        assert!(run.stderr.trim_end().ends_with(said), "{}", run.stderr);
        // The note for the runner lies beside the count of its process.
        let profile = sandbox.path().join("profile");
        let notes: Vec<_> = fs::read_dir(&profile)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "became"))
            .collect();
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert_eq!(fs::read_to_string(note).unwrap().trim_end(), "/usr/bin/ls -d /");
        fs::remove_file(note).unwrap();
        assert_eq!(counts(&profile).len(), 1);
    }

    #[test]
    fn a_shell_that_forks_for_the_command_is_refused() {
        let expected = format!("{CHILDREN} [pid] (`/usr/bin/ls -d /`){CHILDREN_HINT}");
        assert_eq!(refused(&sandbox(), &["sh", "-c", "ls -d /"]), expected);
        assert_eq!(
            refused(&sandbox(), &["ls -d / | cat"]).split('(').next(),
            Some(
                "it ran, but was not counted: it starts other processes, whose work is not counted: process [pid] "
            )
        );
    }

    #[test]
    fn scripts_are_counted_with_exit_and_raw_exit() {
        for shell in ["bash", "sh"] {
            let sandbox = sandbox();
            let text = "i=0; while [ $i -lt 100 ]; do i=$((i + 1)); done";
            sandbox.program("script", &format!("#!/bin/{shell}\n{text}\n"));
            let count = counted(&sandbox, &["./script"]);
            assert!(count > 30_000, "{shell}: {count}");
        }
    }

    #[test]
    fn every_way_to_end_a_program_leaves_its_count() {
        for end in ["return 0", "exit(0)", "_exit(0)", "_Exit(0)", "quick_exit(0)"] {
            let sandbox = sandbox();
            ending(&sandbox, end);
            assert!(counted(&sandbox, &["./prog"]) > WORK_COUNT, "{end}");
        }
    }

    #[test]
    fn an_end_that_cannot_be_intercepted_is_counted() {
        for end in ["syscall(SYS_exit_group, 0)", "kill(getpid(), 9)"] {
            let sandbox = sandbox();
            ending(&sandbox, end);
            let words = ["--ignore-failure=all", "./prog"];
            assert!(counted(&sandbox, &words) > WORK_COUNT, "{end}");
        }
    }

    #[test]
    fn static_programs_are_refused_before_they_run() {
        let hint = "is statically linked, and simulation mode needs a dynamically linked program (a build without \
            `-static` or `-static-pie`); use mode `walltime`, or an integration for its language";
        for flag in ["-static-pie", "-static"] {
            let sandbox = sandbox();
            build(&sandbox, "prog", &[flag], "int main() { return 0; }");
            assert_eq!(refused(&sandbox, &["./prog"]), format!("`./prog` {hint}"));
            sandbox.program("script", "#!./prog\n");
            assert_eq!(refused(&sandbox, &["./script"]), format!("`./prog` {hint}"));
            let became = "it ran, but was not counted: it executed another program, `./prog`, which is static or \
                removes `LD_PRELOAD`, so it can't be counted; measure that program directly to see why";
            assert_eq!(refused(&sandbox, &["env", "./prog"]), became);
        }
    }

    #[test]
    fn what_cannot_run_below_valgrind_is_refused_before_it_runs() {
        let sandbox = sandbox();
        fs::copy("/bin/true", sandbox.path().join("raised")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
        fs::set_permissions(sandbox.path().join("raised"), mode).unwrap();
        assert_eq!(
            refused(&sandbox, &["./raised"]),
            "`./raised` gains privileges when it is run (setuid, setgid or file capabilities), which Valgrind does not \
                allow; measure a copy without them, or use mode `walltime`"
        );
        assert_eq!(
            refused(&sandbox, &["no-such-program"]),
            "the command cannot be run: `no-such-program` was not found in any folder of PATH"
        );
        let run = sandbox.run(with_callgrind(&sandbox, "profile", &["-q", "sh", "-c", "a\nb"]));
        assert!(run.stderr.contains("its name contains a line break"), "{}", run.stderr);
    }

    #[test]
    fn a_shim_that_runs_helpers_before_exec_is_refused() {
        let sandbox = sandbox();
        sandbox.program("shim", "#!/bin/bash\nprogram=$(echo ls)\nexec \"$program\" -d /\n");
        let expected = format!("{CHILDREN} [pid] (`./shim`){CHILDREN_HINT}");
        assert_eq!(refused(&sandbox, &["./shim"]), expected);
    }

    #[test]
    fn a_fork_is_refused_and_dumps_nothing_for_the_benchmark() {
        let sandbox = sandbox();
        ending(&sandbox, &format!("if (fork() == 0) {{ {WORK} exit(0); }} wait(0); return 0"));
        let expected = format!("{CHILDREN} [pid] (`./prog`){CHILDREN_HINT}");
        assert_eq!(refused(&sandbox, &["./prog"]), expected);
    }

    #[test]
    fn what_goes_on_after_the_command_is_ended_and_refused() {
        let expected = "it ran, but was not counted: its process [pid] was still running when the command ended, and \
            can't be counted; use mode `walltime` to measure the command";
        assert_eq!(refused(&sandbox(), &["setsid", "sleep", "1000"]), expected);
        assert_eq!(refused(&sandbox(), &["sh", "-c", "sleep 1000 &"]), expected);
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let expected = "round 1: did not finish within 300.0 ms; use `--timeout` to allow more";
        assert_eq!(refused(&sandbox(), &["--timeout", "300ms", "sleep", "1000"]), expected);
    }

    #[test]
    fn a_library_that_the_user_preloads_stays_loaded() {
        let sandbox = sandbox();
        build(&sandbox, "extra.so", &["-shared", "-fPIC"], "int extra(void) { return 0; }");
        let source = "#define _GNU_SOURCE\n#include <dlfcn.h>\nint main() { return dlsym(RTLD_DEFAULT, \"extra\") == 0; }";
        build(&sandbox, "prog", &[], source);
        assert_eq!(refused(&sandbox, &["./prog"]), "round 1: exit status 1");
        let library = sandbox.path().join("extra.so");
        counted(&sandbox.with("LD_PRELOAD", library), &["./prog"]);
    }

    #[test]
    fn a_program_that_unsets_the_preload_before_exec_is_detected() {
        let found = refused(&sandbox(), &["env", "-u", "LD_PRELOAD", "ls", "-d", "/"]);
        let expected = "it ran, but was not counted: it executed another program, `/usr/bin/ls -d /`, which is static \
            or removes `LD_PRELOAD`, so it can't be counted; measure that program directly to see why";
        assert_eq!(found, expected);
    }

    #[test]
    fn hooks_run_without_the_library_and_do_not_count() {
        let sandbox = sandbox();
        sandbox.program("hook", "#!/bin/sh\necho \"$1 [$CODSPEED_BENCH_URI]\" >> hooks\n");
        let words = ["--setup", "./hook setup", "--prepare", "./hook prepare"];
        let more = ["--conclude", "./hook conclude", "--cleanup", "./hook cleanup", "true"];
        let count = counted(&sandbox, &[&words[..], &more].concat());
        assert!(count < 10_000, "{count}");
        let hooks = sandbox.text("hooks");
        assert_eq!(hooks, "setup []\nprepare []\nconclude []\ncleanup []\n");
    }

    #[test]
    fn a_failing_hook_leaves_no_count() {
        let found = refused(&sandbox(), &["--conclude", "false", "true"]);
        assert_eq!(found, "the conclude command after round 1: exit status 1");
    }

    #[test]
    fn a_folder_without_programs_or_with_blanks_is_no_obstacle() {
        let sandbox = sandbox();
        fs::create_dir(sandbox.path().join("pro file")).unwrap();
        let run = sandbox.run(with_callgrind(&sandbox, "pro file", &["--name", "n", "true"]));
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(counts(&sandbox.path().join("pro file")).len(), 1);

        let files = "--callgrind-out-file=profile/%p.out";
        let program = [&CALLGRIND[..], &[files, HARNESS, "--name", "n", "true"]].concat();
        let mount =
            "mount -t tmpfs -o noexec none profile && \"$@\" && mkdir out && cp profile/*.out out";
        let shell = ["--mount", "sh", "-c", mount, "sh", "valgrind"];
        let mut command = sandbox.command("unshare", [&shell[..], &program].concat());
        command.env("CODSPEED_PROFILE_FOLDER", "profile");
        let run = sandbox.run(command);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(counts(&sandbox.path().join("out")).len(), 1);
    }

    #[test]
    fn without_a_folder_the_library_reports_and_leaves_nothing() {
        let sandbox = sandbox();
        let temporary = sandbox.tmp();
        let sandbox = sandbox.with("TMPDIR", temporary);
        ending(&sandbox, "syscall(SYS_exit_group, 0)");
        let run = |program: &str| {
            let files = "--callgrind-out-file=profile/%p.out";
            let words = [&CALLGRIND[..], &[files, HARNESS, "-q", "--name", "n", program]].concat();
            sandbox.run(sandbox.command("valgrind", words))
        };
        assert_eq!(run("true").code, 0);
        let raw = run("./prog");
        assert_eq!(raw.code, 1);
        assert_eq!(
            reason(&raw, &sandbox),
            "it ran, but was not counted: it ended by a raw system call or a signal, unnoticed by the library; set \
                CODSPEED_PROFILE_FOLDER to find its counts nevertheless"
        );
        assert_eq!(sandbox.left_in_tmp(), [""; 0]);
    }

    #[test]
    fn a_valgrind_that_does_not_count_the_command_is_said() {
        let sandbox = sandbox();
        let folder = sandbox.path().join("profile");
        let run = |valgrind: &[&str]| {
            let words = [valgrind, &[HARNESS, "-q", "--name", "n", "true"]].concat();
            let mut command = sandbox.command("valgrind", words);
            command.env("CODSPEED_PROFILE_FOLDER", &folder);
            let run = sandbox.run(command);
            assert_eq!(run.code, 1, "{}", run.stderr);
            reason(&run, &sandbox)
        };
        let files = format!("--callgrind-out-file={}/%p.out", shown(&folder));
        let outside = "it ran, but was not counted: it ran outside of Valgrind, which needs `--trace-children=yes` and \
            no `--trace-children-skip` that matches the command";
        let alone = [&CALLGRIND[..3], &["--instr-atstart=no", &files]].concat();
        assert_eq!(run(&alone), outside);
        let skip = [&CALLGRIND[..], &["--trace-children-skip=*/true", &files]].concat();
        assert_eq!(run(&skip), outside);
        let other = run(&["-q", "--vgdb=no", "--tool=none", "--trace-children=yes"]);
        assert!(other.contains("is the tool callgrind"), "{other}");
    }
}

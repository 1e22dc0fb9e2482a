//! The environment of root below sudo, and a second user who is known in a namespace of the test's own.

use std::path::Path;

use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, sandbox};

/// A user with a group of her own and two more, and a folder for temporary files that is not hers. The programs are in
/// a place that everybody reaches, wherever the tree is. Becomes `$@`.
const STAGE: &str = r#"
set -e
mount --bind "$BINARIES" /mnt
mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -m 0700 /tmp/roots
mkdir /tmp/home && cd /tmp/home && chown 4321:4322 .
(cat /etc/passwd; echo 'alice:x:4321:4322::/tmp/home:/bin/sh') > /tmp/roots/passwd
(cat /etc/group; echo 'alice:x:4322:'; echo 'video2:x:4323:alice'; echo 'disk2:x:4324:bob,alice') > /tmp/roots/group
chmod 644 /tmp/roots/*
mount --bind /tmp/roots/passwd /etc/passwd
mount --bind /tmp/roots/group /etc/group
unset BINARIES
exec sh -ec "$1"
"#;

/// A benchmark that writes to the file `who`: users and groups that the kernel knows, and variables.
const BENCHMARK: &str = "grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' ' ' > who; echo $HOME $USER $LOGNAME $KEPT >> who";
const ALICE: &str = "Uid: 4321 4321 4321 4321\nGid: 4322 4322 4322 4322\nGroups: 4322 4323 4324 \n/tmp/home alice alice kept\n";

#[track_caller]
fn called_by_sudo(text: &str) -> (Run, Sandbox) {
    let binaries = Path::new(CODSPEED).parent().unwrap();
    let sandbox = sandbox()
        .with("BINARIES", binaries)
        .with("SUDO_UID", "4321")
        .with("SUDO_GID", "4322")
        .with("SUDO_USER", "alice")
        .with("HOME", "/root")
        .with("USER", "root")
        .with("LOGNAME", "root")
        .with("KEPT", "kept")
        .with("BENCHMARK", BENCHMARK);
    let words = ["--mount", "--propagation", "private", "sh", "-c", STAGE, "sh", text];
    let run = sandbox.run(sandbox.command("unshare", words));
    (run, sandbox)
}

#[test]
fn runs_are_looked_for_where_they_were_stored() {
    let (run, _sandbox) = called_by_sudo("/mnt/codspeed store path; /mnt/codspeed store list");
    assert!(run.stdout.starts_with("/tmp/home/.local/share/codspeed/store\n"), "{}", run.shown());
}

/// Runs the benchmark with these options. Everything that is left is the user's, and theirs alone in the profile folder.
#[track_caller]
fn exec(options: &str) -> Run {
    let (run, _sandbox) = called_by_sudo(&format!(
        "/mnt/codspeed exec {options} --profile-folder p --export json=out.json --max-rounds 2 --warmup-time 0 --name x -- 'eval \"$BENCHMARK\"' >&2
         cat who
         find p -type f ! -perm 0600; find p -type d ! -perm 0700
         find /tmp ! -user alice ! -path '/tmp/roots*' ! -path /tmp"
    ));
    assert_eq!((run.code, run.stdout.as_str()), (0, ALICE), "{}", run.stderr);
    assert!(
        run.stderr.contains("running the benchmark as `alice` (who called sudo)"),
        "{}",
        run.stderr
    );
    run
}

mod privileged {
    use super::*;

    #[test]
    fn the_library_traces_the_benchmark_of_the_one_who_called_sudo() {
        exec("-m memory --backend preload");
    }

    #[test]
    fn the_kernel_traces_the_benchmark_of_the_one_who_called_sudo() {
        exec("-m memory --backend ebpf");
    }

    #[test]
    fn times_are_those_of_the_one_who_called_sudo() {
        exec("-m walltime");
    }

    #[test]
    fn profiles_are_theirs_too() {
        let run = exec("-m walltime --enable-perf");
        assert!(!run.stderr.contains("vdso"), "{}", run.stderr);
    }

    #[test]
    fn a_suite_speaks_to_the_runner_as_the_one_who_called_sudo() {
        let (run, _sandbox) = called_by_sudo(
            "/mnt/codspeed run -m memory --allow-empty --profile-folder p -- 'id -un > who; ls -l /tmp/runner.ctl.fifo | cut -d\" \" -f3 >> who' >&2
             cat who",
        );
        assert_eq!((run.code, run.stdout.as_str()), (0, "alice\nalice\n"), "{}", run.stderr);
    }

    #[test]
    fn a_folder_for_temporary_files_that_is_root_s_is_left_alone() {
        let (run, _sandbox) = called_by_sudo(
            "export TMPDIR=/tmp/roots
             /mnt/codspeed exec -m memory --backend preload --name x -- 'id -un > who' >&2
             cat who; ls /tmp/roots",
        );
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (0, "alice\ngroup\npasswd\n"),
            "{}",
            run.stderr
        );
    }

    #[test]
    fn whoever_is_told_runs_it_and_root_only_if_told() {
        let (run, _sandbox) = called_by_sudo(
            "for user in root nobody 4321:4323 4321; do
               chmod 777 . && rm -f who
               /mnt/codspeed exec -m memory --backend preload --run-as $user --name x -- 'echo $(id -un) $(id -g) > who' >&2
               cat who
             done",
        );
        let expected = "root 0\nnobody 65534\nalice 4323\nalice 4322\n";
        assert_eq!((run.code, run.stdout.as_str()), (0, expected), "{}", run.stderr);
    }

    #[test]
    fn doas_and_pkexec_are_what_sudo_is() {
        for (program, variables) in [("doas", "DOAS_USER=alice"), ("pkexec", "PKEXEC_UID=4321")] {
            let (run, _sandbox) = called_by_sudo(&format!(
                "unset SUDO_UID SUDO_GID SUDO_USER; export {variables}
                 /mnt/codspeed exec -m memory --backend preload --name x -- 'id -un > who' >&2
                 /mnt/codspeed exec -m memory --backend preload --name x --run-as root -- 'id -un >> /tmp/roots/who' >&2
                 cat who /tmp/roots/who"
            ));
            assert_eq!((run.code, run.stdout.as_str()), (0, "alice\nroot\n"), "{}", run.stderr);
            let said = format!("running the benchmark as `alice` (who called {program})");
            assert!(run.stderr.contains(&said), "{}", run.stderr);
        }
    }

    #[test]
    fn a_folder_that_they_may_not_use_is_named_before_anything_runs() {
        for mode in ["walltime", "memory", "simulation"] {
            let (run, _sandbox) = called_by_sudo(&format!(
                "cd /tmp/roots; /mnt/codspeed exec -m {mode} -- /bin/true || echo $? >&2; ls /tmp"
            ));
            assert_eq!(run.stdout, "home\nroots\n", "{}", run.stderr);
            let said =
                "error: the folder `/tmp/roots` is not accessible to `alice` (who called sudo)\n";
            assert!(run.stderr.contains(said), "{}", run.stderr);
            assert!(run.stderr.ends_with("`--run-as root`\n3\n"), "{}", run.stderr);
        }
    }

    #[test]
    fn nobody_who_is_told_is_an_error() {
        let (run, _sandbox) = called_by_sudo("/mnt/codspeed exec --run-as nobody2 -- true");
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("there is no user `nobody2`"), "{}", run.stderr);
    }

    #[test]
    fn the_tracer_alone_does_the_same() {
        for backend in ["preload", "ebpf"] {
            let (run, _sandbox) = called_by_sudo(&format!(
                "/mnt/codspeed-memtrack track --backend {backend} --json usage.json -- sh -c 'eval \"$BENCHMARK\"'
                 cat who; find . ! -user alice; ls"
            ));
            assert_eq!(run.code, 0, "{}", run.stderr);
            assert!(run.stdout.starts_with(ALICE), "{}", run.stdout);
            let files: Vec<&str> = run.stdout[ALICE.len()..].lines().collect();
            let [artifact, stats, usage, who] = files[..] else { panic!("{files:?}") };
            assert!(artifact.ends_with(".MemtrackArtifact.msgpack"), "{artifact}");
            assert!(stats.ends_with(".MemtrackStats.json"), "{stats}");
            assert_eq!((usage, who), ("usage.json", "who"));
            assert!(
                run.stderr.contains("the command runs as `alice` (who called sudo)"),
                "{}",
                run.stderr
            );
        }
    }
}

//! Settings that stay: the project file, profiles, and what a shell uses.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use test_support::{Sandbox, redact};

use crate::stage::{CODSPEED, sandbox};

/// A sandbox with a repository, in which no shell uses anything yet.
fn fresh() -> Sandbox {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join(".git")).unwrap();
    let runtime = sandbox.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    sandbox.with("XDG_RUNTIME_DIR", runtime).with("CODSPEED", CODSPEED)
}

/// Returns what a shell shows that runs these commands one after the other; `codspeed` is the program under test.
#[track_caller]
fn shell(sandbox: &Sandbox, lines: &[&str]) -> String {
    let function = "codspeed() { \"$CODSPEED\" \"$@\"; }\nexec 2>&1\n".to_owned();
    let said = |line: &&str| format!("echo '$ {}'\n{line}\n", line.replace('\'', "\""));
    let script = function + &lines.iter().map(said).collect::<Vec<_>>().concat() + "true\n";
    let run = sandbox.run(sandbox.command("sh", ["-c", &script]));
    redact(&run.shown(), sandbox)
}

#[test]
fn a_shell_and_what_it_starts_use_what_was_chosen() {
    insta::assert_snapshot!(shell(
        &fresh(),
        &[
            "codspeed show",
            "codspeed use memory,walltime memory",
            "codspeed show",
            "(codspeed show; true)",
            "sh -c '\"$CODSPEED\" show; true' | cat",
            "codspeed run -- ''",
            "codspeed exec -- /no/such",
            "codspeed use simulation",
            "codspeed exec -- /no/such",
            "codspeed exec -m memory -- /no/such",
            "CODSPEED_RUNNER_MODE= codspeed exec -- /no/such",
            "CODSPEED_RUNNER_MODE=memory,walltime codspeed exec -- /no/such",
            "CODSPEED_RUNNER_MODE=fast codspeed exec -- /no/such",
            "codspeed use --clear",
            "codspeed show",
        ]
    ));
}

#[test]
fn what_one_shell_uses_is_nothing_to_another_one_and_is_swept() {
    let sandbox = fresh();
    shell(&sandbox, &["codspeed use walltime"]);
    let folder = sandbox.path().join("runtime/codspeed_use_mode");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let text = shell(&sandbox, &["codspeed show", "codspeed use memory"]);
    assert!(text.contains("mode: not chosen"), "{text}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the first one has ended");
}

#[test]
fn choices_that_make_no_sense_are_refused() {
    insta::assert_snapshot!(shell(
        &fresh(),
        &[
            "codspeed use",
            "codspeed use fast",
            "codspeed use waltime",
            "codspeed use --clear memory",
            "codspeed use memory",
            "for file in runtime/codspeed_use_mode/*; do echo '[\"fast\"]' > $file; done",
            "codspeed show 2>&1 | sed 's|mode/[0-9]*-[0-9]*|mode/[shell]|'",
            "codspeed use --clear",
            "codspeed show",
        ]
    ));
}

#[test]
fn profiles_are_made_used_and_removed() {
    let sandbox = fresh();
    insta::assert_snapshot!(shell(
        &sandbox,
        &[
            "codspeed profile list",
            "codspeed profile show",
            "codspeed profile set work --api-url https://gql.example.test/",
            "codspeed profile set work --upload-url https://api.example.test/upload",
            "echo hush | codspeed profile set work --token-stdin",
            "codspeed profile show work",
            "codspeed profile use work",
            "codspeed show",
            "codspeed profile list",
            "codspeed --profile default profile show",
            "CODSPEED_PROFILE=default codspeed profile list",
            "codspeed --api-url http://localhost:1 profile show",
            "CODSPEED_OAUTH_TOKEN=x codspeed --profile default profile show",
            "sh -c '\"$CODSPEED\" profile remove work; true'",
            "codspeed profile list",
            "codspeed profile show",
            "codspeed profile set work",
            "codspeed profile show",
            "codspeed profile remove work",
            "codspeed profile show",
            "codspeed profile remove default",
        ]
    ));
    let file = sandbox.path().join(".config/codspeed/config.yaml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn profiles_that_make_no_sense_are_refused() {
    insta::assert_snapshot!(shell(
        &fresh(),
        &[
            "codspeed profile set work",
            "codspeed profile set work",
            "codspeed profile use wrok",
            "codspeed profile show no/name",
            "codspeed profile set work --api-url example.test",
            "codspeed profile set work --token-stdin",
            "echo two words | codspeed profile set work --token-stdin",
            "codspeed profile remove other",
            "codspeed --profile other profile show",
            "CODSPEED_CONFIG_NAME=../x codspeed profile list",
            "codspeed --config-name other profile list",
        ]
    ));
}

#[test]
fn a_broken_file_stops_who_looks_and_not_who_logs_in() {
    let sandbox = fresh();
    let folder = sandbox.path().join(".config/codspeed");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yaml"), "version: 1\nprofiles:\n  work: hush\n").unwrap();
    let text = shell(
        &sandbox,
        &[
            "codspeed profile list",
            "codspeed profile set work --api-url https://gql.example.test/",
            "echo secret | codspeed profile set work --token-stdin",
            "codspeed profile list",
            "cat .config/codspeed/config.yaml.broken",
        ],
    );
    insta::assert_snapshot!(text);
}

/// Puts something in the place of a file.
type Make = fn(&Path);

#[test]
fn what_is_no_file_is_named_and_nobody_waits_for_it() {
    let pipe = |path: &Path| mkfifo(path, Mode::S_IRWXU).unwrap();
    let device = |path: &Path| symlink("/dev/zero", path).unwrap();
    let sparse = |path: &Path| fs::File::create(path).unwrap().set_len(1 << 30).unwrap();
    let odd: [(Make, &str); 3] = [
        (pipe, "it is a pipe (FIFO), not a regular file"),
        (device, "it is a device, not a regular file"),
        (sparse, "it has more than 262144 bytes"),
    ];
    let read: [(&str, &[&str]); 4] = [
        ("codspeed.yml", &["run"]),
        (".codspeed.yaml", &["run", "--list"]),
        (".config/codspeed/config.yaml", &["profile", "list"]),
        (".config/codspeed/config.yaml", &["auth", "status"]),
    ];
    for (name, words) in read {
        for (make, why) in odd {
            let sandbox = fresh();
            fs::create_dir_all(sandbox.path().join(".config/codspeed")).unwrap();
            make(&sandbox.path().join(name));
            let run = sandbox.run(sandbox.command(CODSPEED, words));
            assert_ne!(run.code, 0, "{name}: {why}");
            assert!(run.stderr.contains(name) && run.stderr.contains(why), "{name}: {run:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_project_file_is_said_with_its_place() {
    let sandbox = fresh();
    let inner = sandbox.path().join("inner");
    fs::create_dir(&inner).unwrap();
    sandbox.file("codspeed.yml", "options:\n  max-rounds: three\n");
    sandbox.file("two.yml", "benchmark: 1\nbenchmarks:\n- exec: ls\n- entrypoint: ls\n");
    sandbox.file("none.yml", "benchmarks: []\n");
    sandbox.file("rounds.yml", "options:\n  min-rounds: 5\n");
    sandbox.file("no-rounds.yml", "options:\n  max-rounds: 0\n");
    insta::assert_snapshot!(shell(
        &sandbox,
        &[
            "codspeed run -m walltime",
            "codspeed exec -- true",
            "cd inner; codspeed exec -- true; cd ..",
            "codspeed run --list --config two.yml",
            "codspeed run -m walltime --config none.yml",
            "codspeed exec --config rounds.yml --max-rounds 3 -- true",
            "codspeed exec --config no-rounds.yml -- true",
            "codspeed show",
        ]
    ));
}

#[test]
fn what_is_set_up_may_be_told_by_the_environment() {
    let sandbox = fresh().with("CODSPEED_RUNNER_MODE", "memory");
    let modes = |words: &[&str]| {
        let run = sandbox.run(sandbox.command(CODSPEED, words));
        assert_eq!(run.code, 0, "{}", run.shown());
        let said = run.stderr + &run.stdout;
        ["walltime: ", "simulation: ", "memory: "].map(|mode| said.contains(mode))
    };
    assert_eq!(modes(&["setup", "--dry-run"]), [false, false, true]);
    assert_eq!(modes(&["setup", "--dry-run", "-m", "walltime"]), [true, false, false]);
}

#[test]
fn the_schema_is_that_of_the_repository() {
    let sandbox = fresh();
    let run = sandbox.run(sandbox.command(CODSPEED, ["schema"]));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, include_str!("../../codspeed.schema.json"));
}

//! `codspeed setup` and `codspeed status`, without network and without changing the system.

use runner_shared::text::shown;
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, codspeed, sandbox};

const FAKE: &str = "#!/bin/sh\ncase \"$*\" in *--version) echo valgrind-3.26.0.codspeed6;; *) echo --obj-skip= --cycle-estimation;; esac\n";

fn status(sandbox: &Sandbox) -> Run {
    let run = sandbox.run(sandbox.command(CODSPEED, ["status"]));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run
}

#[test]
fn status_names_what_is_used_and_the_command_that_gives_more() {
    let sandbox = sandbox();
    sandbox
        .program("valgrind", "#!/bin/sh\ncase \"$*\" in *--version) echo valgrind-3.24.0;; esac\n");
    let path = sandbox.path().to_owned();
    let sandbox = sandbox.with("PATH", path);
    let said = status(&sandbox).stdout;
    let line = format!("valgrind: valgrind-3.24.0, stock, {}", shown(sandbox.path()));
    assert!(said.contains(&line), "{said}");
    assert!(said.contains("    -> codspeed setup -m simulation\n"), "{said}");
    sandbox.program("valgrind", FAKE);
    let said = status(&sandbox).stdout;
    assert!(said.contains("valgrind-3.26.0.codspeed6, CodSpeed's fork"), "{said}");
    assert!(!said.contains("CodSpeed's Valgrind;"), "{said}");
    std::fs::remove_file(sandbox.path().join("valgrind")).unwrap();
    let said = status(&sandbox).stdout;
    assert!(said.contains("simulation: not ready\n"), "{said}");
}

#[test]
fn walltime_mode_is_ready_without_perf_and_says_what_that_costs() {
    let sandbox = sandbox();
    let path = sandbox.path().to_owned();
    let said = status(&sandbox.with("PATH", path)).stdout;
    assert!(said.contains("walltime: ready\n"), "{said}");
    assert!(said.contains("  missing profiles: `perf` was not found; "), "{said}");
}

#[test]
fn memory_mode_is_ready_where_the_tracer_is() {
    let sandbox = sandbox();
    sandbox.program("tracer", "#!/bin/sh\n");
    let path = sandbox.path().join("tracer");
    let sandbox = sandbox.with("CODSPEED_MEMTRACK", &path);
    let found = format!("memory: ready\n  codspeed-memtrack: {}\n", shown(&path));
    let said = status(&sandbox).stdout;
    assert!(said.contains(&found), "{said}");
    let run = codspeed(&sandbox, ["setup", "-m", "memory,walltime"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = format!("memory: found codspeed-memtrack: {}", shown(&path));
    assert!(run.stderr.contains(&found), "{}", run.stderr);
    assert!(run.stderr.contains("walltime: found exec-harness: "), "{}", run.stderr);
}

#[test]
fn apt_is_run_only_when_asked_for_and_is_announced() {
    let sandbox = sandbox();
    sandbox.program("apt-get", "#!/bin/sh\necho \"$@\" >> calls\n");
    sandbox.program("sudo", "#!/bin/sh\n\"$@\"\n");
    let path = sandbox.path().to_owned();
    let sandbox = sandbox.with("PATH", path);
    let run = |words: &[&str]| sandbox.run(sandbox.command(CODSPEED, words));
    let dry = run(&["setup", "-m", "simulation", "--apt", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(dry.stderr.contains("apt-get install --yes -o "), "{}", dry.stderr);
    assert!(dry.stderr.contains(" valgrind libc6-dbg\n"), "{}", dry.stderr);
    assert!(!sandbox.path().join("calls").exists());
    assert_eq!(run(&["setup", "-m", "simulation", "--apt"]).code, 0);
    let limits = "-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
        -o DPkg::Lock::Timeout=120";
    let calls = format!("update {limits}\ninstall --yes {limits} valgrind libc6-dbg\n");
    assert_eq!(sandbox.text("calls"), calls);
    assert_eq!(run(&["setup", "-m", "walltime", "--apt"]).code, 0);
    let last = sandbox.text("calls").lines().last().unwrap().to_owned();
    assert!(last.ends_with(" linux-perf") || last.ends_with(" linux-tools-generic"), "{last}");
    sandbox.program("apt-get", "#!/bin/sh\nexit 100\n");
    let failed = run(&["setup", "--apt"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("DPkg::Lock::Timeout=120` failed"), "{}", failed.stderr);
}

#[test]
fn a_package_with_an_unknown_hash_is_refused() {
    let sandbox = sandbox();
    sandbox.file("valgrind.deb", "not the one");
    let run = codspeed(&sandbox, ["setup", "-m", "simulation", "--package", "valgrind.deb"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("doesn't match a package of CodSpeed's Valgrind"),
        "{}",
        run.stderr
    );
    let folder = sandbox.path().join(".cache/codspeed/valgrind");
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "the lock: {left:?}");
    let nonsense = ["setup", "--package", "x", "--sha256", "12"];
    assert_eq!(codspeed(&sandbox, nonsense).code, 2);
}

mod debian {
    use super::*;

    /// The package of this distribution, from its own mirror: what is in CodSpeed's is packed alike.
    #[test]
    fn a_real_package_is_unpacked_without_root_and_counts() {
        let sandbox = sandbox();
        let get =
            "apt-get download valgrind && mv valgrind*.deb valgrind.deb && sha256sum valgrind.deb";
        let got = sandbox.run(sandbox.command("sh", ["-c", get]));
        assert_eq!(got.code, 0, "{}", got.stderr);
        let hash = got.stdout.lines().last().and_then(|line| line.split(' ').next()).unwrap();
        let words = ["setup", "-m", "simulation", "--package", "valgrind.deb", "--sha256", hash];
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains("simulation: installed valgrind-3"), "{}", run.stderr);
        let said = status(&sandbox).stdout;
        let first = said.lines().find(|line| line.contains("valgrind: ")).unwrap();
        assert!(first.contains("/.cache/codspeed/valgrind/"), "{said}");
        // The tools of the system are out of reach: those of the package have to be used.
        let words = ["exec", "-m", "simulation", "--profile-folder", "p", "--", "/bin/true"];
        let hidden = sandbox.with("PATH", "/nowhere");
        let counted = hidden.run(hidden.command(CODSPEED, words));
        assert_eq!(counted.code, 0, "{}", counted.stderr);
        assert!(counted.stdout.contains("/bin/true"), "{}", counted.stdout);
    }
}

#[test]
fn status_names_the_repository_or_what_the_job_lacks() {
    let sandbox = sandbox();
    let config = "[remote \"origin\"]\n\turl = https://user:s3cret@github.com/acme/widgets.git\n";
    let git = sandbox.path().join(".git");
    std::fs::create_dir(&git).unwrap();
    std::fs::write(git.join("HEAD"), "0123456789abcdef0123456789abcdef01234567\n").unwrap();
    std::fs::write(git.join("config"), config).unwrap();
    let said = status(&sandbox).stdout;
    let lines = "environment: this machine\n  repository: acme/widgets at GitHub\n";
    assert!(said.contains(lines) && said.contains("\nsystem: "), "{said}");
    assert!(!said.contains("s3cret"), "{said}");

    let said = status(&sandbox.with("GITHUB_ACTIONS", "true")).stdout;
    let lines = "environment: GitHub Actions\n  no upload: `GITHUB_REPOSITORY` is not set, ";
    assert!(said.contains(lines), "{said}");
}

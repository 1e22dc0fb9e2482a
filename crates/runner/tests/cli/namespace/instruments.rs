//! The MongoDB instrument with a tracer that we play.

use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, codspeed, sandbox};

const RECORD: &str = r#"{"metadata":null,"queries":{"a.py::b":[]}}"#;
/// Notes what a benchmark sees.
const SEES: &str = "echo \"$CODSPEED_MONGO_INSTR_SERVER_ADDRESS $DB\" > seen";

/// A sandbox with a tracer, and an address of a database in `DB`.
fn with_tracer() -> Sandbox {
    let sandbox = sandbox();
    let tracer = sandbox.c_program("tracer", include_str!("../../../fixtures/mongo_tracer.c"));
    sandbox.file("record", RECORD);
    sandbox
        .with("CODSPEED_MONGO_TRACER", tracer)
        .with("CODSPEED_TOKEN", "secret")
        .with("DB", "mongodb://me:pw@db.local:27017/shop?w=majority")
}

fn words<'a>(options: &[&'a str], command: &'a str) -> Vec<&'a str> {
    let always =
        ["run", "--skip-upload", "--allow-empty", "--profile-folder", "profile", "--instruments"];
    [&always[..], &["mongodb"], options, &["--", command]].concat()
}

fn run(sandbox: &Sandbox, options: &[&str], command: &str) -> Run {
    codspeed(sandbox, words(options, command))
}

const NAMED: &[&str] = &["-m", "walltime", "--mongo-uri-env-name", "DB"];

#[test]
fn the_benchmark_talks_to_the_tracer_and_its_record_is_kept() {
    let sandbox = with_tracer();
    let run = run(&sandbox, NAMED, SEES);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.text("profile/instruments/mongo.json"), RECORD);
    let told = sandbox.text("told");
    let value = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap().to_owned()
    };
    let (control, proxy) =
        (value("CODSPEED_MONGO_INSTR_SERVER_ADDRESS"), value("CODSPEED_MONGO_PROXY_HOST_PORT"));
    assert!(control.starts_with("127.0.0.1:") && proxy.starts_with("127.0.0.1:"), "{told}");
    assert_eq!(value("CODSPEED_MONGO_DEST_HOST_PORT"), "db.local:27017");
    assert_eq!(value("RUST_LOG"), "debug");
    assert_eq!(value("CODSPEED_TOKEN"), "(unset)");
    let seen =
        format!("http://{control} mongodb://me:pw@{proxy}/shop?w=majority&directConnection=true\n");
    assert_eq!(sandbox.text("seen"), seen);
    assert!(!run.stderr.contains("the tracer says"), "its log is not ours: {}", run.stderr);
}

#[test]
fn simulation_mode_supports_instruments_too() {
    let sandbox = with_tracer();
    let run = run(&sandbox, &["-m", "simulation"], SEES);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(sandbox.text("told").contains("CODSPEED_MONGO_DEST_HOST_PORT=(unset)"));
    assert!(sandbox.text("seen").contains("27017/shop"), "{}", sandbox.text("seen"));
    assert_eq!(sandbox.text("profile/instruments/mongo.json"), RECORD);
}

#[test]
fn a_tracer_that_delivers_nothing_is_an_error_with_its_output() {
    let sandbox = with_tracer();
    std::fs::remove_file(sandbox.path().join("record")).unwrap();
    let refused = run(&sandbox, NAMED, "true");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("answered 500"), "{}", refused.stderr);
    assert!(refused.stderr.contains("  | the tracer says this"), "{}", refused.stderr);
    sandbox.file("dies", "");
    let silent = run(&sandbox, NAMED, "true");
    assert_eq!(silent.code, 1);
    assert!(silent.stderr.contains("did not return its record"), "{}", silent.stderr);
    assert!(!sandbox.path().join("profile/instruments").exists());
}

#[test]
fn without_a_started_tracer_the_benchmark_does_not_run() {
    let sandbox = with_tracer();
    sandbox.file("refuses", "");
    let early = run(&sandbox, NAMED, "touch ran");
    assert_eq!(early.code, 1);
    assert!(early.stderr.contains("exited before the benchmark started"), "{}", early.stderr);
    assert!(!sandbox.path().join("ran").exists());
    let sandbox = sandbox.with("CODSPEED_MONGO_TRACER", "");
    let missing = run(&sandbox, NAMED, "true");
    assert_eq!(missing.code, 3, "{}", missing.stderr);
    assert!(missing.stderr.contains("codspeed setup --instruments mongodb"), "{}", missing.stderr);
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_saying_it() {
    for (value, expected) in [
        ("", "DB given by `--mongo-uri-env-name` is not set"),
        ("mongodb://me:pw@db.local/x", "it names no port"),
        ("mongodb+srv://me:pw@db.local/x", "names no host"),
    ] {
        let run = run(&with_tracer().with("DB", value), NAMED, "true");
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(!run.stderr.contains("pw"), "{}", run.stderr);
    }
}

#[test]
fn a_failing_benchmark_leaves_no_tracer_behind() {
    let sandbox = with_tracer();
    let run = run(&sandbox, NAMED, "exit 3");
    assert_eq!(run.code, 1);
    let told = sandbox.text("told");
    let address =
        told.lines().find_map(|line| line.strip_prefix("CODSPEED_MONGO_INSTR_SERVER_ADDRESS="));
    assert!(std::net::TcpStream::connect(address.unwrap()).is_err());
}

#[test]
fn unknown_instruments_are_refused_by_name() {
    let sandbox = sandbox();
    let run = |words: &[&str]| sandbox.run(sandbox.private(CODSPEED, words));
    let unknown = run(&["run", "-m", "walltime", "--instruments", "mongodb,redis", "--", "true"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("'redis'"), "{}", unknown.stderr);
    let lonely = ["run", "-m", "walltime", "--allow-empty", "--mongo-uri-env-name", "DB", "--"];
    let lonely = run(&[&lonely[..], &["true"]].concat());
    assert_eq!(lonely.code, 0, "{}", lonely.stderr);
    assert!(lonely.stderr.contains("has no effect without `--instruments"), "{}", lonely.stderr);
}

#[test]
fn the_tracer_is_set_up_by_the_installer_that_is_known() {
    let sandbox = sandbox();
    sandbox.file("installer.sh", "echo installed > done\n");
    let words = ["setup", "--instruments", "mongodb", "--package", "installer.sh"];
    let unknown = codspeed(&sandbox, words);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("doesn't match the installer"), "{}", unknown.stderr);
    assert!(!sandbox.path().join("done").exists());
    let hash = sandbox.run(sandbox.command("sha256sum", ["installer.sh"])).stdout;
    let hash = hash.split(' ').next().unwrap();
    let known = codspeed(&sandbox, [&words[..], &["--sha256", hash]].concat());
    assert_eq!(known.code, 0, "{}", known.stderr);
    assert_eq!(sandbox.text("done"), "installed\n");
}

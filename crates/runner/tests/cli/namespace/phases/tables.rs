//! The phases, a row each. To add one, say how a program gets into it so that it stays there.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use test_support::{Answer, FakeApi, Gate, Sandbox};

use super::{
    Begun,
    Kept::{Told, ToldOrDone},
    Phase, every_signal, interrupted, of_the_command,
};
use crate::{
    service::user,
    stage::{CODSPEED, RUN, exec_words, profiling_sandbox, sandbox, start},
};

macro_rules! phases {
    ($($(#[$doc:meta])* $name:ident: $code:expr, $kept:expr, $begin:expr;)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                every_signal(&Phase { begin: $begin, code: $code, kept: $kept });
            }
        )*
    };
}

phases! {
    waiting_for_another_run: interrupted, None, waiting;
    asking_a_tool_before_anything_is_run: interrupted, None, asking;
    warming_up: interrupted, Some(Told(0)), || command_of(&["--warmup-time", "100s"], HOLD);
    in_the_first_round: interrupted, Some(Told(0)), || command_of(&["--warmup-time", "0"], HOLD);
    in_a_hook: interrupted, Some(Told(0)), || command_of(&["--prepare", "./held"], "exit 0");
    in_a_suite: interrupted, Some(Told(1)), || suite_of(sandbox(), 1, HOLD);
    showing_the_table: interrupted, Some(ToldOrDone(MANY)), || printing(&[]);
    exporting: interrupted, Some(ToldOrDone(MANY)), exporting_results;
    packing_an_archive: interrupted, Some(Told(1)), packing;
    asking_the_service: interrupted, Some(Told(1)), || uploading("SessionAndRepositoryOverview");
    uploading_the_metadata: interrupted, Some(Told(1)), || uploading("POST /upload");
    uploading_the_archive: interrupted, Some(Told(1)), || uploading("PUT /storage");
    waiting_for_results: interrupted, None, || uploading("FetchLocalRunReport");
    downloading_a_tool: interrupted, None, downloading;
    logging_in: interrupted, None, login;
    tracing_memory: interrupted, Some(Told(0)), || {
        let memory = ["-m", "memory", "--backend", "preload"];
        command_of(&memory, HOLD)
    };
}

/// Phases for which the kernel has to record.
mod perf_records {
    use super::*;

    phases! {
        recording_a_profile: interrupted, Some(Told(1)), || suite_of(with_perf(0), 1, HOLD);
        perf_does_not_end: interrupted, Some(Told(1)), || suite_of(with_deaf_perf(), 1, HOLD);
        reading_a_profile: interrupted, Some(Told(1)), reading;
    }
}

mod harness {
    use super::*;

    phases! {
        reading_the_list: interrupted, None, || {
            let sandbox = sandbox();
            let list = sandbox.fifo("list");
            let mut command = sandbox.private(beside("exec-harness"), ["-"]);
            let open = OpenOptions::new().read(true).write(true).open(list).unwrap();
            command.stdin(open.try_clone().unwrap());
            let running = sandbox.start(command);
            until(&sandbox, "exec-harness", &running);
            Begun::new(sandbox, running).with(open)
        };
        in_a_round: interrupted, None, || alone("exec-harness", &["./held"]);
        in_the_clean_up: interrupted, None, || {
            alone("exec-harness", &["--max-rounds", "1", "--cleanup", "./held", "true"])
        };
    }
}

mod memtrack {
    use super::*;

    phases! {
        tracing: of_the_command, None, || {
            alone("codspeed-memtrack", &["track", "--backend", "preload", "--", "./held", ""])
        };
    }
}

/// Below Valgrind, beside which no other test may attach probes.
mod simulation {
    use super::*;

    phases! {
        counting: interrupted, Some(Told(0)), || command_of(&["-m", "simulation"], HOLD);
    }
}

/// Shell text that becomes the program `held`.
const HOLD: &str = "exec ./held";
/// A program that tells the test that it is there, and stays. `sh` leaves signals to the kernel; `bash` may lose one.
const HELD: &str = "#!/bin/sh\necho $PPID > ready; read x < hold\n";
/// Benchmarks whose table no pipe holds.
const MANY: usize = 1000;

/// A sibling of the program under test.
fn beside(name: &str) -> PathBuf {
    Path::new(CODSPEED).with_file_name(name)
}

/// `codspeed exec` of a command with this text, once that is at [`HOLD`].
fn command_of(options: &[&str], text: &str) -> Begun {
    let sandbox = sandbox();
    let mut ready = with_programs(&sandbox, text);
    let running = start(&sandbox, exec_words(options, &["./command"]));
    ready.wait();
    Begun::new(sandbox, running)
}

/// Makes programs and FIFOs, and returns what tells that [`HOLD`] is reached.
fn with_programs(sandbox: &Sandbox, text: &str) -> test_support::Notice {
    let ready = sandbox.notice("ready");
    sandbox.fifo("hold");
    sandbox.program("held", HELD);
    sandbox.program("command", &format!("#!/bin/sh\n{text}\n"));
    ready
}

/// Another program of ours alone.
fn alone(name: &str, words: &[&str]) -> Begun {
    let sandbox = sandbox();
    let mut ready = with_programs(&sandbox, HOLD);
    let running = sandbox.start(sandbox.private(beside(name), words));
    ready.wait();
    Begun::new(sandbox, running)
}

/// Waits until a process has become this program.
fn until(sandbox: &Sandbox, name: &str, running: &test_support::Running) {
    let [path, tasks] = ["exe", "task"].map(|name| format!("/proc/{}/{name}", running.pid()));
    // Its second thread is the one that hears signals.
    let hears = || fs::read_dir(&tasks).is_ok_and(|tasks| tasks.count() > 1);
    while fs::read_link(&path).ok().is_none_or(|exe| !exe.ends_with(name)) || !hears() {
        assert!(sandbox.path().exists());
        std::thread::yield_now();
    }
}

fn waiting() -> Begun {
    let sandbox = sandbox();
    let (mut ready, hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let words = ["run", "-m", "walltime", "--profile-folder", "first", "--allow-empty", "--"];
    let first = start(&sandbox, [&words[..], &["echo > ready; read x < hold"]].concat());
    ready.wait();
    let mut running = start(&sandbox, exec_words(&[], &["true"]));
    running.says("another codspeed run is in progress");
    let release = move || {
        fs::write(hold, "go\n").unwrap();
        assert_eq!(first.end().code, 0);
    };
    Begun { release: Box::new(release), ..Begun::new(sandbox, running) }
}

fn asking() -> Begun {
    let sandbox = sandbox();
    let mut ready = with_programs(&sandbox, "");
    let harness = sandbox.path().join("held");
    let sandbox = sandbox.with("CODSPEED_EXEC_HARNESS", harness);
    let running = start(&sandbox, exec_words(&[], &["true"]));
    ready.wait();
    Begun::new(sandbox, running)
}

/// The results of a suite.
fn results(count: usize) -> Value {
    let stats = json!({
        "min_ns": 1.0, "max_ns": 1.0, "mean_ns": 1.0, "stdev_ns": 0.0, "q1_ns": 1.0, "median_ns": 1.0,
        "q3_ns": 1.0, "rounds": 3, "total_time": 0.1, "iqr_outlier_rounds": 0,
        "stdev_outlier_rounds": 0, "iter_per_round": 1, "warmup_iters": 0,
    });
    let benchmark = |number: usize| {
        let name = format!("benchmark_number_{number}");
        json!({"name": name, "uri": format!("file.rs::{name}"), "config": {}, "stats": stats})
    };
    json!({
        "creator": {"name": "ours", "version": "1.0.0", "pid": 7},
        "instrument": {"type": "walltime"},
        "benchmarks": (0..count).map(benchmark).collect::<Vec<_>>(),
    })
}

/// Shell text that leaves the results of `count` benchmarks.
fn leaving(sandbox: &Sandbox, count: usize) -> String {
    sandbox.file("results.json", results(count).to_string());
    "mkdir $CODSPEED_PROFILE_FOLDER/results; cp results.json $CODSPEED_PROFILE_FOLDER/results/7.json; ".to_owned()
}

/// A suite that has finished so many benchmarks and goes on with `text`, which comes to [`HOLD`].
fn suite_of(sandbox: Sandbox, count: usize, text: &str) -> Begun {
    let mut ready = with_programs(&sandbox, "");
    let text = leaving(&sandbox, count) + text;
    let running = start(&sandbox, [RUN, &["--", &text]].concat());
    ready.wait();
    Begun::new(sandbox, running)
}

fn printing(options: &[&str]) -> Begun {
    let sandbox = sandbox();
    let text = leaving(&sandbox, MANY);
    let running = start(&sandbox, [RUN, options, &["--", &text]].concat());
    running.prints();
    Begun::new(sandbox, running)
}

/// An export to standard output, behind the last row of the table, which is on standard error then.
fn exporting_results() -> Begun {
    let sandbox = sandbox();
    let text = leaving(&sandbox, MANY);
    let mut running = start(&sandbox, [RUN, &["--export", "json=-", "--", &text]].concat());
    running.says(&format!(" benchmark_number_{} ", MANY - 1));
    running.prints();
    Begun::new(sandbox, running)
}

/// The start of a perf that answers all questions, and has recorded so many MiB.
const PERF: &str = r#"#!/bin/sh
if [ "$1" = version ]; then echo "perf version 6.1.0"; exit 0; fi
for word; do case "$word" in --control=fifo:*) fifos="${word#--control=fifo:}";; esac; done
exec 3<> "${fifos%,*}" 4<> "${fifos#*,}"
"#;

/// A sandbox with a perf that records so many MiB of nothing.
fn with_perf(mebibytes: usize) -> Sandbox {
    let record = "printf 'PERFILE2\\020\\0\\0\\0\\0\\0\\0\\0'; for i in $(seq MANY); do cat \"$HOME/block\"; done\n";
    let record = record.replace("MANY", &mebibytes.to_string());
    let serve = "trap 'exit 0' INT\nwhile read -r line <&3; do printf 'ack\\n\\0' >&4; done\n";
    perf_of(&format!("{PERF}{record}{serve}"))
}

/// One with a perf that hears no signal.
fn with_deaf_perf() -> Sandbox {
    let serve = "trap '' INT TERM HUP\nwhile read -r line <&3; do printf 'ack\\n\\0' >&4; done\n";
    perf_of(&format!("{PERF}{serve}"))
}

fn perf_of(text: &str) -> Sandbox {
    let sandbox = profiling_sandbox();
    // Records of perf's own that mean nothing: their type, and their length of 8 bytes.
    sandbox.file("block", [68_u8, 0, 0, 0, 0, 0, 8, 0].repeat(1 << 17));
    let perf = sandbox.program("perf", text);
    sandbox.with("CODSPEED_PERF", perf)
}

fn reading() -> Begun {
    let sandbox = with_perf(12);
    // It talks with the runner, so that there is something to read the recording for.
    sandbox.c_program("client", include_str!("../../../../fixtures/client.c"));
    let mut running = start(&sandbox, [RUN, &["-v", "--", "./client"]].concat());
    running.says("reads what perf has recorded");
    Begun::new(sandbox, running)
}

fn packing() -> Begun {
    let (sandbox, api) = user();
    let text = leaving(&sandbox, 1) + "truncate -s 1G $CODSPEED_PROFILE_FOLDER/big";
    let mut running = start(&sandbox, [RUN, &["--", &text]].concat());
    running.says("profile folder: ");
    let place = sandbox.path().join("profile/.codspeed");
    while super::unfinished_below(&place).is_empty() {
        std::thread::yield_now();
    }
    Begun::new(sandbox, running).with(api)
}

/// An upload that stands still at this request.
fn uploading(route: &str) -> Begun {
    let (sandbox, api) = user();
    let gate = Gate::new();
    api.on(route, [Answer::text(200, "").held(&gate)]);
    let text = leaving(&sandbox, 1);
    let running = start(&sandbox, [RUN, &["--", &text]].concat());
    let before = crate::service::LOCAL.iter().position(|asked| *asked == route).unwrap();
    api.wait_for(before + 1);
    Begun::new(sandbox, running).with((api, gate))
}

fn downloading() -> Begun {
    let (api, gate) = (FakeApi::start(), Gate::new());
    api.on("GET /valgrind.deb", [Answer::long(200, 1 << 20).held_midway(&gate)]);
    let sandbox = sandbox();
    let hash = "0".repeat(64);
    let url = api.url("/valgrind.deb");
    let words = ["setup", "-m", "simulation", "--package", &url, "--sha256", &hash];
    let running = start(&sandbox, words);
    api.wait_for(1);
    Begun::new(sandbox, running).with((api, gate))
}

fn login() -> Begun {
    let (api, gate) = (FakeApi::start(), Gate::new());
    api.on("Session", [Answer::text(200, "").held(&gate)]);
    let sandbox = sandbox().with("CODSPEED_API_URL", api.graphql_url());
    let token = sandbox.file("token", "t0ken-of-a-user\n");
    let mut command = sandbox.private(CODSPEED, ["auth", "login", "--with-token"]);
    command.stdin(File::open(token).unwrap());
    let running = sandbox.start(command);
    api.wait_for(1);
    Begun::new(sandbox, running).with((api, gate))
}

//! `bench_pair`: what a pair of malloc and free costs below the library of the backend `preload`, beside none and
//! beside heaptrack. Prints one line per figure: name, value, unit, note.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own, and has no one to report to"
)]

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use memtrack::backend::{
    Backend,
    preload::{Options, Preload},
};

const PAIRS: &str = "2000000";
const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the program");
    let program = folder.path().join("pairs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/pairs.c");
    let built = Command::new("cc")
        .args(["-O2", "-fno-builtin", "-pthread", "-o"])
        .args([&program, &source])
        .status()
        .expect("cc");
    assert!(built.success(), "cc");
    for threads in ["1", "2"] {
        let native = best(|| nanos(Command::new(&program).args([PAIRS, threads])));
        print("native", threads, native, "");
        let preload = best(|| traced(&Options::default(), &program, threads));
        let note = format!("{:.0} ns more than native; bar: at most 150 ns", preload - native);
        print("preload", threads, preload, &note);
        let options = Options { frames: 16, ..Options::default() };
        let stacks = best(|| traced(&options, &program, threads));
        print("preload with stacks", threads, stacks, "16 frames");
        match heaptrack(&program, threads, folder.path()) {
            Some(heaptrack) => {
                let ratio = (preload - native) / (heaptrack - native);
                let note = format!("preload costs {ratio:.2} of it; bar: at most 0.4");
                print("heaptrack", threads, heaptrack, &note);
            }
            None => print("heaptrack", threads, f64::NAN, "not installed"),
        }
    }
}

fn print(name: &str, threads: &str, nanos: f64, note: &str) {
    println!("{name}, {threads} thread(s)\t{nanos:.1}\tns/pair\t{note}");
}

fn best(round: impl Fn() -> f64) -> f64 {
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn nanos(command: &mut Command) -> f64 {
    let output = command.output().expect("the program");
    parse(&output.stdout)
}

fn parse(stdout: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(stdout);
    let line = text.lines().find(|line| line.contains("ns/pair")).expect("what the program says");
    line.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).expect("a number")
}

fn traced(options: &Options, program: &Path, threads: &str) -> f64 {
    let mut backend = Preload::start(Path::new("/tmp"), options).expect("a backend");
    let mut command = Command::new(program);
    command.args([PAIRS, threads]).envs(backend.environment(&[])).stdout(Stdio::piped());
    backend.record(true).expect("recording");
    let child = command.spawn().expect("the program");
    let (ended, end) = mpsc::channel::<()>();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output();
        drop(ended);
        output
    });
    let mut events = 0_usize;
    let mut take = |_: memtrack::backend::Record<'_>| events += 1;
    while end.recv_timeout(Duration::from_millis(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
        backend.drain(&mut take).expect("records");
    }
    let coverage = backend.finish(&mut take).expect("the end");
    let pairs: usize = PAIRS.parse().expect("a number");
    assert!(coverage.lost == 0 && events >= 2 * pairs, "{events} events, {} lost", coverage.lost);
    let output = waiter.join().expect("the thread that waits").expect("the program");
    parse(&output.stdout)
}

fn heaptrack(program: &Path, threads: &str, folder: &Path) -> Option<f64> {
    let mut command = Command::new("heaptrack");
    command.arg("-o").arg(folder.join("heaptrack")).arg(program).args([PAIRS, threads]);
    Command::new("heaptrack").arg("--version").output().ok()?;
    Some(best(|| nanos(&mut command_again(&command))))
}

fn command_again(command: &Command) -> Command {
    let mut again = Command::new(command.get_program());
    again.args(command.get_args());
    again
}

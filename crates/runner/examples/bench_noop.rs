//! Measures the overhead of `codspeed run` around a command that does nothing, and how soon it ends after it.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it measures"
)]

use std::{
    error::Error,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::fd::AsFd,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::Mode,
    unistd::mkfifo,
};
use runner_shared::{
    clock::now,
    fifo::{Command as Message, FifoPaths, MarkerType},
    walltime::{quantile, sorted},
};

const RUNS: usize = 40;
const EXCHANGES: usize = 20_000;
/// Windows that are opened and closed below perf.
const WINDOWS: usize = 500;
/// Set for the copy of this program that plays an integration below the runner.
const CLIENT: &str = "exchange";
/// The same for one that opens and closes windows.
const WINDOW_CLIENT: &str = "windows";

fn main() -> Result<(), Box<dyn Error>> {
    let own = std::env::current_exe()?;
    match std::env::args().nth(1).as_deref() {
        Some(CLIENT) => return exchange(),
        Some(WINDOW_CLIENT) => return windows(),
        _ => {}
    }
    let codspeed = own.parent().and_then(Path::parent).ok_or("no build folder")?.join("codspeed");
    let folder = tempfile::tempdir()?;
    let mut whole = Vec::new();
    let mut after = Vec::new();
    for _ in 0..RUNS {
        let start = now();
        run(&codspeed, folder.path(), &["--no-perf"], "true")?;
        whole.push(now().since(start));
        // The command tells its own end; what follows is ours.
        let end = folder.path().join("end");
        let text = format!("cat /proc/uptime > {}", end.display());
        run(&codspeed, folder.path(), &["--no-perf"], &text)?;
        let done = uptime(&fs::read_to_string("/proc/uptime")?)?;
        after.push((done - uptime(&fs::read_to_string(&end)?)?) * 1e3);
    }
    let whole = sorted(&whole);
    println!(
        "run -m walltime --no-perf -- true\t{:.2}\tms\tmedian of {RUNS}, budget 50 ms",
        quantile(&whole, 0.5) / 1e6
    );
    after.sort_by(f64::total_cmp);
    println!(
        "end of command to end of run\t{:.0}\tms\tmedian of {RUNS}, resolution 10 ms, budget 50 ms",
        quantile(&after, 0.5)
    );
    profiled(&codspeed, folder.path(), &own)?;
    let command = format!("{} {CLIENT}", own.display());
    let median: f64 = run(&codspeed, folder.path(), &["--no-perf"], &command)?.trim().parse()?;
    let echo = echo(folder.path())?;
    println!(
        "round trip of a message\t{median:.1}\tus\tmedian of {EXCHANGES}, budget 15 us on a machine that wakes fast"
    );
    println!(
        "round trip of a message\t{:.2}\tx\tof a bare echo over two FIFOs ({echo:.1} us)",
        median / echo
    );
    Ok(())
}

/// The same run with a profile, beside what perf needs for the same alone.
fn profiled(codspeed: &Path, folder: &Path, own: &Path) -> Result<(), Box<dyn Error>> {
    let data = folder.join("profile/perf.pipedata");
    let (mut whole, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = now();
        run(codspeed, folder, &["--enable-perf"], "true")?;
        whole.push(now().since(start));
        if !data.exists() {
            println!("perf can't record here: no figures with a profile");
            return Ok(());
        }
        let mut perf = Command::new("perf");
        perf.args(["record", "--no-bpf-event", "--freq=997", "-g", "-o", "-", "true"]);
        let start = now();
        let status =
            perf.stdout(File::create(folder.join("bare"))?).stderr(Stdio::null()).status()?;
        bare.push(now().since(start));
        if !status.success() {
            return Err(format!("a bare `perf record` failed: {status}").into());
        }
    }
    let (whole, bare) = (quantile(&sorted(&whole), 0.5) / 1e6, quantile(&sorted(&bare), 0.5) / 1e6);
    println!("run -m walltime -- true, with perf\t{whole:.0}\tms\tmedian of {RUNS}, budget 500 ms");
    println!(
        "run -m walltime -- true, with perf\t{:.2}\tx\tof a bare `perf record -o - true` ({bare:.0} ms)",
        whole / bare
    );
    let command = format!("{} {WINDOW_CLIENT}", own.display());
    let median: f64 = run(codspeed, folder, &["--enable-perf"], &command)?.trim().parse()?;
    println!("start or stop of a window, with perf\t{median:.0}\tus\tmedian of {}", 2 * WINDOWS);
    Ok(())
}

/// Median round trip with a thread that only echoes, microseconds: what the machine needs anyway.
fn echo(folder: &Path) -> Result<f64, Box<dyn Error>> {
    let paths = FifoPaths::in_dir(folder);
    for path in [&paths.ctl, &paths.ack] {
        mkfifo(path, Mode::S_IRWXU)?;
    }
    let (mut ctl, mut ack) = open(&paths)?;
    let server = thread::spawn(move || -> io::Result<()> {
        let (frame, answer) = (frame(), Message::Ack.encode());
        let mut got = vec![0; frame.len()];
        for _ in 0..EXCHANGES {
            ctl.read_exact(&mut got)?;
            ack.write_all(&answer)?;
        }
        Ok(())
    });
    let (ctl, ack) = open(&paths)?;
    let median = exchanges(ctl, ack)?;
    server.join().map_err(|_panic| "the echo ended early")??;
    Ok(median)
}

fn open(paths: &FifoPaths) -> io::Result<(File, File)> {
    let mut both = OpenOptions::new();
    both.read(true).write(true);
    Ok((both.open(&paths.ctl)?, both.open(&paths.ack)?))
}

fn frame() -> Vec<u8> {
    Message::AddMarker { pid: 1, marker: MarkerType::RoundStart(1) }.encode()
}

fn run(
    codspeed: &Path,
    folder: &Path,
    options: &[&str],
    command: &str,
) -> Result<String, Box<dyn Error>> {
    let mut program = Command::new(codspeed);
    program.args(["run", "--quiet", "--skip-upload", "--allow-empty", "-m", "walltime"]);
    program.arg("--profile-folder").arg(folder.join("profile")).args(options);
    program.args(["--", command]);
    let output = program.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("`codspeed run -- {command}` failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn uptime(text: &str) -> Result<f64, Box<dyn Error>> {
    Ok(text.split_whitespace().next().ok_or("no uptime")?.parse()?)
}

/// Exchanges markers with the runner as an integration does, and prints the median in microseconds.
fn exchange() -> Result<(), Box<dyn Error>> {
    let (ctl, ack) = open(&FifoPaths::well_known())?;
    println!("{}", exchanges(ctl, ack)?);
    Ok(())
}

/// Opens and closes windows as an integration does, and prints the median time of either in microseconds.
fn windows() -> Result<(), Box<dyn Error>> {
    let (mut ctl, mut ack) = open(&FifoPaths::well_known())?;
    let granted = Message::Ack.encode();
    let mut answer = vec![0; granted.len()];
    let mut ask = |message: &Message| -> io::Result<u64> {
        let start = now();
        ctl.write_all(&message.encode())?;
        ack.read_exact(&mut answer)?;
        Ok(now().since(start))
    };
    // So that the runner looks at our mappings each time.
    let pid = i32::try_from(std::process::id())?;
    ask(&Message::AddMarker { pid, marker: MarkerType::RoundStart(1) })?;
    let mut times = Vec::with_capacity(2 * WINDOWS);
    for _ in 0..WINDOWS {
        times.push(ask(&Message::StartBenchmark)?);
        times.push(ask(&Message::StopBenchmark)?);
    }
    println!("{}", quantile(&sorted(&times), 0.5) / 1e3);
    Ok(())
}

fn exchanges(mut ctl: File, mut ack: File) -> Result<f64, Box<dyn Error>> {
    let (frame, granted) = (frame(), Message::Ack.encode());
    let mut answer = vec![0; granted.len()];
    let mut times = Vec::with_capacity(EXCHANGES);
    for _ in 0..EXCHANGES {
        let start = now();
        ctl.write_all(&frame)?;
        // As the newest integrations do: wait, then read.
        poll(&mut [PollFd::new(ack.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
        ack.read_exact(&mut answer)?;
        times.push(now().since(start));
        assert_eq!(answer, granted, "markers are granted");
    }
    Ok(quantile(&sorted(&times), 0.5) / 1e3)
}

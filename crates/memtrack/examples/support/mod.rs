//! Common parts of the benches of the tracer: its binary, the program `pairs`, and a run of one below the other.

use std::{
    error::Error,
    ffi::OsStr,
    fs,
    io::{self, Read},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use nix::{
    sys::wait::{Id, WaitPidFlag, waitid},
    unistd::{Pid, SysconfVar, sysconf},
};
use runner_shared::{
    clock::{Monotonic, now},
    memory::TracerStats,
    profile_dir::{EVENTS, ProfileFile, TRACER_STATS},
    walltime::as_float,
};
use tempfile::TempDir;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// The tracer's exit code for a missing right.
const NOT_PERMITTED: i32 = 3;

/// The folder of it all.
pub(crate) struct Bench {
    /// Takes files that nobody needs afterwards.
    pub(crate) folder: TempDir,
    /// The program; it prints nanoseconds per pair.
    pub(crate) pairs: PathBuf,
    release: PathBuf,
}

/// A trace.
pub(crate) struct Tracked {
    /// The output of the command.
    pub(crate) stdout: String,
    /// The time at which the tracer was started.
    pub(crate) start: Monotonic,
    /// From then to its end, nanoseconds.
    pub(crate) wall_ns: u64,
    /// The words of the tracer.
    pub(crate) stats: TracerStats,
    /// Processor time of the tracer alone.
    pub(crate) cpu_seconds: f64,
    /// The most memory that the tracer has held.
    pub(crate) peak_bytes: u64,
    /// The events, until the next trace.
    pub(crate) artifact: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Outcome<Self> {
        let own = std::env::current_exe()?;
        let release = own.parent().and_then(Path::parent).ok_or("no build folder")?;
        let folder = tempfile::tempdir()?;
        let pairs = folder.path().join("pairs");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/pairs.c");
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-fno-builtin", "-pthread", "-o"]).args([&pairs, &source]);
        if !cc.status()?.success() {
            return Err("cc failed".into());
        }
        Ok(Self { folder, pairs, release: release.to_owned() })
    }

    /// One of our programs.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.release.join(name))
    }

    /// An empty folder for a trace, until the next one.
    pub(crate) fn fresh_folder(&self) -> Outcome<PathBuf> {
        let trace = self.folder.path().join("trace");
        if trace.exists() {
            fs::remove_dir_all(&trace)?;
        }
        fs::create_dir(&trace)?;
        Ok(trace)
    }

    /// Reads the words of the tracer that has written to this folder.
    pub(crate) fn stats(folder: &Path) -> Outcome<TracerStats> {
        Ok(serde_json::from_slice(&fs::read(file(folder, &TRACER_STATS)?)?)?)
    }

    /// Traces a command. `None`: this way of tracing is not permitted here.
    pub(crate) fn track<W: AsRef<OsStr>>(
        &self,
        options: &[&str],
        words: &[W],
    ) -> Outcome<Option<Tracked>> {
        let trace = self.fresh_folder()?;
        let mut command = self.program("codspeed-memtrack");
        command.args(["track", "--quiet", "--output"]).arg(&trace).args(options).arg("--");
        let start = now();
        let child = command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        // What it has used can be read as long as nobody has fetched its exit code.
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
        let wall_ns = now().since(start);
        let cpu_seconds = cpu_seconds(&fs::read_to_string(format!("/proc/{pid}/stat"))?)?;
        let (ended, usage) = fetch(pid)?;
        let peak_bytes = u64::try_from(usage.ru_maxrss)? * 1024;
        let mut stdout = String::new();
        child.stdout.ok_or("no output")?.read_to_string(&mut stdout)?;
        let mut stderr = String::new();
        child.stderr.ok_or("no output")?.read_to_string(&mut stderr)?;
        match ended.code() {
            Some(0) => {}
            Some(NOT_PERMITTED) => return Ok(None),
            _ => return Err(format!("the tracer ended with {ended}: {stderr}").into()),
        }
        let stats = Self::stats(&trace)?;
        let artifact = file(&trace, &EVENTS)?;
        Ok(Some(Tracked { stdout, start, wall_ns, stats, cpu_seconds, peak_bytes, artifact }))
    }
}

fn file(folder: &Path, wanted: &ProfileFile) -> Outcome<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if wanted.is(&entry.file_name().to_string_lossy()) {
            return Ok(entry.path());
        }
    }
    Err(format!("the tracer has left no {}", wanted.path).into())
}

/// Of a process alone, without its children (`proc_pid_stat(5)`, fields 14 and 15).
fn cpu_seconds(stat: &str) -> Outcome<f64> {
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    let per_second = sysconf(SysconfVar::CLK_TCK)?.and_then(|ticks| u64::try_from(ticks).ok());
    Ok(as_float(ticks) / as_float(per_second.ok_or("no clock")?))
}

/// Cost of a whole command, with all that it starts and waits for; in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From its start to its end.
    pub(crate) wall: f64,
    /// Processor time.
    pub(crate) cpu: f64,
}

impl Cost {
    /// The median of each; `None` of none.
    pub(crate) fn medians(costs: &[Self]) -> Option<Self> {
        let median = |of: fn(&Self) -> f64| {
            let mut all: Vec<f64> = costs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied()
        };
        Some(Self { wall: median(|cost| cost.wall)?, cpu: median(|cost| cost.cpu)? })
    }
}

/// Runs a command to its end; `None` if it fails.
pub(crate) fn cost(command: &mut Command) -> Outcome<Option<Cost>> {
    let start = now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let (ended, usage) = fetch(Pid::from_raw(i32::try_from(child.id())?))?;
    let wall = as_float(now().since(start));
    let cpu = [usage.ru_utime, usage.ru_stime].map(nanos).iter().sum();
    Ok(ended.success().then_some(Cost { wall, cpu }))
}

fn nanos(time: libc::timeval) -> f64 {
    let part = |number: i64| as_float(u64::try_from(number).unwrap_or(0));
    part(time.tv_sec) * 1e9 + part(time.tv_usec) * 1e3
}

/// Fetches how a process has ended, and what it has used together with its children that it has waited for. The peak of
/// memory is that of the largest of these, and of this program, which it was before `exec`; neither of the latter holds
/// much.
#[expect(unsafe_code, reason = "wait4 has no safe wrapper in the crates that we use")]
fn fetch(pid: Pid) -> Outcome<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are good for writing what the call writes.
    if unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, usage.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: it is plain numbers, which were zeroed and then filled in.
    Ok((ExitStatus::from_raw(status), unsafe { usage.assume_init() }))
}

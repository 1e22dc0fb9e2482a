//! Time of `codspeed` beside a shared store with many runs: `bench_shared [RUNS] [SERVER]`. The server is a light one of
//! S3's protocol in this process (`s3s-fs`), or the one at an address such as `127.0.0.1:8333` that has the bucket and the
//! key of the tests. Cold: nothing of it is on this machine. Warm: everything that the command needs is.
//!
//! The server works on the same machine at the same time. So its share is shown: how long it takes for what the command
//! asks it for, and the processor time of both.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench prints its figures and ends where it can't go on"
)]

#[expect(dead_code, reason = "the bench needs no bad lines")]
#[path = "../tests/shared/server.rs"]
mod server;
#[expect(dead_code, reason = "shared with the bench of the store on this machine")]
mod support;

use std::{error::Error, net::SocketAddr, path::Path};

use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeValLike,
};
use runner_shared::{clock::now, env_names, text::as_text, walltime::as_float};
use server::{S3, Server};
use store::{SharedError, SharedKey, SharedStore};

use support::{BENCHMARKS, Commands, PROJECT, RUNS, TIMES, median, peak_of_commands, record};

/// Runs that a command fetches for the first look at a shared store.
const NEWEST: usize = 500;
/// The age of the runs that a warm look lists.
const EIGHT_DAYS_MS: u64 = 8 * 24 * 3600 * 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let runs: u32 = words.next().map_or(Ok(RUNS), |word| word.parse())?;
    let told: Option<SocketAddr> = words.next().map(|word| word.parse()).transpose()?;
    let server = told.map_or_else(
        || Server::start(&[]),
        |address| Server::at(&S3, address, "team/project", &[]),
    );
    let shared = server.open();
    for run in 0..runs {
        let record = record(run);
        let packed = record.pack()?;
        let key = SharedKey::of(&record, packed.id);
        if told.is_some() {
            shared.add(&key, &packed)?;
        } else {
            server.place(&key, &packed.bytes);
        }
    }
    println!("shared store\t{runs}\truns\tof {BENCHMARKS} benchmarks");
    server_alone(&shared, told.is_none())?;
    let bench = Bench { commands: Commands::new()?, server, is_here: told.is_none() };
    let place = tempfile::tempdir()?;
    for words in [&["compare"][..], &["history"]] {
        let title = words.join(" ");
        let folder = |nth: usize| place.path().join(format!("{title}-{nth}"));
        bench.measure(words, "cold", 3, &folder)?;
        bench.measure(words, "warm", TIMES, &|_| folder(0))?;
    }
    bench.measure(&["history", "--limit", "0"], "cold", 1, &|_| place.path().join("whole"))?;
    println!("commands' peak memory\t{:.0}\tMB\tof the largest", peak_of_commands()?);
    Ok(())
}

/// Shows how long a server takes for what commands ask it for, without anything that is done with the answers.
fn server_alone(shared: &SharedStore, is_here: bool) -> Result<(), Box<dyn Error>> {
    let keys = shared.keys(Some(PROJECT), None)?;
    let newest = keys.get(keys.len().saturating_sub(NEWEST)..).unwrap_or_default();
    let last = keys.last().map_or(0, |key| key.time_ms);
    let look = |name: &str, look: &dyn Fn() -> Result<usize, SharedError>| {
        let (start, before) = (now(), usage(UsageWho::RUSAGE_SELF)?);
        let found = look()?;
        let millis = as_float(now().since(start)) / 1e6;
        let whose = if is_here { "its and the client's" } else { "the client's" };
        let processor = usage(UsageWho::RUSAGE_SELF)? - before;
        println!(
            "server: {name}\t{millis:.0}\tms\t{found} objects; {processor} ms of {whose} processor time"
        );
        Ok::<(), Box<dyn Error>>(())
    };
    look("the whole list", &|| Ok(shared.keys(Some(PROJECT), None)?.len()))?;
    look("the end of the list", &|| {
        Ok(shared.keys(Some(PROJECT), Some(last + EIGHT_DAYS_MS))?.len())
    })?;
    look("the newest runs", &|| {
        let mut bytes = 0;
        shared.fetch(newest, |_: &SharedKey, found| {
            bytes += found?.len();
            Ok::<(), SharedError>(())
        })?;
        assert!(bytes > 0 || newest.is_empty(), "objects have content");
        Ok(newest.len())
    })
}

struct Bench {
    commands: Commands,
    server: Server,
    /// True if the server is in this process.
    is_here: bool,
}

impl Bench {
    /// Shows the median of some runs of a command, each with the store in the folder of its number.
    fn measure(
        &self,
        words: &[&str],
        how: &str,
        times: usize,
        folder: &dyn Fn(usize) -> std::path::PathBuf,
    ) -> Result<(), Box<dyn Error>> {
        let whose = [UsageWho::RUSAGE_CHILDREN, UsageWho::RUSAGE_SELF];
        let before = [usage(whose[0])?, usage(whose[1])?];
        let one = |nth: usize| self.commands.time(words, &self.variables(&folder(nth)));
        let nanos = median((0..times).map(one).collect::<Result<_, _>>()?);
        let each = i64::try_from(times)?;
        let [ours, servers] =
            [(usage(whose[0])? - before[0]) / each, (usage(whose[1])? - before[1]) / each];
        let servers =
            if self.is_here { format!(", {servers} ms of the server") } else { String::new() };
        let title = words.join(" ");
        println!(
            "codspeed {title}, {how}\t{:.0}\tms\tprocessor time: {ours} ms of codspeed{servers}",
            as_float(nanos) / 1e6
        );
        Ok(())
    }

    /// The environment of a machine whose store is in this folder.
    fn variables(&self, store: &Path) -> Vec<(&'static str, String)> {
        let mut all = self.server.variables();
        all.push((env_names::STORE.name, as_text(store).into_owned()));
        all.push((env_names::SHARED_STORE.name, self.server.address()));
        all
    }
}

/// Returns the milliseconds of processor time that somebody has used so far.
fn usage(who: UsageWho) -> Result<i64, Box<dyn Error>> {
    let all: Usage = getrusage(who)?;
    Ok((all.user_time() + all.system_time()).num_milliseconds())
}

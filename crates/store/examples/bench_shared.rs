//! Time of `codspeed` beside a shared store with many runs, on a server of S3's protocol on loopback:
//! `bench_shared [RUNS]`. Cold: nothing of it is on this machine. Warm: everything that the command needs is.

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

use std::error::Error;

use runner_shared::{env_names, text::as_text, walltime::as_float};
use server::Server;
use store::SharedKey;

use support::{BENCHMARKS, Commands, RUNS, TIMES, median, peak_of_commands, record};

fn main() -> Result<(), Box<dyn Error>> {
    let runs: u32 = std::env::args().nth(1).map_or(Ok(RUNS), |word| word.parse())?;
    let server = Server::start(&[]);
    for run in 0..runs {
        let record = record(run);
        let packed = record.pack()?;
        server.place(&SharedKey::of(&record, packed.id).to_string(), &packed.bytes);
    }
    println!("shared store\t{runs}\truns\tof {BENCHMARKS} benchmarks");
    let commands = Commands::new()?;
    let place = tempfile::tempdir()?;
    for words in [&["compare"][..], &["history"]] {
        let title = words.join(" ");
        let cold = |nth: usize| {
            let folder = place.path().join(format!("{title}-{nth}"));
            commands.time(words, &variables(&server, &as_text(&folder)))
        };
        let cold = median((0..3).map(cold).collect::<Result<_, _>>()?);
        println!("codspeed {title}, cold\t{:.2}\ts\t", as_float(cold) / 1e9);
        let folder = place.path().join(format!("{title}-0"));
        let warm = |_| commands.time(words, &variables(&server, &as_text(&folder)));
        let warm = median((0..TIMES).map(warm).collect::<Result<_, _>>()?);
        println!("codspeed {title}, warm\t{:.0}\tms\t", as_float(warm) / 1e6);
    }
    let whole = place.path().join("whole");
    let variables = variables(&server, &as_text(&whole));
    let all = commands.time(&["history", "--limit", "0"], &variables)?;
    println!("codspeed history --limit 0, cold\t{:.1}\ts\tfetches all runs", as_float(all) / 1e9);
    println!("commands' peak memory\t{:.0}\tMB\tof the largest", peak_of_commands()?);
    Ok(())
}

/// The environment of a machine whose store is in this folder.
fn variables(server: &Server, store: &str) -> Vec<(&'static str, String)> {
    let mut all = server.variables(server::SECRET).to_vec();
    all.push((env_names::STORE.name, store.to_owned()));
    all.push((env_names::SHARED_STORE.name, server::ADDRESS.to_owned()));
    all
}

//! Time and memory of making pages, and the time until Chromium shows them: `bench_report [FOLDER]`. With a folder, the
//! pages stay there to be looked at.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench prints its figures and ends where it can't go on"
)]

#[path = "../tests/chromium/launch.rs"]
mod launch;
#[path = "../tests/chromium/runs.rs"]
mod runs;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use headless_chrome::{Browser, protocol::cdp::Page::AddScriptToEvaluateOnNewDocument};
use report::Page;
use runner_shared::{clock::now, walltime::as_float};
use store::{Record, StackNode};

/// Times that each page is made, and opened.
const TIMES: usize = 5;
/// Runs before the page does: notes when it is drawn after the script has done all that it does at first.
const DRAWN: &str =
    "addEventListener('load', () => { const look = () => requestAnimationFrame(() => {
    if (document.querySelector('section.flame[data-state=opening]')) { look(); }
    else { setTimeout(() => { globalThis.drawnAt = performance.now(); }); } }); look(); });";
/// Waits for that, and until large tables are laid out whole. Returns the times of the load event, of both, in milliseconds
/// since the navigation began.
const TOLD: &str = "new Promise((resolve) => { const look = () =>
    globalThis.drawnAt === undefined || document.querySelector('table.large:not([data-whole])') ? setTimeout(look, 10)
    : resolve(`${performance.getEntriesByType('navigation')[0].loadEventEnd} ${globalThis.drawnAt} ${Math.max(globalThis.drawnAt, document.querySelector('table.large')?.dataset.whole ?? 0)}`);
    look(); })";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let all = [
        ("one run", runs::head(), None),
        ("a comparison", runs::head(), Some(runs::base())),
        ("hostile names", runs::hostile(2), Some(runs::hostile(1))),
        ("10,000 benchmarks compared", runs::many(10_000, 2), Some(runs::many(10_000, 1))),
        ("a million functions", million(), None),
    ];
    let kept = tempfile::tempdir()?;
    let files = folder.as_deref().unwrap_or(kept.path());
    fs::create_dir_all(files)?;
    let file_of = |title: &str| files.join(format!("{}.html", title.replace(' ', "-")));
    for (title, head, base) in &all {
        let mut times = Vec::new();
        let mut made = Page { html: String::new(), left_out: Vec::new() };
        for _ in 0..TIMES {
            let start = now();
            made = runs::page_of(head, base.as_ref());
            times.push(now().since(start));
        }
        times.sort_unstable();
        println!(
            "{title}\t{:.0}\tms\t{} KB; {}",
            as_float(times[TIMES / 2]) / 1e6,
            made.html.len() / 1000,
            made.left_out.join("; ")
        );
        fs::write(file_of(title), &made.html)?;
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?");
    println!("peak memory\t{}\t\tof all pages", peak.trim());
    let Some(program) = launch::program() else {
        println!("no page is opened: there is no Chromium");
        return Ok(());
    };
    let chromium = launch::start(program, kept.path())?;
    for (title, ..) in &all {
        let file = file_of(title);
        let mut times =
            (0..TIMES).map(|_| open(&chromium, &file)).collect::<Result<Vec<_>, _>>()?;
        times.sort_by(|one, other| one[1].total_cmp(&other[1]));
        let [load, drawn, whole] = times[TIMES / 2];
        println!(
            "{title}: opened\t{drawn:.0}\tms\tuntil it is drawn in Chromium; load event after {load:.0} ms, all laid out after {whole:.0} ms"
        );
    }
    Ok(())
}

/// Opens a page in a new tab. Returns the times of its load event, when it was drawn, and when all of it was laid out, in
/// milliseconds from the beginning of the navigation on.
fn open(chromium: &Browser, file: &Path) -> Result<[f64; 3], Box<dyn Error>> {
    let tab = chromium.new_tab()?;
    tab.set_default_timeout(launch::PATIENCE);
    tab.call_method(AddScriptToEvaluateOnNewDocument {
        source: DRAWN.to_owned(),
        world_name: None,
        include_command_line_api: None,
        run_immediately: None,
    })?;
    tab.navigate_to(&format!("file://{}", file.canonicalize()?.display()))?
        .wait_until_navigated()?;
    let told = tab.evaluate(TOLD, true)?.value.ok_or("the page tells nothing")?;
    let times: Vec<f64> =
        told.as_str().unwrap().split(' ').map(str::parse).collect::<Result<_, _>>()?;
    tab.close(false)?;
    <[f64; 3]>::try_from(times).map_err(|times| format!("not three times: {times:?}").into())
}

/// A run of one benchmark with a million functions, each of which costs as much: more than any record keeps.
fn million() -> Record {
    let mut record = runs::head();
    record.benchmarks.truncate(1);
    let stacks = record.benchmarks[0].stacks.as_mut().unwrap();
    stacks.functions = (0..1_000_000).map(|number| format!("function number {number}")).collect();
    stacks.nodes = (0..1_000_000)
        .map(|function| StackNode {
            parent: function / 50,
            function,
            weight: 3,
            ..StackNode::default()
        })
        .collect();
    record
}

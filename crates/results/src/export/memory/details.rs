//! Details that the table has no room for: sizes, the course of time, and the places that allocate. For the terminal.

use runner_shared::{
    duration::show_nanos,
    memory::{SizeClass, Timeline, UsageSummary},
    text::{bytes, one_line, plural},
    walltime::as_float,
};

use crate::{
    export::functions::{Listing, lists_of},
    functions::FrameView,
    memory::{MemoryReport, MemoryResult, MemorySite, SITE_ORDERS, SiteOrder, readable_sites},
    report::Benchmark,
    stacks::{Frame, Inlined, StackNode, Stacks},
    text::{grouped, percent},
};

/// Heights of a bar in a line of text.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Characters of the line of time.
const LINE: usize = 64;
/// Characters of the longest bar of sizes.
const BAR: u64 = 32;
/// So many callers of a place are shown.
const CALLERS: usize = 3;

/// A paragraph per benchmark with places for each question, and functions by the bytes that they ask for. Empty without
/// benchmarks.
pub(in crate::export) fn memory_details(report: &MemoryReport, listing: Listing) -> String {
    let paragraphs: Vec<String> =
        report.benchmarks.iter().map(|benchmark| paragraph(benchmark, listing)).collect();
    paragraphs.join("\n")
}

fn paragraph(of: &MemoryResult, listing: Listing) -> String {
    let UsageSummary { alloc_calls, frees, largest, temporary, sizes, timeline, .. } = &of.usage;
    let mut lines = vec![Benchmark::Memory(of).shown_name()];
    let share = percent(as_float(*temporary) / as_float((*alloc_calls).max(1)));
    lines.push(format!(
        "  {}, {}, largest {}, {share} freed before the next allocation",
        plural(*alloc_calls, &grouped(*alloc_calls), "allocation"),
        plural(*frees, &grouped(*frees), "free"),
        bytes(*largest)
    ));
    lines.extend(unfreed(&of.usage));
    lines.extend(course(timeline));
    let classes: Vec<SizeClass> = sizes.classes().collect();
    let highest = classes.iter().map(|class| class.count).max().unwrap_or(0);
    lines.extend(classes.iter().map(|class| size(class, highest)));
    if let Some(stacks) = &of.stacks {
        let sites = match listing.view {
            FrameView::Readable => &readable_sites(&of.sites, stacks),
            FrameView::All => &of.sites,
        };
        let places = |order| places(order, sites, stacks, listing);
        lines.extend(SITE_ORDERS.iter().flat_map(places));
        if stacks.total() > 0 {
            lines.push("  Bytes by function:".to_owned());
            lines.extend(lists_of(stacks, listing).lines().map(str::to_owned));
        }
    }
    lines.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Memory that processes have not freed until they ended.
fn unfreed(usage: &UsageSummary) -> Option<String> {
    (usage.unfreed_blocks > 0).then(|| {
        let (size, blocks) = (bytes(usage.unfreed_bytes), grouped(usage.unfreed_blocks));
        format!("  not freed when processes ended: {size} in {blocks}")
    })
}

/// Live bytes over the time as one line.
fn course(timeline: &Timeline) -> Vec<String> {
    let points = timeline.points();
    let highest = points.iter().copied().max().unwrap_or(0);
    if highest == 0 {
        return Vec::new();
    }
    let level = |live: u64| {
        let step = u128::from(live) * 7 / u128::from(highest);
        usize::try_from(step).ok().and_then(|step| LEVELS.get(step)).copied().unwrap_or('█')
    };
    let group = points.len().div_ceil(LINE).max(1);
    let line: String =
        points.chunks(group).map(|few| level(few.iter().copied().max().unwrap_or(0))).collect();
    let spans = u64::try_from(points.len()).unwrap_or(u64::MAX);
    let length = as_float(timeline.width_ns().saturating_mul(spans));
    vec![format!("  live: {line} up to {}, {} long", bytes(highest), show_nanos(length))]
}

fn size(class: &SizeClass, highest: u64) -> String {
    let SizeClass { low, high, count } = *class;
    let range = if low == high { bytes(low) } else { format!("{} to {}", bytes(low), bytes(high)) };
    let length = u128::from(count) * u128::from(BAR) / u128::from(highest.max(1));
    let bar = "▪".repeat(usize::try_from(length).unwrap_or(0).max(1));
    format!("  {range:>20}  {:>12}  {bar}", grouped(count))
}

/// The places that answer one question.
fn places(
    order: &SiteOrder,
    sites: &[MemorySite],
    stacks: &Stacks,
    listing: Listing,
) -> Vec<String> {
    let top = order.top(sites, listing.most);
    if top.is_empty() {
        return Vec::new();
    }
    let all = sites.iter().fold(0_u64, |sum, site| sum.saturating_add((order.key)(site)));
    let line = |site: &MemorySite| {
        let value = (order.key)(site);
        let share = percent(as_float(value) / as_float(all.max(1)));
        let shown = if order.is_count { grouped(value) } else { bytes(value) };
        format!("  {shown:>10}  {share:>6}  {}", place(site, stacks, listing.view))
    };
    std::iter::once(format!("  {}:", order.title)).chain(top.iter().map(line)).collect()
}

/// The function, the file that it is in, and a few callers; with source lines, where they are known.
fn place(site: &MemorySite, stacks: &Stacks, view: FrameView) -> String {
    let is_shown = |node: &&StackNode| view == FrameView::All || node.inlined != Inlined::Helper;
    let nodes = stacks.outwards(site.node).filter(is_shown);
    let mut frames = nodes.filter_map(|node| Some((stacks.frame(node)?, node.line)));
    let Some((first, line)) = frames.next() else { return "?".to_owned() };
    let object = last_part(&first.object);
    let object = if object.is_empty() { String::new() } else { format!(" ({object})") };
    let head = format!("{}{}", one_line(&first.name), source(first, line).unwrap_or(object));
    let caller = |(frame, line): (&Frame, u32)| {
        format!("{}{}", one_line(&frame.name), source(frame, line).unwrap_or_default())
    };
    let callers: Vec<String> = frames.map(caller).collect();
    let more = (callers.len() > CALLERS).then(|| "…".to_owned());
    let shown = callers.into_iter().take(CALLERS).chain(more);
    std::iter::once(head).chain(shown).collect::<Vec<_>>().join(" < ")
}

/// The place in the source, if it is known.
fn source(frame: &Frame, line: u32) -> Option<String> {
    let file = last_part(&frame.file);
    let line = if line == 0 { String::new() } else { format!(":{line}") };
    (!file.is_empty()).then(|| format!(" ({file}{line})"))
}

fn last_part(path: &str) -> String {
    one_line(path.rsplit('/').next().unwrap_or_default())
}

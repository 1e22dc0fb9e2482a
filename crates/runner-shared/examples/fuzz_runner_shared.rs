//! Throws damaged bytes at the readers of this crate: `cargo xtask fuzz`.

use std::process::ExitCode;

use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps, RoundLog, read_json},
    command_text::CommandText,
    duration::parse_nanos,
    fifo::{Command, FrameDecoder, IntegrationMode, MarkerType},
    harness::parse_targets,
    memory::{
        Event, EventDecoder, EventKind, StackDecoder, StackFrame, TraceUsage, TracerStats, Usage,
        encode_event_stack, encode_frame, encode_stack,
    },
    text,
    walltime::WalltimeResults,
    workers::WorkerTool,
};
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "frames", seeds: frame_seeds, read: frames },
    Target { name: "artifacts", seeds: artifact_seeds, read: artifacts },
    Target { name: "memory-events", seeds: event_seeds, read: events },
    Target { name: "memory-stacks", seeds: stack_seeds, read: stacks },
    Target { name: "tracer-says", seeds: tracer_seeds, read: tracer },
    Target { name: "harness-list", seeds: list_seeds, read: list },
    Target { name: "results-json", seeds: results_seeds, read: results },
    Target { name: "words", seeds: word_seeds, read: words },
];

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let text = || "a.py::b".to_owned();
    let commands = [
        Command::CurrentBenchmark { pid: 7, uri: text() },
        Command::StartBenchmark,
        Command::StopBenchmark,
        Command::PingPerf,
        Command::SetIntegration { name: text(), version: text() },
        Command::AddMarker { pid: 7, marker: MarkerType::RoundStart(9) },
        Command::SetVersion(2),
        Command::GetIntegrationMode,
        Command::IntegrationModeResponse(IntegrationMode::Analysis),
    ];
    vec![commands.iter().flat_map(Command::encode).collect()]
}

fn frames(bytes: &[u8]) {
    let mut decoder = FrameDecoder::default();
    for piece in bytes.chunks(37) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(payload)) => drop(Command::decode(payload)),
                Ok(None) => break,
                Err(_) => {}
            }
        }
    }
}

fn artifact_seeds() -> Vec<Vec<u8>> {
    let markers =
        vec![MarkerType::SampleStart(1), MarkerType::RoundStart(2), MarkerType::RoundEnd(1 << 40)];
    let timestamps = ExecutionTimestamps { uri_by_ts: vec![(5, "a::b".to_owned())], markers };
    let log = RoundLog {
        version: RoundLog::VERSION,
        tick_ns: Some(1),
        turns: None,
        benchmarks: Vec::new(),
    };
    let written = include_bytes!("../../results/fixtures/client/ExecutionTimestamps.msgpack");
    vec![timestamps.encode(), log.encode(), written.to_vec()]
}

fn artifacts(bytes: &[u8]) {
    drop(ExecutionTimestamps::decode(bytes));
    drop(RoundLog::decode(bytes));
}

fn some_events() -> Vec<Event> {
    let kinds = [
        EventKind::Malloc { size: 8 },
        EventKind::Realloc { old_addr: Some(16), size: 1 << 33 },
        EventKind::Mmap { size: 4096 },
        EventKind::Free,
        EventKind::Munmap { size: 1 },
        EventKind::Brk { size: 3 },
    ];
    let event = |(at, kind)| Event { pid: 7, tid: 8, timestamp: at, addr: at * 16, kind };
    (1..).zip(kinds).map(event).collect()
}

fn event_seeds() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    for event in some_events() {
        event.encode(&mut bytes);
    }
    vec![bytes]
}

fn events(bytes: &[u8]) {
    let (mut decoder, mut usage) = (EventDecoder::default(), Usage::default());
    for piece in bytes.chunks(997) {
        decoder.push(piece);
        while let Ok(Some(event)) = decoder.next_event() {
            usage.add_from(&event, event.tid.unsigned_abs() % 5);
        }
    }
    drop((decoder.finish(), usage.finish(u64::MAX)));
}

fn stack_seeds() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    encode_frame(&mut bytes, &StackFrame::new("main", "/bin/x"));
    encode_stack(&mut bytes, &[1, 300]);
    encode_event_stack(&mut bytes, 1);
    vec![bytes]
}

fn stacks(bytes: &[u8]) {
    let mut decoder = StackDecoder::default();
    for piece in bytes.chunks(997) {
        decoder.push(piece);
        while let Ok(Some(_)) = decoder.next_event_stack() {}
    }
    let (table, _) = decoder.finish();
    drop((table.stack(1).len(), table.frame(1).cloned()));
}

fn tracer_seeds() -> Vec<Vec<u8>> {
    let mut usage = Usage::starting_at(5);
    for event in some_events() {
        usage.add_from(&event, 3);
    }
    let window = runner_shared::memory::WindowUsage {
        first: 1,
        last: 9,
        events: 6,
        usage: usage.finish(10),
    };
    let usage =
        TraceUsage { version: TraceUsage::VERSION, without_root: true, windows: vec![window] };
    let stats = serde_json::to_vec(&TracerStats::default()).unwrap_or_default();
    vec![usage.encode(), stats]
}

fn tracer(bytes: &[u8]) {
    if let Some(read) = TraceUsage::decode(bytes) {
        for window in read.windows {
            let mut usage = window.usage;
            usage.lasted_until(u64::MAX);
            let _ = (usage.sizes.classes().count(), usage.timeline.points().len());
        }
    }
    drop(read_json::<TracerStats>(bytes, 64 << 20));
}

fn list_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"[{"command":["grep","-c",{"bytes":[99,233]}],"name":"n","walltime_args":{"warmup_time":"1s","max_time":null,"max_rounds":3}},{"command":["true"]}]"#.to_vec(),
    ]
}

fn list(bytes: &[u8]) {
    if let Ok((targets, _)) = parse_targets(&String::from_utf8_lossy(bytes)) {
        for target in targets {
            drop((target.uri(), target.shown_name()));
        }
    }
}

fn results_seeds() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../results/fixtures/pytest.json").to_vec()]
}

fn results(bytes: &[u8]) {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    drop(WalltimeResults::deserialize_some(&mut json, &mut |of| of.stats.rounds > 1));
}

fn word_seeds() -> Vec<Vec<u8>> {
    [
        "a 'b c' \"d\\\"e\" && f | g > h",
        "1h 2m 3.5s 4ms",
        "python3 -m pytest -n 4 --x\0y",
        "\u{1b}[31mred\u{7}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    drop((CommandText::read(&*text), parse_nanos(&text), WorkerTool::of(&text)));
    drop((
        text::one_line(&text),
        text::lines(&text),
        text::without_commands(&text),
        text::bytes_as_text(bytes),
    ));
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}

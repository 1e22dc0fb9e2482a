//! Runs to show: two of the same benchmarks in all modes, one whose texts want to be more than text, one with very many.

use report::{Page, Report, page};
use store::{
    Column, Metric, MetricUnit, Mode, Part, Record, RecordId, RecordedBenchmark, Rounds, StackNode,
    StackUnit, Stacks, Timeline,
    compare::{Run, Settings, compare},
};

/// Returns the page of a comparison of two runs, or of one run.
pub(crate) fn page_of(head: &Record, base: Option<&Record>) -> Page {
    let run = |record, number: u64| Run { id: RecordId::of(&number.to_le_bytes()), record };
    let head = run(head, 2);
    let base = base.map(|base| run(base, 1));
    let found = base.map(|base| compare(&[base], &[head], &Settings::default()));
    page(&Report {
        head,
        base: base.zip(found.as_ref()),
        gate: None,
        history: &[],
        log: Some("a line\n</pre><script>globalThis.wasRun = true</script>\n"),
        most_bytes: Report::USUAL_BYTES,
    })
}

/// `main` calls `fill`, `sort` and `log`; the weights are those of all four.
fn stacks(unit: StackUnit, weights: [u64; 4]) -> Stacks {
    let [own, fill, sort, log] = weights;
    let node =
        |(parent, function, weight)| StackNode { parent, function, weight, ..StackNode::default() };
    Stacks {
        unit,
        functions: ["main", "fill", "sort", "log"].map(str::to_owned).to_vec(),
        objects: vec!["/usr/bin/prog".to_owned()],
        nodes: [(0, 0, own), (1, 1, fill), (1, 2, sort), (1, 3, log)].map(node).to_vec(),
        ..Stacks::default()
    }
}

fn metric(value: f64, unit: MetricUnit) -> Metric {
    Metric { value, low: Some(value * 0.99), high: Some(value * 1.01), unit, ..Metric::default() }
}

fn benchmark(
    part: u32,
    name: &str,
    (key, value): (&str, Metric),
    stacks: Stacks,
) -> RecordedBenchmark {
    RecordedBenchmark {
        part,
        name: name.to_owned(),
        uri: format!("a.c::{name}"),
        occurrence: 1,
        metrics: [(key.to_owned(), value)].into(),
        headline: key.to_owned(),
        stacks: Some(stacks),
        ..RecordedBenchmark::default()
    }
}

/// A run whose functions take these parts of a whole: `main` itself, `fill`, `sort`, `log`.
fn run(weights: [u64; 4], nanos: f64) -> Record {
    let part = |mode| Part { mode, ..Part::default() };
    let mut timed = benchmark(
        0,
        "timed",
        ("median_ns", metric(nanos, MetricUnit::Nanoseconds)),
        stacks(StackUnit::Nanoseconds, weights),
    );
    let each = (0..60_u32).map(|number| nanos * (1.0 + f64::from(number % 7) / 100.0)).collect();
    timed.rounds = Some(Rounds { wall_ns: each, ..Rounds::default() });
    let sum: u64 = weights.iter().sum();
    let total = f64::from(u32::try_from(sum).unwrap());
    let simulated = benchmark(
        1,
        "simulated",
        ("instructions", metric(total, MetricUnit::Number)),
        stacks(StackUnit::Instructions, weights),
    );
    let mut allocating = stacks(StackUnit::Bytes, weights);
    let column = |weights: Vec<u64>| Column { weights, left_out: 0 };
    allocating.columns = [
        ("peak_bytes".to_owned(), column(vec![0, 30, 10, 0])),
        ("live_bytes".to_owned(), column(vec![0, 5, 0, 0])),
    ]
    .into();
    let mut allocates =
        benchmark(2, "allocates", ("total_bytes", metric(total, MetricUnit::Bytes)), allocating);
    allocates.metrics.insert("peak_bytes".to_owned(), metric(40.0, MetricUnit::Bytes));
    allocates.timeline = Some(Timeline { span_ns: 1_024, most_bytes: vec![0, 30, 40, 40, 5] });
    Record {
        version: Record::VERSION,
        time_ms: 1_796_054_543_000,
        project: "owner/name".to_owned(),
        program: "codspeed 5.1.0".to_owned(),
        parts: [Mode::Walltime, Mode::Simulation, Mode::Memory].map(part).to_vec(),
        benchmarks: vec![timed, simulated, allocates],
        ..Record::default()
    }
}

/// The run before: 40 % in `fill`, 50 % in `sort`.
pub(crate) fn base() -> Record {
    run([0, 400, 500, 100], 900.0)
}

/// 70 % in `fill`, 20 % in `sort`, 10 % in `log` and `main`.
pub(crate) fn head() -> Record {
    run([10, 700, 200, 90], 1_000.0)
}

/// A run whose texts would do something in a page that takes them for more.
pub(crate) fn hostile(number: u64) -> Record {
    const TEXTS: [&str; 4] = [
        "</script><script>globalThis.wasRun = true</script>",
        "\"><img src=x onerror='globalThis.wasRun = true'>",
        "javascript:globalThis.wasRun=true//\u{202e}\u{1b}[31m{{constructor.constructor('globalThis.wasRun=1')()}}",
        "</style></title><iframe srcdoc=\"<script>parent.wasRun=1</script>\">&lt;&#x3c;",
    ];
    let mut record = run([10, 700 * number, 200, 90], 1_000.0);
    for (at, benchmark) in record.benchmarks.iter_mut().enumerate() {
        let text = TEXTS[at % TEXTS.len()];
        text.clone_into(&mut benchmark.name);
        benchmark.uri = format!("{text}::{at}");
        benchmark.notes = TEXTS.map(str::to_owned).to_vec();
        let stacks = benchmark.stacks.as_mut().unwrap();
        stacks.functions = TEXTS.map(str::to_owned).to_vec();
        stacks.functions[3] = "x".repeat(1 << 20);
        stacks.objects = vec![TEXTS[1].to_owned()];
    }
    for part in &mut record.parts {
        part.warnings = TEXTS.map(str::to_owned).to_vec();
    }
    record.name = Some(TEXTS[0].to_owned());
    TEXTS[3].clone_into(&mut record.project);
    record.command = TEXTS.map(str::to_owned).to_vec();
    TEXTS[0].clone_into(&mut record.environment.machine);
    record
}

/// A run of so many benchmarks.
pub(crate) fn many(count: usize, factor: u64) -> Record {
    let mut record = run([10, 700, 200, 90], 1_000.0);
    let one = record.benchmarks[1].clone();
    record.benchmarks = (0..count)
        .map(|number| {
            let mut of = one.clone();
            of.name = format!("benchmark {number} of a suite with rather long names");
            of.uri = format!("src/benches/some_file.rs::{number}");
            let nodes = &mut of.stacks.as_mut().unwrap().nodes;
            nodes[1].weight *= factor + u64::try_from(number % 3).unwrap();
            of
        })
        .collect();
    record
}

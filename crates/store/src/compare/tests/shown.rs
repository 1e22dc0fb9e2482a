//! A comparison as it is shown and exported.

use results::{TableStyle, exporter, verdict_table};

use super::*;
use crate::{Outcome, StackNode, StackUnit, Stacks};

/// A call tree: `main` calls `parse` and `sort`, of which the latter costs this much.
fn stacks(sort: u64) -> Stacks {
    let node =
        |parent, function, weight| StackNode { parent, function, weight, ..StackNode::default() };
    Stacks {
        unit: StackUnit::Nanoseconds,
        functions: ["main", "parse", "sort::h0123456789abcdef"].map(str::to_owned).to_vec(),
        objects: vec!["/target/debug/sort".into()],
        nodes: vec![node(0, 0, 10), node(1, 1, 400), node(1, 2, sort)],
        left_out: 5,
        columns: BTreeMap::new(),
    }
}

/// A suite with a benchmark for each verdict.
fn all_verdicts() -> Comparison {
    let mut base = suite(&[1e7, 1e7, 1e7, 1e7, 1e7], 0.002, 1);
    let mut head = suite(&[1.3e7, 1.05e7, 1e7, 0.7e7, 1e7], 0.002, 2);
    for (seed, record, sort) in [(3, &mut base, 600), (4, &mut head, 900)] {
        let wide = suite(&[2e7], 0.2, seed).benchmarks.remove(0);
        record.benchmarks.push(RecordedBenchmark { name: "wide".into(), uri: "w".into(), ..wide });
        let counts = [
            ("peak_bytes", 1.06e6, MetricUnit::Bytes),
            ("total_bytes", if sort > 600 { 3e6 } else { 2e6 }, MetricUnit::Bytes),
            ("allocations", 1200.0, MetricUnit::Number),
        ];
        record.parts.push(Part { mode: Mode::Memory, ..record.parts[0].clone() });
        let memory = RecordedBenchmark { part: 1, ..named("parse", "peak_bytes", &counts) };
        record.benchmarks.push(memory);
        record.benchmarks[0].stacks = Some(stacks(sort));
        record.benchmarks[0].metrics.insert(
            "minor_faults".into(),
            metric(if sort > 600 { 900.0 } else { 50.0 }, MetricUnit::Number),
        );
    }
    head.benchmarks[4].outcome = Outcome::Failed("exit status 1".into());
    head.benchmarks.push(RecordedBenchmark {
        name: "new one".into(),
        uri: "n".into(),
        ..head.benchmarks[0].clone()
    });
    head.commit = Some(CommitInfo {
        hash: "fedcba9876543210".repeat(2),
        branch: Some("faster".into()),
        dirty: Some(true),
    });
    head.name = Some("try".into());
    head.time_ms += 120_000;
    compared(&base, &head)
}

fn table(of: &Comparison, width: Option<u16>) -> String {
    verdict_table(&Shown { of, all: false }, &TableStyle { colour: false, width })
}

fn exported(of: &Comparison, format: &str) -> String {
    let mut bytes = Vec::new();
    exporter(format).unwrap().write_verdicts(&Shown { of, all: false }, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_table_with_all_verdicts() {
    insta::assert_snapshot!(table(&all_verdicts(), Some(80)));
}

#[test]
fn exports_have_all_of_it() {
    let found = all_verdicts();
    insta::assert_snapshot!("csv", exported(&found, "csv"));
    insta::assert_snapshot!("markdown", exported(&found, "markdown"));
    let json: serde_json::Value = serde_json::from_str(&exported(&found, "json")).unwrap();
    insta::assert_json_snapshot!("json", json);
    let first = json["benchmarks"][0].clone();
    assert_eq!(results::Verdicts::objects(&Shown { of: &found, all: false }).unwrap()[0], first);
}

#[test]
fn the_arithmetic_of_all_verdicts() {
    insta::assert_snapshot!(all_verdicts().explain());
}

#[test]
fn no_difference_is_neither_worse_nor_better() {
    let same = suite(&[1e7], 0.002, 1);
    let text = compared(&same, &same).explain();
    assert!(text.contains("0.00000000 (neither worse nor better)"), "{text}");
}

#[test]
fn unchanged_benchmarks_of_long_suites_are_folded() {
    let base = suite(&[1e7; 12], 0.002, 1);
    let mut times = [1e7; 12];
    times[7] = 1.4e7;
    let found = compared(&base, &suite(&times, 0.002, 2));
    let text = table(&found, Some(80));
    assert!(text.contains("11 unchanged: `b0`, `b1`"), "{text}");
    let all = verdict_table(&Shown { of: &found, all: true }, &TableStyle::default());
    assert!(all.contains("b11") && !all.contains("11 unchanged"), "{all}");
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let [one, other] = [all_verdicts(), all_verdicts()];
    for format in ["json", "csv", "markdown", "asciidoc"] {
        assert_eq!(exported(&one, format), exported(&other, format));
    }
    assert_eq!(one.explain(), other.explain());
}

#[test]
fn what_is_left_out_counts_all_the_same() {
    let (base, head) = (suite(&[1e7; 8], 0.002, 1), suite(&[1.2e7; 8], 0.002, 2));
    let whole = compared(&base, &head);
    let mut kept = whole.clone();
    kept.keep(|name, _| name == "b3", &[run(&base)], &[run(&head)]);
    let found = whole.benchmarks.iter().find(|one| one.name == "b3").unwrap();
    assert!(found.doubts.contains(&Doubt::Shift));
    assert_eq!(kept.benchmarks, std::slice::from_ref(found));
    assert_eq!((&kept.modes, kept.tested), (&whole.modes, whole.tested));
    kept.keep(|_, _| false, &[run(&base)], &[run(&head)]);
    assert_eq!(kept.paired_command, None);
}

#[test]
fn the_command_that_would_tell_more_is_exact() {
    let command = |change: fn(&mut Record, &mut Record)| {
        let (mut base, mut head) = (suite(&[1e7], 0.01, 1), suite(&[1.05e7], 0.01, 2));
        change(&mut base, &mut head);
        compared(&base, &head).paired_command.unwrap_or_default()
    };
    let said = [
        command(|_, _| {}),
        command(|base, _| base.command = vec!["./old".into(), "in put".into()]),
        command(|_, head| head.commit.as_mut().unwrap().hash = "fedcba9876543210".repeat(2)),
        command(|_, head| head.commit.as_mut().unwrap().dirty = Some(true)),
        command(|base, head| {
            base.commit.as_mut().unwrap().dirty = Some(true);
            head_of(head);
        }),
        command(|base, head| {
            for record in [base, head] {
                record.kind = Kind::Run;
                record.command = vec!["pytest --codspeed".into()];
            }
            head_of(head);
        }),
        command(|base, head| {
            base.parts[0].mode = Mode::Simulation;
            head.parts[0].mode = Mode::Simulation;
        }),
        command(|_, head| head.command.clear()),
        command(|_, head| head.commit.as_mut().unwrap().hash = "$(rm -rf /)".repeat(3)),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

fn head_of(record: &mut Record) {
    record.commit.as_mut().unwrap().hash = "fedcba9876543210".repeat(2);
}

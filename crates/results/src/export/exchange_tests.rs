//! Formats for other programs: the report with three benchmarks in each, and names that their readers would stumble over.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    EXPORTERS, exporter,
    tests::{exported, noisy, of, report},
};
use crate::model::BenchResult;

#[test]
fn json_lines_of_three_benchmarks() {
    let lines = exported("jsonl");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    insta::assert_json_snapshot!(lines);
}

#[test]
fn junit_of_three_benchmarks() {
    insta::assert_snapshot!(exported("junit"));
}

#[test]
fn bmf_of_three_benchmarks() {
    insta::assert_snapshot!(exported("bmf"));
}

#[test]
fn openmetrics_of_three_benchmarks() {
    insta::assert_snapshot!(exported("openmetrics"));
}

#[test]
fn github_action_benchmark_of_three_benchmarks() {
    insta::assert_snapshot!(exported("github-action-benchmark"));
}

fn written(id: &str, benchmarks: Vec<BenchResult>) -> String {
    let mut out = Vec::new();
    exporter(id).unwrap().write(&of(benchmarks).into(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn named(name: &str) -> BenchResult {
    BenchResult { name: name.to_owned(), uri: format!("f::{name}"), ..noisy() }
}

#[test]
fn equal_names_stay_apart() {
    let twice = || vec![named("a"), named("a"), named("a (no. 2)")];
    let bmf: Value = serde_json::from_str(&written("bmf", twice())).unwrap();
    let names: Vec<&String> = bmf.as_object().unwrap().keys().collect();
    assert_eq!(names, ["a", "a (no. 2)", "a (no. 2) (no. 2)"]);
    let action: Value = serde_json::from_str(&written("github-action-benchmark", twice())).unwrap();
    let names: Vec<&str> =
        action.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    let metrics = written("openmetrics", twice());
    let samples: Vec<&str> = metrics.lines().filter(|line| !line.starts_with('#')).collect();
    let series: BTreeSet<&str> =
        samples.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(series.len(), samples.len(), "a series has one sample");
    assert!(metrics.contains("uri=\"f::a\",mode=\"walltime\",occurrence=\"2\"} "), "{metrics}");
}

#[test]
fn long_names_are_cut_for_bencher_and_stay_apart() {
    let name = |end: &str| format!("{}{end}", "é".repeat(2000));
    let bmf = written("bmf", vec![named(&name("a")), named(&name("b"))]);
    let bmf: Value = serde_json::from_str(&bmf).unwrap();
    let names: Vec<&String> = bmf.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.len() <= 1024 && name.starts_with('é')));
}

#[test]
fn names_can_not_break_out_of_their_place() {
    let hostile = "a\"},\n# EOF\n\\<x>]]>&\u{1b}[2J\u{0}\r\u{202e}";
    for exporter in EXPORTERS.iter().filter(|exporter| exporter.takes_measured()) {
        let text = written(exporter.id, vec![named(hostile)]);
        let lines = text.lines().filter(|line| line.starts_with("# EOF")).count();
        assert_eq!(lines, usize::from(exporter.id == "openmetrics"), "{text}");
        assert!(!text.contains("\u{1b}[2J") || exporter.id == "openmetrics", "{text}");
    }
    let metrics = written("openmetrics", vec![named(hostile)]);
    assert!(metrics.contains(r#"benchmark="a\"},\n# EOF\n\\<x>]]>&"#), "{metrics}");
    let junit = written("junit", vec![named(hostile)]);
    assert!(junit.contains("name=\"a&quot;},") && !junit.contains("<x>"), "{junit}");
}

#[test]
fn what_failed_has_no_values_where_only_values_count() {
    let failed = || vec![report().benchmarks.remove(1)];
    assert_eq!(written("bmf", failed()), "{}\n");
    assert_eq!(written("github-action-benchmark", failed()), "[\n]\n");
    let metrics = written("openmetrics", failed());
    let samples: Vec<&str> = metrics.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples.len(), 1, "{metrics}");
    assert!(samples[0].starts_with("codspeed_benchmark_complete{") && samples[0].ends_with(" 0"));
}

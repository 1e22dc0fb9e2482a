//! A real report in every format, as far as it fits on a page.

use runner_shared::profile_dir::ProfileDir;

use super::hottest_functions;
use crate::{
    export::{EXPORTERS, Listing, TableStyle, exporter, table},
    model::Integration,
    read_simulation,
    simulation::{
        Allocations, Events, SimulationReport, SimulationResult, Unattributed, View, cost_model,
    },
};

fn real() -> SimulationReport {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/simulation/suite");
    read_simulation(&ProfileDir::new(folder), &std::collections::BTreeSet::new()).unwrap().report
}

/// One benchmark of strange looks, and more unattributed cost than is shown.
fn strange() -> SimulationReport {
    let events = |count| Events::new([("Ir".into(), Some(count))]);
    let rest = |pid| Unattributed {
        pid,
        command: "sh -c \u{1b}[31m".to_owned() + &"x".repeat(80),
        trigger: "program termination".to_owned(),
        events: events(5),
    };
    SimulationReport {
        benchmarks: vec![SimulationResult {
            name: "a|b\t<i>".to_owned(),
            uri: "a|b".to_owned(),
            occurrence: 2,
            integration: Some(Integration { name: "x".to_owned(), version: None }),
            pid: 1,
            thread: None,
            events: events(1_234_567),
            allocations: Events::default(),
            hottest: crate::simulation::Hottest::default(),
            stacks: crate::stacks::Stacks::default(),
            spawned: Vec::new(),
            notes: vec!["odd".to_owned()],
        }],
        unattributed: (1..=7).map(rest).collect(),
        processes: 1,
        tools: Vec::new(),
        warnings: vec!["careful".to_owned()],
        repeated: None,
        view: View { model: cost_model("iai").unwrap(), allocations: Allocations::Excluded },
    }
}

fn simulation_table(report: &SimulationReport, style: TableStyle) -> String {
    table(&report.clone().into(), &style)
}

fn exported(id: &str, report: &SimulationReport) -> String {
    let mut out = Vec::new();
    exporter(id).unwrap().write(&report.clone().into(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn table_of_a_suite() {
    insta::assert_snapshot!(simulation_table(&real(), TableStyle::default()));
}

#[test]
fn table_of_a_suite_without_allocations_in_eighty_columns() {
    let mut report = real();
    report.view.allocations = Allocations::Excluded;
    let style = TableStyle { colour: false, width: Some(80) };
    insta::assert_snapshot!(simulation_table(&report, style));
}

#[test]
fn strange_things_are_tame_in_a_table() {
    insta::assert_snapshot!(simulation_table(&strange(), TableStyle::default()));
    assert_eq!(simulation_table(&SimulationReport::default(), TableStyle::default()), "");
}

#[test]
fn markdown_of_strange_things() {
    insta::assert_snapshot!(exported("markdown", &strange()));
}

#[test]
fn asciidoc_of_strange_things() {
    insta::assert_snapshot!(exported("asciidoc", &strange()));
}

#[test]
fn csv_of_a_suite() {
    // The time in system calls is real time of that day.
    insta::assert_snapshot!(exported("csv", &real()));
}

#[test]
fn json_of_the_hand_made_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/simulation/made");
    let report =
        read_simulation(&ProfileDir::new(folder), &std::collections::BTreeSet::new()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&exported("json", &report.report)).unwrap();
    insta::assert_json_snapshot!(json);
}

#[test]
fn every_format_is_one_for_simulations_too() {
    for exporter in EXPORTERS {
        for report in [real(), strange(), SimulationReport::default()] {
            let mut out = Vec::new();
            exporter.write(&report.into(), &mut out).unwrap();
            // Of no benchmark there is no line.
            assert!(out.ends_with(b"\n") || exporter.id == "jsonl", "{}", exporter.id);
        }
    }
}

#[test]
fn the_costliest_functions_come_first() {
    insta::assert_snapshot!(hottest_functions(&real(), Listing { most: 3, ..Listing::default() }));
}

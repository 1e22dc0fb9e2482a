//! The surroundings of the numbers: the environment and its differences, warnings, the log.

use std::collections::BTreeMap;

use maud::{Markup, html};
use store::{Environment, Part, PartState, Record, compare::Effect, shown};

use super::Report;
use crate::text::plain;

/// The most facts about an environment.
const MOST_FACTS: usize = 400;
/// The most lines of the log.
const MOST_LINES: usize = 400;

pub(super) fn sections(report: &Report<'_>) -> Markup {
    html! { (environment(report)) (warnings(report)) (log(report)) }
}

fn environment(report: &Report<'_>) -> Markup {
    let head = facts(&report.head.record.environment);
    let base = report.base.map(|(base, _)| facts(&base.record.environment));
    let keys = head.iter().chain(base.iter().flatten()).map(|(key, _)| key.clone());
    let mut order: Vec<String> = Vec::new();
    keys.for_each(|key| {
        if !order.contains(&key) {
            order.push(key);
        }
    });
    let map = |of: &[(String, String)]| of.iter().cloned().collect::<BTreeMap<_, _>>();
    let (of_head, of_base) = (map(&head), base.as_deref().map(map));
    let value = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned().unwrap_or_default();
    html! {
        section aria-labelledby="environment-title" {
            h2 id="environment-title" { "Environment" }
            (differences(report))
            details {
                summary { "All that is known" }
                div class="scroll" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Fact" }
                                @if of_base.is_some() { th scope="col" { "Base" } th scope="col" { "Head" } }
                                @else { th scope="col" { "Value" } }
                            }
                        }
                        tbody {
                            @for key in &order {
                                @let head = value(&of_head, key);
                                @let base = of_base.as_ref().map(|of| value(of, key));
                                tr class=[base.as_ref().filter(|base| **base != head).map(|_| "differs")] {
                                    th scope="row" { (plain(key)) }
                                    @if let Some(base) = &base { td { (plain(base)) } }
                                    td { (plain(&head)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The differences that a comparison has found, each once.
fn differences(report: &Report<'_>) -> Markup {
    let Some((_, comparison)) = report.base else { return html! {} };
    let mut all: Vec<&store::compare::Reason> = Vec::new();
    for reason in comparison.benchmarks.iter().flat_map(|it| &it.reasons) {
        if !all.contains(&reason) && reason.effect != Effect::Ignored {
            all.push(reason);
        }
    }
    all.sort();
    html! {
        @if all.is_empty() { p { "No difference that matters is known." } }
        @else {
            @let sentences: Vec<String> = all.iter().map(|reason| reason.sentence()).collect();
            (super::head::list(&sentences))
        }
    }
}

fn facts(of: &Environment) -> Vec<(String, String)> {
    let Environment {
        machine,
        system,
        architecture,
        kernel,
        processor,
        memory_gib,
        libc,
        variables,
        modules,
        toolchain,
        languages,
    } = of;
    let number = |value: u64| if value == 0 { String::new() } else { value.to_string() };
    let fixed = [
        ("machine", machine.clone()),
        ("system", system.clone()),
        ("architecture", architecture.clone()),
        ("kernel", kernel.clone()),
        ("processor", processor.model.clone()),
        ("cores", number(processor.cores.into())),
        ("microcode", processor.microcode.clone()),
        ("memory (GiB)", number(*memory_gib)),
        ("C library", libc.clone()),
        ("variables (digest)", variables.clone()),
    ];
    let fixed = fixed.into_iter().map(|(key, value)| (key.to_owned(), value));
    let tools = toolchain.iter().map(|tool| (tool.name.clone(), tool.version.clone()));
    let said = languages.iter().flat_map(|(language, facts)| {
        facts.iter().map(move |(key, value)| (format!("{language}: {key}"), value.clone()))
    });
    let modules = modules.iter().map(|it| (it.path.clone(), it.id.clone()));
    let all = fixed.chain(tools).chain(said).chain(modules);
    all.filter(|(_, value)| !value.is_empty()).take(MOST_FACTS).collect()
}

fn warnings(report: &Report<'_>) -> Markup {
    let sides = report.base.map(|(base, _)| ("base", base.record));
    let sides: Vec<(&str, &Record)> =
        sides.into_iter().chain([("head", report.head.record)]).collect();
    let names_side = sides.len() > 1;
    let of_part = |part: &Part| {
        let state = match part.state {
            PartState::Complete => None,
            PartState::Interrupted => Some("it was interrupted".to_owned()),
            PartState::Failed => Some("it failed".to_owned()),
        };
        let mode = shown::mode(part.mode);
        let all = state.into_iter().chain(part.warnings.iter().cloned());
        all.map(|text| format!("{mode}: {text}")).collect::<Vec<String>>()
    };
    let lines: Vec<String> = sides
        .iter()
        .flat_map(|(side, record)| record.parts.iter().map(move |part| (side, part)))
        .flat_map(|(side, part)| {
            let start = if names_side { format!("{side}, ") } else { String::new() };
            of_part(part).into_iter().map(move |text| format!("{start}{text}"))
        })
        .collect();
    html! {
        @if !lines.is_empty() {
            section aria-labelledby="warnings-title" {
                h2 id="warnings-title" { "Warnings" }
                (super::head::list(&lines))
            }
        }
    }
}

fn log(report: &Report<'_>) -> Markup {
    let Some(log) = report.log.filter(|log| !log.trim().is_empty()) else { return html! {} };
    let lines: Vec<&str> = log.lines().collect();
    let first = lines.len().saturating_sub(MOST_LINES);
    let shown = lines.get(first..).unwrap_or_default();
    html! {
        section aria-labelledby="log-title" {
            h2 id="log-title" { "Log" }
            details {
                summary {
                    @if first > 0 { "The last " (MOST_LINES) " lines of " (lines.len()) } @else { (lines.len()) " lines" }
                }
                pre tabindex="0" { @for line in shown { (plain(line)) "\n" } }
            }
        }
    }
}

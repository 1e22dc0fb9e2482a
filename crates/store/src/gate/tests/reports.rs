//! Reports for people and programs, which no name can break.

use results::TableStyle;

use super::*;

#[test]
fn reports_for_people() {
    let (rules, comparison) = mixed();
    let report = judged(&rules, &comparison);
    let style = TableStyle { colour: false, width: Some(80) };
    insta::assert_snapshot!("terminal", table(&report, &style));
    insta::assert_snapshot!("markdown", markdown(&report));
    insta::assert_debug_snapshot!("annotations", annotations(&report));
    insta::assert_snapshot!("badge", badge(&report));
}

#[test]
fn reports_for_programs() {
    let (rules, comparison) = mixed();
    let report = judged(&rules, &comparison);
    for id in ["json", "junit", "gitlab-metrics", "gitlab-codequality"] {
        let text = String::from_utf8(format(id).unwrap().write(&report).unwrap()).unwrap();
        insta::assert_snapshot!(id, text);
        let again = format(id).unwrap().write(&judged(&rules, &comparison)).unwrap();
        assert_eq!(again, text.into_bytes(), "the same input, the same {id}");
    }
}

/// Names that try to leave their place in some format.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u{1b}]0;title\u{7}\u{1b}[31mred",
    "::error::injected",
    "\n::error file=x::injected",
    "a|b`c``d",
    "[x](javascript:alert(1)) @everyone #1",
    "]]><x/>",
    "\"} 1\n# EOF\n",
    "../../../etc/passwd::x",
    "\u{202e}txt.exe",
    "\0\u{8}\u{b}\u{ffff}",
    "",
];

fn hostile() -> GateReport {
    let mut benchmarks = Vec::new();
    for text in HOSTILE {
        let mut one = compared(text, 1e6, 2e6, Verdict::Incomparable);
        (*text).clone_into(&mut one.uri);
        one.reasons = vec![Reason {
            field: "processor",
            title: "processor",
            effect: Effect::Forbids,
            base: (*text).to_owned(),
            head: "y".repeat(1 << 16),
        }];
        benchmarks.push(one);
        benchmarks.push(compared(&text.repeat(1000), 1e6, 2e6, Verdict::Regressed));
    }
    judged(&Rules::default(), &comparison(benchmarks))
}

#[test]
fn no_name_leaves_its_place() {
    let report = hostile();
    for format in FORMATS {
        let bytes = format.write(&report).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let steers = |letter: char| letter.is_control() && letter != '\n';
        assert!(!text.chars().any(steers), "{}", format.id);
        assert!(!text.contains('\u{202e}') || format.id == "json", "{}", format.id);
        let begins = |line: &str| line.trim_start().starts_with("::");
        assert!(!text.lines().any(begins), "{}", format.id);
    }
    let page = markdown(&report);
    let ours = |line: &str| line.starts_with("<details><summary>") || line == "</details>";
    assert!(page.lines().all(|line| !line.starts_with('<') || ours(line)), "{page}");
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        // Whatever the name, a row has its seven cells.
        assert_eq!(line.replace("\\|", "").matches('|').count(), 8, "{line}");
    }
    for shown in annotations(&report) {
        assert!(!shown.text.contains('\n') && !shown.title.contains('\n'));
    }
    let shown = table(&report, &TableStyle::default());
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown}");
}

#[test]
fn metrics_of_hostile_names_stay_in_their_lines() {
    let bytes = format("gitlab-metrics").unwrap().write(&hostile()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for line in text.lines() {
        let is_value = line.starts_with("codspeed_")
            && line.rsplit_once("} ").is_some_and(|(_, value)| value.parse::<f64>().is_ok());
        assert!(is_value || line.starts_with("# TYPE codspeed_") || line == "# EOF", "{line}");
    }
    assert_eq!(text.matches("# EOF\n").count(), 1);
}

#[test]
fn a_comment_has_at_most_sixty_thousand_letters() {
    let all = |verdict, count: u32, name: &str| -> Vec<Compared> {
        (0..count).map(|nth| compared(&format!("{name}{nth}µ"), 1e6, 2e6, verdict)).collect()
    };
    let mut benchmarks = all(Verdict::Unchanged, 3000, "same");
    benchmarks.extend(all(Verdict::Regressed, 5, "worse"));
    let page = markdown(&judged(&Rules::default(), &comparison(benchmarks)));
    let length = page.chars().count();
    assert!((50_000..=60_000).contains(&length), "{length}");
    let (failed, passed) = (page.find("worse4µ").unwrap(), page.find("same0µ").unwrap());
    assert!(failed < passed && page.contains(" more rows have no room here."));
    assert!(page.contains("</details>"), "what is opened is closed");
    // Even a report of nothing but what failed fits.
    let worst =
        markdown(&judged(&Rules::default(), &comparison(all(Verdict::Regressed, 50_000, "x"))));
    assert!(worst.chars().count() <= 60_000 && worst.contains("50000 failed"));
}

#[test]
fn findings_of_repeated_benchmarks_are_apart() {
    let first = compared("a", 1e6, 2e6, Verdict::Regressed);
    let second = Compared { occurrence: 2, ..first.clone() };
    let report = judged(&Rules::default(), &comparison(vec![first, second]));
    let bytes = format("gitlab-codequality").unwrap().write(&report).unwrap();
    let found: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_ne!(found[0]["fingerprint"], found[1]["fingerprint"]);
}

#[test]
fn repeated_benchmarks_have_their_number_in_all_reports() {
    let first = compared("a", 1e6, 2e6, Verdict::Regressed);
    let second = Compared { occurrence: 2, ..first.clone() };
    let report = judged(&Rules::default(), &comparison(vec![second, first]));
    let numbers: Vec<u32> = report.checks.iter().map(|check| check.occurrence).collect();
    assert_eq!(numbers, [1, 2]);
    for id in ["markdown", "junit", "gitlab-codequality"] {
        let bytes = format(id).unwrap().write(&report).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches("a (no. 2)").count(), 1, "{id}: {text}");
    }
    let table = table(&report, &TableStyle { colour: false, width: Some(120) });
    assert!(table.contains(" a (no. 2) "), "{table}");
    let told: Vec<String> = annotations(&report).into_iter().map(|it| it.text).collect();
    assert!(told[0].starts_with("a: ") && told[1].starts_with("a (no. 2): "), "{told:?}");
    let bytes = format("gitlab-metrics").unwrap().write(&report).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let values = text.lines().filter(|line| line.starts_with("codspeed_gate_failed{"));
    let second = values.clone().filter(|line| line.contains(",occurrence=\"2\"} "));
    assert_eq!((values.count(), second.count()), (2, 1), "{text}");
}

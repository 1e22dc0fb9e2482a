//! The table of classes: what each field does in each mode.

use super::*;

/// Changes one field of a record.
type Change = fn(&mut Record);

/// The class that a change of a field has in simulation, walltime and memory mode.
fn classes(change: Change) -> [Class; 3] {
    [Mode::Simulation, Mode::Walltime, Mode::Memory].map(|mode| {
        let benchmark = || named("a", "x", &[("x", 1.0, MetricUnit::Number)]);
        let base = record(mode, vec![benchmark()]);
        let mut head = record(mode, vec![benchmark()]);
        change(&mut head);
        compared(&base, &head).benchmarks[0].class
    })
}

#[test]
fn each_field_has_its_effect_in_each_mode() {
    use Class::{Comparable, Degraded, Incomparable};
    let rows: &[(&str, Change, [Class; 3])] = &[
        ("nothing", |_| {}, [Comparable; 3]),
        (
            "unit",
            |of| of.benchmarks[0].metrics.get_mut("x").unwrap().unit = MetricUnit::Bytes,
            [Incomparable; 3],
        ),
        (
            "setting",
            |of| drop(of.parts[0].settings.insert("model".into(), "iai".into())),
            [Incomparable; 3],
        ),
        ("architecture", |of| of.environment.architecture = "aarch64".into(), [Incomparable; 3]),
        ("libc", |of| of.environment.libc = "other".into(), [Incomparable; 3]),
        (
            "tool",
            |of| of.parts[0].tools[0].version = "3.27".into(),
            [Incomparable, Degraded, Incomparable],
        ),
        ("integration", |of| of.benchmarks[0].integration = Some("other 1".into()), [Degraded; 3]),
        (
            "processor",
            |of| of.environment.processor.model = "Xeon".into(),
            [Comparable, Incomparable, Comparable],
        ),
        ("cores", |of| of.environment.processor.cores = 4, [Degraded, Incomparable, Degraded]),
        (
            "microcode",
            |of| of.environment.processor.microcode = "2".into(),
            [Comparable, Degraded, Comparable],
        ),
        ("kernel", |of| of.environment.kernel = "6.19".into(), [Comparable, Degraded, Comparable]),
        ("system", |of| of.environment.system = "debian 13".into(), [Degraded; 3]),
        ("toolchain", |of| of.environment.toolchain[0].version = "1.96".into(), [Degraded; 3]),
        ("machine", |of| of.environment.machine = "runner-2".into(), [Comparable; 3]),
        ("memory", |of| of.environment.memory_gib = 64, [Comparable; 3]),
        ("variables", |of| of.environment.variables = "ffff".into(), [Comparable; 3]),
        (
            "machine of a shard",
            |of| {
                let libc = "other".into();
                let environment = Environment { libc, ..of.environment.clone() };
                of.parts[0].environment = Some(Box::new(environment));
            },
            [Incomparable; 3],
        ),
        ("unknown libc", |of| of.environment.libc.clear(), [Degraded; 3]),
        (
            "unknown processor",
            |of| of.environment.processor.model.clear(),
            [Comparable, Degraded, Comparable],
        ),
        ("all unknown", |of| of.environment = Environment::default(), [Degraded; 3]),
    ];
    for (name, change, expected) in rows {
        assert_eq!(classes(*change), *expected, "{name}");
    }
}

#[test]
fn of_several_tools_one_that_a_side_lacks_weighs_less() {
    use Class::{Comparable, Degraded};
    let found = classes(|of| of.parts[0].tools.push(tool("perf")));
    assert_eq!(found, [Degraded, Comparable, Degraded]);
    assert_eq!(classes(|of| of.environment.toolchain.push(tool("clang"))), [Comparable; 3]);
}

#[test]
fn a_tool_that_was_replaced_is_another_one() {
    use Class::{Degraded, Incomparable};
    let found = classes(|of| of.parts[0].tools = vec![tool("other")]);
    assert_eq!(found, [Incomparable, Degraded, Incomparable]);
    assert_eq!(classes(|of| of.environment.toolchain = vec![tool("gcc")]), [Degraded; 3]);
    let of = |name: &str| {
        let mut of = record(Mode::Memory, vec![named("a", "x", &[("x", 1.0, MetricUnit::Number)])]);
        of.environment.toolchain = vec![tool("make"), tool(name)];
        of
    };
    let found = compared(&of("cpython"), &of("pypy"));
    let told: Vec<String> = found.benchmarks[0].reasons.iter().map(Reason::sentence).collect();
    let expected = [
        "the toolchain differs: `cpython 19` in base, `no cpython` in head",
        "the toolchain differs: `no pypy` in base, `pypy 19` in head",
    ];
    assert_eq!(told, expected);
}

fn tool(name: &str) -> Tool {
    Tool { name: name.into(), version: "19".into() }
}

#[test]
fn two_unknown_environments_are_told() {
    let mut base = record(Mode::Walltime, vec![named("a", "x", &[("x", 1.0, MetricUnit::Number)])]);
    base.environment = Environment::default();
    base.parts[0].modules.clear();
    let found = compared(&base, &base);
    assert_eq!(found.benchmarks[0].class, Class::Comparable);
    assert_eq!(found.benchmarks[0].reasons[0].field, "environment");
    let mut head = base.clone();
    head.benchmarks[0].metrics.insert("x".into(), metric(79.0, MetricUnit::Number));
    assert_eq!(verdict_of(&compared(&base, &head), "a"), Verdict::Regressed);
}

#[test]
fn reasons_name_what_differs_the_worst_first() {
    let base = suite(&[1e6], 0.001, 1);
    let mut head = suite(&[1e6], 0.001, 2);
    head.environment.machine = "runner-2\u{1b}[31m".into();
    head.environment.kernel.clear();
    head.environment.processor.model = "Xeon".into();
    head.parts[0].settings.insert("pinned".into(), "3".into());
    let found = compared(&base, &head);
    let sentences: Vec<String> = found.benchmarks[0].reasons.iter().map(Reason::sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"));
    assert_eq!(found.benchmarks[0].verdict, Verdict::Incomparable);
}

#[test]
fn incomparable_is_no_regression_unless_forced() {
    let base = suite(&[1e6], 0.001, 1);
    let mut head = suite(&[2e6], 0.001, 2);
    head.environment.processor.model = "Xeon".into();
    let found = compared(&base, &head);
    assert_eq!(verdict_of(&found, "b0"), Verdict::Incomparable);
    assert_eq!(found.worse_by(0.0).count(), 0);
    let settings = Settings { force: true, ..Settings::default() };
    let forced = compare(&[run(&base)], &[run(&head)], &settings);
    assert_eq!(verdict_of(&forced, "b0"), Verdict::Regressed);
    assert!(forced.forced && forced.benchmarks[0].class == Class::Incomparable);
}

#[test]
fn a_doubtful_environment_makes_findings_suspect() {
    let base = suite(&[1e6, 1e6], 0.001, 1);
    let mut head = suite(&[2e6, 1e6], 0.001, 2);
    head.environment.kernel = "6.19".into();
    let found = compared(&base, &head);
    assert_eq!(verdict_of(&found, "b0"), Verdict::Suspect);
    assert!(found.benchmarks[0].doubts.contains(&Doubt::Degraded));
    assert_eq!(verdict_of(&found, "b1"), Verdict::Unchanged);
}

#[test]
fn the_same_program_is_no_regression() {
    let decided = |nanos, seed| {
        let mut record = suite(&[nanos], 0.001, seed);
        record.parts[0].modules_decide = true;
        record
    };
    let (base, head) = (decided(1e6, 1), decided(2e6, 2));
    let found = compared(&base, &head);
    assert_eq!(found.benchmarks[0].class, Class::SameBinary);
    assert_eq!(verdict_of(&found, "b0"), Verdict::Suspect);
    assert!(found.benchmarks[0].doubts.contains(&Doubt::SameProgram));
    let noise = compared(&base, &decided(1.05e6, 2));
    assert_eq!(verdict_of(&noise, "b0"), Verdict::Unchanged);
    let mut other = decided(2e6, 2);
    other.environment.variables = "ffff".into();
    assert_eq!(verdict_of(&compared(&base, &other), "b0"), Verdict::Regressed);
    // Other bytes, other words, or an interpreter: something may have changed.
    let mut other = decided(2e6, 2);
    other.environment.modules[0].id = "bb".into();
    assert_eq!(verdict_of(&compared(&base, &other), "b0"), Verdict::Regressed);
    let mut other = decided(2e6, 2);
    other.command.push("-x".into());
    assert_eq!(verdict_of(&compared(&base, &other), "b0"), Verdict::Regressed);
    let mut other = decided(2e6, 2);
    other.parts[0].modules_decide = false;
    assert_eq!(verdict_of(&compared(&base, &other), "b0"), Verdict::Regressed);
    let mut other = decided(2e6, 2);
    other.parts[0].modules.clear();
    assert_eq!(verdict_of(&compared(&base, &other), "b0"), Verdict::Regressed);
}

//! Tables of stored runs on terminals of many widths, and where nobody sees them.

use store::{Mode, Part, Record};
use test_support::Sandbox;

use crate::{
    stage::CODSPEED,
    stored::{self, keep, project, record_at},
};

/// A project whose runs, branches and benchmarks have long names.
fn long_names() -> Sandbox {
    let sandbox = project().with("TERM", "xterm");
    let run = |minute: u64| {
        let name = format!("a_benchmark_with_a_rather_long_name[{}]", "parameter-".repeat(6));
        let slower = f64::from(u32::try_from(minute).unwrap());
        Record {
            name: Some(format!("before-the-change-of-everything-{minute}")),
            labels: (0..9).map(|of| (format!("label{of}"), "value".to_owned())).collect(),
            parts: vec![Part { mode: Mode::Walltime, ..Part::default() }],
            benchmarks: vec![
                stored::timed("suite.py", &name, 1e6 * (1.0 + slower)),
                stored::timed("suite.py", "sort", 1e6),
            ],
            ..record_at(
                minute,
                format!("{minute:x}").repeat(40),
                "feature/a-branch-with-a-long-name",
            )
        }
    };
    keep(&sandbox, &[run(1), run(2)]);
    sandbox
}

/// Returns the screen of a terminal of this width after a command.
fn on_terminal(sandbox: &Sandbox, words: &[&str], columns: u16) -> String {
    // A wide screen shows which lines are too long; the program is told of a narrower one.
    let script = format!("stty columns {columns}; exec {CODSPEED} \"$@\"");
    let words = [&["-c", &script, "sh"], words].concat();
    let (code, screen) = sandbox.on_terminal(sandbox.command("sh", words), 200, 400).end();
    assert!([0, 6].contains(&code), "{screen}");
    screen
}

const COMMANDS: [&[&str]; 6] = [
    &["store", "list"],
    &["store", "list", "--all-projects"],
    &["store", "show", "last"],
    &["history"],
    &["gate"],
    &["compare"],
];

#[test]
fn tables_fit_the_terminal() {
    let sandbox = long_names();
    for words in COMMANDS {
        for columns in [48, 60, 80, 200] {
            let screen = on_terminal(&sandbox, words, columns);
            assert!(!screen.contains("u{1b}"), "{words:?}: {screen}");
            let mut lines = screen.lines();
            let head = lines.position(|line| line.starts_with('─'));
            assert!(head.is_some(), "{words:?} has a table: {screen}");
            let rows = screen.lines().take(head.unwrap() + 3).skip(head.unwrap() - 1);
            for row in rows {
                let width = row.chars().count();
                assert!(width <= usize::from(columns), "{words:?}, {columns}: {row}\n{screen}");
            }
        }
    }
}

#[test]
fn nothing_is_cut_where_no_terminal_is() {
    let sandbox = long_names().with("COLUMNS", "20");
    for words in COMMANDS {
        let run = sandbox.run(sandbox.command(CODSPEED, words));
        let whole = match words {
            ["store", "list", ..] => "label8=value",
            _ => "parameter-]",
        };
        assert!(run.stdout.contains(whole), "{words:?}: {}", run.stdout);
        assert!(!run.stdout.contains('\u{1b}'), "{words:?}: {}", run.stdout);
    }
    let run = sandbox.run(sandbox.command(CODSPEED, ["store", "list", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["runs"][0]["labels"].as_object().unwrap().len(), 9);
}

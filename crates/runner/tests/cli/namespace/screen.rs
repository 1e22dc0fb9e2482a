//! The view on a terminal: while a benchmark runs, when the window changes its size, and after Ctrl-C.

use test_support::{Sandbox, Terminal};

use crate::stage::{CODSPEED, QUICK, RUN, exec_words, nothing_is_left, sandbox};

/// Says forty lines, waits to be let go on, says one more.
const LINES: &str = "for i in $(seq 40); do echo line $i; done; read x < hold; echo last >&2";

fn with_terminal() -> Sandbox {
    let sandbox = sandbox().with("TERM", "xterm");
    sandbox.fifo("hold");
    sandbox
}

/// `codspeed` on a terminal.
fn start(sandbox: &Sandbox, words: &[&str], rows: u16, columns: u16) -> Terminal {
    let words = [&["--ctty", CODSPEED], words].concat();
    sandbox.on_terminal(sandbox.private("setsid", words), rows, columns)
}

fn suite<'a>(options: &[&'a str], text: &'a str) -> Vec<&'a str> {
    [RUN, &["--allow-empty"], options, &["--", text]].concat()
}

fn let_go(sandbox: &Sandbox) {
    std::fs::write(sandbox.path().join("hold"), "go\n").unwrap();
}

/// Lines of the screen that the benchmark has said.
fn window(screen: &str) -> Vec<&str> {
    screen.lines().filter_map(|line| line.strip_prefix("  │ ")).collect()
}

#[test]
fn the_last_lines_roll_below_a_header_and_stay_at_the_end() {
    let sandbox = with_terminal();
    let mut terminal = start(&sandbox, &suite(&[], LINES), 16, 60);
    let screen = terminal.shows("  │ line 40");
    let expected: Vec<_> = (31..=40).map(|number| format!("line {number}")).collect();
    assert_eq!(window(&screen), expected, "{screen}");
    assert!(screen.contains("\n  … 30 lines above\n"), "{screen}");
    assert!(screen.contains("› walltime: for i in $(seq 40); do echo line $i; done;"), "{screen}");
    let_go(&sandbox);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(window(&screen).last(), Some(&"last"), "{screen}");
    assert!(screen.contains("\n✓ walltime: for "), "{screen}");
    assert!(screen.contains("\nprofile folder:"), "{screen}");
    nothing_is_left(&sandbox);
}

#[test]
fn a_window_that_changes_its_size_leaves_no_ruins() {
    let sandbox = with_terminal();
    let mut terminal = start(&sandbox, &suite(&[], LINES), 20, 60);
    terminal.shows("  │ line 40");
    for (rows, columns) in [(30, 90), (12, 40)] {
        terminal.resize(rows, columns);
        // The next sign of life is drawn in the new size.
        let shown = if rows == 30 { "  … 20 lines above" } else { "  … 34 lines above" };
        let screen = terminal.shows(shown);
        assert_eq!(screen.matches("lines above").count(), 1, "{screen}");
    }
    let_go(&sandbox);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(window(&screen).last(), Some(&"last"), "{screen}");
}

#[test]
fn ctrl_c_leaves_a_clean_terminal_and_all_that_was_said() {
    let sandbox = with_terminal();
    let mut terminal = start(&sandbox, &suite(&[], LINES), 60, 60);
    terminal.shows("  │ line 40");
    terminal.types("\x03");
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    let expected: Vec<_> = (1..=40).map(|number| format!("line {number}")).collect();
    assert_eq!(window(&screen), expected, "{screen}");
    assert!(screen.contains("stopping the benchmark; interrupt again to kill it\n"), "{screen}");
    assert!(screen.contains("\n✗ walltime: "), "{screen}");
    nothing_is_left(&sandbox);
}

#[test]
fn all_is_shown_to_those_who_want_it() {
    let sandbox = with_terminal();
    let terminal = start(&sandbox, &suite(&["--show-full-output"], "seq 40"), 60, 60);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let lines: Vec<_> = screen.lines().skip(1).take(40).map(str::to_owned).collect();
    assert_eq!(lines, (1..=40).map(|number| number.to_string()).collect::<Vec<_>>(), "{screen}");
}

#[test]
fn exec_harness_draws_by_itself_and_leaves_nothing_of_it() {
    let sandbox = with_terminal();
    let terminal = start(&sandbox, &exec_words(QUICK, &["true"]), 40, 100);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let lines: Vec<_> = screen.lines().skip(1).take(3).collect();
    let starts = ["› walltime: true", "true: 3 rounds in ", "✓ walltime: true "];
    assert!(lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{screen}");
}

/// Forty characters, as many as progress shows.
const LONG: &str = "a benchmark with a name of a good length";

#[test]
fn progress_wider_than_the_terminal_is_cut_and_erased() {
    let sandbox = with_terminal();
    let options = ["--warmup-time", "0", "--max-rounds", "1", "--name", LONG];
    let words = exec_words(&options, &["read x < hold"]);
    let mut terminal = start(&sandbox, &words, 24, 50);
    // The line is drawn again and again during a round, in the width that there is.
    for (columns, shown) in [(50, ": curren…"), (70, ": current round runn"), (48, ": curr…")] {
        terminal.resize(24, columns);
        let screen = terminal.shows(shown);
        assert_eq!(screen.matches(": curr").count(), 1, "{screen}");
    }
    let_go(&sandbox);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(": curr"), "{screen}");
}

#[test]
fn notes_are_broken_between_words() {
    let sandbox = with_terminal();
    let options = ["--warmup-time", "0", "--max-rounds", "1"];
    let terminal = start(&sandbox, &exec_words(&options, &["true"]), 60, 40);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let expected = "mode: walltime (real time); use `-m` to\nchoose another\n";
    assert!(screen.contains(expected), "{screen}");
    assert!(
        screen.contains("No interval for `true`: a single round\n  has no variation\n"),
        "{screen}"
    );
}

#[test]
fn a_terminal_that_can_t_draw_is_written_to_as_a_file_is() {
    let sandbox = with_terminal().with("TERM", "dumb");
    let terminal = start(&sandbox, &suite(&[], "seq 3"), 20, 60);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.starts_with("1\n2\n3\n"), "{screen}");
}

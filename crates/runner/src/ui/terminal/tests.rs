//! The terminal as text.

use super::{super::tests::Paper, *};
use crate::ui::tests::facts;

const LOOK: Look = Look { paint: Paint(false), whole: true, full_output: false, quiet: false };

/// Lines up to the thirtieth.
fn numbered(first: u32, start: &str) -> String {
    let lines: Vec<_> = (first..=30).map(|number| format!("{start} {number}\n")).collect();
    lines.concat()
}

/// Returns what is on the paper when a benchmark has spoken.
fn spoken(rows: u16, look: Look, failed: bool) -> String {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Some(paper.out()), paper.out(), facts(rows, 40), look);
    let lines = numbered(1, "line");
    for shown in [
        Shown::GroupStart { title: "suite", opened: true },
        Shown::Output(Stream::Stdout, lines.as_bytes()),
        Shown::GroupEnd { failed },
    ] {
        terminal.show(&shown).unwrap();
    }
    drop(terminal);
    paper.text()
}

/// Returns what stays when everything that was taken away is gone.
fn stays(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut line = line;
        while let Some(rest) = line.strip_prefix("\r\x1b[") {
            let (rows, rest) = rest.split_once("A\x1b[0J").unwrap();
            lines.truncate(lines.len() - rows.parse::<usize>().unwrap());
            line = rest;
        }
        lines.push(line);
    }
    lines.concat()
}

#[test]
fn the_last_lines_stay_below_a_header_and_above_how_it_ended() {
    let text = stays(&spoken(10, LOOK, false));
    let window = numbered(27, "  │ line");
    let expected = format!("› suite\n  … 26 lines above\n{window}✓ suite ");
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn all_that_is_known_stays_after_a_failure() {
    let text = stays(&spoken(10, LOOK, true));
    assert!(text.starts_with("› suite\n  │ line 1\n") && text.contains("\n✗ suite "), "{text}");
}

#[test]
fn a_small_terminal_and_full_output_show_everything() {
    let all = Look { full_output: true, ..LOOK };
    for (rows, look) in [(4, LOOK), (24, all)] {
        let text = spoken(rows, look, false);
        assert!(
            text.starts_with("› suite\nline 1\n") && text.contains("line 30\n✓ suite"),
            "{text}"
        );
    }
}

#[test]
fn quiet_shows_nothing_unless_something_fails() {
    let paper = Paper::default();
    let look = Look { quiet: true, ..LOOK };
    let mut terminal = Terminal::new(Some(paper.out()), paper.out(), facts(24, 80), look);
    terminal.show(&Shown::Output(Stream::Stderr, b"last words\n")).unwrap();
    assert_eq!(paper.text(), "");
    let failure = crate::event::Failure { what: "x".into(), causes: vec![], hints: vec![] };
    terminal.show(&Shown::Error(&failure)).unwrap();
    assert_eq!(paper.text(), "last words\nerror: x\n");
    terminal.show(&Shown::Output(Stream::Stderr, b"never seen\n")).unwrap();
    drop(terminal);
    assert_eq!(paper.text(), "last words\nerror: x\n");
}

#[test]
fn what_was_drawn_is_closed_when_we_end_in_the_middle() {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Some(paper.out()), paper.out(), facts(24, 80), LOOK);
    terminal.show(&Shown::GroupStart { title: "suite", opened: true }).unwrap();
    terminal.show(&Shown::Output(Stream::Stdout, b"last words")).unwrap();
    drop(terminal);
    let text = stays(&paper.text());
    assert!(text.starts_with("› suite\n  │ last words\n✗ suite "), "{text}");
}

#[test]
fn who_borrows_the_terminal_finds_it_clean_and_is_not_disturbed() {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Some(paper.out()), paper.out(), facts(24, 80), LOOK);
    terminal.show(&Shown::GroupStart { title: "suite", opened: true }).unwrap();
    terminal.lend(true);
    let before = paper.text();
    assert_eq!(stays(&before), "› suite\n");
    assert_eq!(terminal.patience(), None);
    terminal.turn();
    terminal.show(&Shown::Output(Stream::Stdout, b"passed on\n")).unwrap();
    assert_eq!(paper.text(), format!("{before}passed on\n"));
    terminal.lend(false);
    assert!(terminal.patience().is_some());
}

#[test]
fn every_row_fits_and_bars_say_how_far() {
    let paper = Paper::default();
    let mut terminal = Terminal::new(None, paper.out(), facts(24, 30), LOOK);
    terminal.show(&Shown::GroupStart { title: "suite", opened: true }).unwrap();
    terminal.show(&Shown::Output(Stream::Stdout, "ü".repeat(100).as_bytes())).unwrap();
    assert!(terminal.live().iter().all(|line| console::measure_text_width(line) < 30));
    let progress = Progress { label: "uploading".to_owned(), done: 512, total: Some(2048) };
    assert_eq!(progress.line(), "uploading [======                  ] 512 B of 2 KB");
    let unknown = Progress { total: None, ..progress };
    assert_eq!(unknown.line(), "uploading 512 B");
}

#[test]
fn the_benchmarks_activity_is_shown_beside_the_time() {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Some(paper.out()), paper.out(), facts(24, 40), LOOK);
    terminal.show(&Shown::GroupStart { title: "suite", opened: true }).unwrap();
    for text in ["3 calls", "500 calls"] {
        terminal.show(&Shown::Activity { text, logged: false }).unwrap();
    }
    let text = paper.text();
    assert!(text.contains(" s  3 calls\n") && text.ends_with(" s  500 calls\n"), "{text}");
    terminal.show(&Shown::GroupEnd { failed: false }).unwrap();
    drop(terminal);
    assert!(!stays(&paper.text()).contains("calls"), "{}", paper.text());
}

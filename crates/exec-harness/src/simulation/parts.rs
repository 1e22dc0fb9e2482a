//! Reads callgrind's files line by line: which parts there are and what they cost. Doesn't look
//! at functions.

use std::io::{self, Read, Write};

use system::lines::Lines;

const TRIGGER: &[u8] = b"desc: Trigger: ";
const REQUEST: &[u8] = b"Client Request: ";
const TERMINATION: &[u8] = b"Program termination";

/// The content of the file of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    /// The program with its arguments.
    pub command: String,
    /// Instructions of each part that is labelled with the URI of the benchmark.
    pub labelled: Vec<u64>,
    /// Instructions that no request dumped before the program ended.
    pub rest: u64,
    /// The file ends within a part, or before the first one.
    pub cut_off: bool,
}

/// The part that the current line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Benchmark,
    Termination,
    Other,
}

impl Parts {
    /// Reads a whole file, whatever its size, in constant memory.
    pub(crate) fn read(file: impl Read, uri: &str) -> io::Result<Self> {
        let mut parts = Self { cut_off: true, ..Self::default() };
        let (mut label, mut column) = (Label::Other, 0);
        let mut lines = Lines::new(file);
        while let Some(line) = lines.next_line()? {
            if let Some(trigger) = line.strip_prefix(TRIGGER) {
                label = if trigger.strip_prefix(REQUEST) == Some(uri.as_bytes()) {
                    Label::Benchmark
                } else if trigger == TERMINATION {
                    Label::Termination
                } else {
                    Label::Other
                };
            } else if let Some(events) = line.strip_prefix(b"events:") {
                let mut events =
                    events.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                parts.cut_off = true;
                column = events.position(|event| event == b"Ir").unwrap_or(0);
            } else if let Some(totals) = line.strip_prefix(b"totals:") {
                parts.cut_off = false;
                let totals = String::from_utf8_lossy(totals);
                let cost = totals.split_ascii_whitespace().nth(column);
                let cost = cost.and_then(|word| word.parse().ok()).unwrap_or(0);
                match label {
                    Label::Benchmark => parts.labelled.push(cost),
                    Label::Termination => parts.rest = cost,
                    Label::Other => {}
                }
            } else if let Some(command) = line.strip_prefix(b"cmd:") {
                String::from_utf8_lossy(command).trim().clone_into(&mut parts.command);
            }
        }
        Ok(parts)
    }
}

/// Copies a file and gives the URI to the part that the end of the program dumped. Lines that are too long to be of
/// callgrind are an error.
pub(crate) fn relabel(from: impl Read, mut to: impl Write, uri: &str) -> io::Result<()> {
    let mut lines = Lines::new(from);
    while let Some(line) = lines.next_line()? {
        if line.strip_prefix(TRIGGER) == Some(TERMINATION) {
            to.write_all(&[TRIGGER, REQUEST, uri.as_bytes()].concat())?;
        } else {
            to.write_all(line)?;
        }
        to.write_all(b"\n")?;
    }
    if lines.too_long > 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has overlong lines"));
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(trigger: &str, totals: &str) -> String {
        format!(
            "part: 1\n\ndesc: Trigger: {trigger}\n\nevents: Dr Ir\nsummary: 0\n\nfn=main\n1 5\ntotals: {totals}\n\n"
        )
    }

    #[test]
    fn parts_are_told_apart_by_their_whole_label() {
        let file = [
            "# callgrind format\npid: 7\ncmd: ls -d /\n".to_owned(),
            part("Client Request: Metadata: exec-harness 1", "0"),
            part("Client Request: exec_harness::ls", "9 41 7"),
            part("Client Request: exec_harness::ls -d", "1 2"),
            part("Program termination", "3 17"),
        ]
        .concat();
        let parts = Parts::read(file.as_bytes(), "exec_harness::ls").unwrap();
        let command = "ls -d /".to_owned();
        let expected = Parts { command, labelled: vec![41], rest: 17, cut_off: false };
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_noticed() {
        let whole = part("Client Request: u", "3 17");
        let cut_off = |text: &str| Parts::read(text.as_bytes(), "u").unwrap().cut_off;
        assert!(!cut_off(&whole));
        assert!(cut_off("") && cut_off("# callgrind format\ncmd: x\n"));
        assert!(cut_off(&format!("{whole}{}", whole.split("totals").next().unwrap())));
    }

    #[test]
    fn relabelling_changes_one_line() {
        let file = part("Program termination", "3 17");
        let mut out = Vec::new();
        relabel(file.as_bytes(), &mut out, "u v").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), part("Client Request: u v", "3 17"));
    }
}

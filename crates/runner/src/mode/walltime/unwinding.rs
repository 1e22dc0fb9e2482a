//! How stacks are taken: by frame pointers where the language keeps them, else from a copy of the stack.

use crate::workload::{UnwindingMode, Workload};

/// Bytes of the stack that are copied with each sample unless the language needs more.
const USUAL_STACK: u32 = 8192;
/// The interpreter of Python puts several large frames on the stack for each call.
const PYTHON_STACK: u32 = 32768;

/// How the stack of a sample is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwinding {
    /// By frame pointers, in the kernel.
    FramePointers,
    /// By copying this many bytes of the stack, to be unwound later with the help of DWARF.
    Dwarf(u32),
}

/// Programs, and how stacks below them are taken; the first row with a match wins.
const TABLE: &[(&[&str], Unwinding)] = &[
    (&["gradle", "gradlew", "java", "maven", "mvn", "mvnw"], Unwinding::FramePointers),
    (&["cargo"], Unwinding::Dwarf(USUAL_STACK)),
    (&["go"], Unwinding::FramePointers),
    (&["pytest", "uv", "python", "python3"], Unwinding::Dwarf(PYTHON_STACK)),
];

impl Unwinding {
    /// What was asked for, or what suits the programs that the workload names.
    pub(crate) fn choose(asked: Option<UnwindingMode>, workload: &Workload) -> Self {
        match asked {
            Some(UnwindingMode::FramePointers) => Self::FramePointers,
            Some(UnwindingMode::Dwarf) => Self::Dwarf(USUAL_STACK),
            None => Self::suitable(&programs(workload)),
        }
    }

    fn suitable(words: &[&str]) -> Self {
        let named = |names: &[&str]| words.iter().any(|word| names.contains(word));
        let row = TABLE.iter().find(|(names, _)| named(names));
        row.map_or(Self::Dwarf(USUAL_STACK), |(_, unwinding)| *unwinding)
    }

    /// The value of perf's option `--call-graph`.
    pub(crate) fn argument(self) -> String {
        match self {
            Self::FramePointers => "fp".to_owned(),
            Self::Dwarf(bytes) => format!("dwarf,{bytes}"),
        }
    }
}

/// Everything in the workload that could be the name of a program, without its folder.
fn programs(workload: &Workload) -> Vec<&str> {
    let texts: Vec<&str> = match workload {
        Workload::Suite(text) => vec![text],
        Workload::Commands { targets, .. } => {
            targets.iter().flat_map(|target| target.command.iter().map(String::as_str)).collect()
        }
    };
    let separates = |char: char| char.is_whitespace() || "|;&()".contains(char);
    let words = texts.into_iter().flat_map(|text| text.split(separates));
    words.filter(|word| !word.is_empty()).map(basename).collect()
}

fn basename(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(text: &str) -> Unwinding {
        Unwinding::choose(None, &Workload::Suite(text.to_owned()))
    }

    #[test]
    fn languages_are_known_by_the_exact_names_of_programs() {
        let python = Unwinding::Dwarf(32768);
        let usual = Unwinding::Dwarf(8192);
        for (text, expected) in [
            ("cargo codspeed run", usual),
            ("go test -bench .", Unwinding::FramePointers),
            ("cd x && ./gradlew jmh", Unwinding::FramePointers),
            ("(cd x;/usr/bin/python3 -m pytest)", python),
            ("uv run bench", python),
            ("java -jar cargo.jar; cargo run", Unwinding::FramePointers),
            ("./louvre --gopher", usual),
            ("./go-bench python.txt", usual),
        ] {
            assert_eq!(suite(text), expected, "{text}");
        }
    }

    #[test]
    fn what_was_asked_for_wins() {
        let workload = Workload::Suite("python x".to_owned());
        let asked = |mode| Unwinding::choose(Some(mode), &workload).argument();
        assert_eq!(asked(UnwindingMode::FramePointers), "fp");
        assert_eq!(asked(UnwindingMode::Dwarf), "dwarf,8192");
    }
}

//! Reports of the preloaded library, in lines `<what> <pid> <ppid> <uri>`.

use nix::unistd::Pid;

/// Something that happened in a process of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    /// The event.
    pub what: What,
    /// The process.
    pub pid: Pid,
    /// The process that started it.
    pub parent: Pid,
}

/// The events; their words are those of `preload/preload.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A program began outside Valgrind; its own launcher does, too.
    Native,
    /// Counting began in a program.
    Started,
    /// A copy of a counting process began.
    Forked,
    /// The cost was dumped.
    Dumped,
}

impl Report {
    /// Reads the lines about a benchmark. Others, and incomplete ones, are left out: a full disk
    /// must not make a good benchmark fail.
    pub(crate) fn parse_all(text: &str, uri: &str) -> Vec<Self> {
        text.lines().filter_map(|line| Self::parse(line, uri)).collect()
    }

    fn parse(line: &str, uri: &str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let what = match words.next()? {
            "native" => What::Native,
            "started" => What::Started,
            "forked" => What::Forked,
            "dumped" => What::Dumped,
            _ => return None,
        };
        let mut pid = || words.next()?.parse().ok().map(Pid::from_raw);
        let (pid, parent) = (pid()?, pid()?);
        (words.next()? == uri).then_some(Self { what, pid, parent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_benchmarks_and_cut_lines_are_left_out() {
        let text = "started 7 6 a b\nstarted 9 6 other\nforked 8 7 a b\njumped 7 6 a b\ndumped 7 6 a b\ndumped 8";
        let expected = [(What::Started, 7, 6), (What::Forked, 8, 7), (What::Dumped, 7, 6)].map(
            |(what, pid, parent)| Report {
                what,
                pid: Pid::from_raw(pid),
                parent: Pid::from_raw(parent),
            },
        );
        assert_eq!(Report::parse_all(text, "a b"), expected);
    }
}

//! `codspeed history`: how benchmarks changed over the stored runs.

use std::{
    io::{self, Write},
    mem,
};

use store::{
    Depth, Filter,
    gate::Pattern,
    history::{History, csv, json, listing, of_kept, table},
};

use super::{Context, outcome::unwritten, remote};
use crate::{
    cli::{HistoryArgs, ago},
    error::{CliError, ExitKind},
};

/// Bytes from which on whole lines are printed.
const PIECE: usize = 1 << 16;

/// Shows the history of all benchmarks, or all values of a single one.
pub(crate) fn run(args: &HistoryArgs, context: &Context) -> Result<ExitKind, CliError> {
    let pattern = args.benchmark.as_deref().map(Pattern::from);
    let since_ms = args.since.map(ago);
    let depth = match since_ms {
        Some(since) => Depth::Since(since),
        None if args.limit == 0 => Depth::All,
        None => Depth::Newest(args.limit),
    };
    let kept = remote::open_fresh(depth, context)?;
    let filter = Filter {
        branch: args.branch.clone(),
        since_ms,
        mode: args.mode.map(Into::into),
        whole: true,
        newest: (args.limit > 0).then_some(args.limit),
        ..Filter::of_project(&kept.project)
    };
    // Those of a branch or a mode may be older than the newest ones.
    kept.entries(&filter, context)?;
    let mode = args.mode.map(Into::into);
    let found = kept.store.series(&filter, args.metric.as_deref(), &|key| {
        mode.is_none_or(|mode| key.mode == mode)
            && pattern.as_ref().is_none_or(|pattern| pattern.is_about(&key.name, &key.uri))
    })?;
    let (origins, series) = of_kept(found);
    if series.is_empty() {
        // Says what else there is, if there is no run at all.
        kept.select("last", context)?;
        return Err(nothing(args, &kept.project));
    }
    let histories = History::of_all(series, &origins);
    if args.json || args.csv {
        let write = if args.json { json } else { csv };
        let mut lines = Lines::new(|text| context.ui.details(text));
        write(&histories, &mut lines)
            .and_then(|()| lines.flush())
            .map_err(|err| unwritten(&err))?;
    } else {
        context.print_table(|style| match histories.as_slice() {
            [one] if args.benchmark.is_some() => listing(one, style),
            all => table(all, style),
        })?;
    }
    Ok(ExitKind::Ok)
}

fn nothing(args: &HistoryArgs, project: &str) -> CliError {
    let what = match (&args.benchmark, &args.metric) {
        (_, Some(metric)) => {
            format!("no stored run of `{project}` has a value `{metric}` that fits")
        }
        (Some(benchmark), None) => {
            format!("no stored run of `{project}` has a benchmark `{benchmark}`")
        }
        (None, None) => format!("no stored run of `{project}` fits"),
    };
    let branch = args.branch.as_ref().map(|branch| format!(" on the branch `{branch}`"));
    let since = args.since.is_some().then_some(" since then");
    let what = what + &branch.unwrap_or_default() + since.unwrap_or_default();
    CliError::new(ExitKind::Usage, what).hint(
        "run `codspeed store list` to see the stored runs, `codspeed history` for their benchmarks",
    )
}

/// Prints lines piece by piece, as there may be millions of them.
struct Lines<P> {
    print: P,
    /// Not printed yet.
    kept: Vec<u8>,
}

impl<P: Fn(&str) -> io::Result<()>> Lines<P> {
    const fn new(print: P) -> Self {
        Self { print, kept: Vec::new() }
    }

    /// Prints lines without the break behind the last one.
    fn print(&self, lines: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(lines);
        (self.print)(text.strip_suffix('\n').unwrap_or(&text))
    }
}

impl<P: Fn(&str) -> io::Result<()>> Write for Lines<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kept.extend_from_slice(bytes);
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        if let Some(end) = end.filter(|_| self.kept.len() >= PIECE) {
            let rest = self.kept.split_off(self.kept.len() - bytes.len() + end + 1);
            let lines = mem::replace(&mut self.kept, rest);
            self.print(&lines)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let lines = mem::take(&mut self.kept);
        if lines.is_empty() { Ok(()) } else { self.print(&lines) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn lines_are_printed_whole_and_in_pieces() {
        let printed = RefCell::new(Vec::new());
        let mut lines = Lines::new(|text: &str| {
            printed.borrow_mut().push(text.to_owned());
            Ok(())
        });
        let all: Vec<String> = (0..40_000).map(|nth| format!("{nth}, some words")).collect();
        for line in &all {
            for part in line.split_inclusive(' ') {
                lines.write_all(part.as_bytes()).unwrap();
            }
            lines.write_all(b"\n").unwrap();
        }
        lines.flush().unwrap();
        lines.flush().unwrap();
        let pieces = printed.into_inner();
        assert!(pieces.iter().all(|piece| piece.len() < 2 * PIECE) && pieces.len() >= 8);
        assert_eq!(pieces.join("\n"), all.join("\n"));
    }

    #[test]
    fn trouble_with_printing_ends_the_writing() {
        let mut lines = Lines::new(|_: &str| Err(io::ErrorKind::StorageFull.into()));
        let found = (0..PIECE).try_for_each(|_| lines.write_all(b"line\n"));
        assert_eq!(found.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

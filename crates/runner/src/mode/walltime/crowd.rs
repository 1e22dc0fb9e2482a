//! Benchmarks with more threads or processes than processors (`--pin`): what would run at the same time takes turns.
//!
//! Of a suite the threads are counted, when a benchmark ends and waits for our answer. Of commands it is known that they
//! have several where the kernel's stamps did not suit them.

use std::fs;

use results::{BenchResult, WalltimeReport};
use runner_shared::{artifact::RobustSource, text::one_line};

use crate::session::{ProfilerControl, Request};

/// Control of a profiler that also counts.
#[derive(Debug)]
pub(crate) struct Crowd<'a, P> {
    inner: &'a mut P,
    pids: Vec<i32>,
    most: usize,
}

impl<'a, P: ProfilerControl> Crowd<'a, P> {
    /// Nobody is known yet.
    pub(crate) const fn new(inner: &'a mut P) -> Self {
        Self { inner, pids: Vec::new(), most: 0 }
    }

    /// A sentence for the user if a process had more threads than the benchmark has processors.
    pub(crate) fn warning(&self, processors: Option<usize>) -> Option<String> {
        let processors = processors.filter(|processors| self.most > *processors)?;
        let (most, noun) = (self.most, if processors == 1 { "processor" } else { "processors" });
        Some(format!(
            "a process of the benchmark has {most} threads but only {processors} {noun} to run on (`--pin`), so its \
                threads take turns; use `--pin=auto:{most}` for as many processors"
        ))
    }

    fn count(&mut self) {
        let threads =
            |pid: &i32| fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        let most = self.pids.iter().map(threads).max().unwrap_or(0);
        self.most = self.most.max(most);
    }
}

impl<P: ProfilerControl> ProfilerControl for Crowd<'_, P> {
    fn ask(&mut self, request: Request) -> bool {
        if request == Request::Disable {
            self.count();
        }
        self.inner.ask(request)
    }

    fn meet(&mut self, pid: i32) {
        self.pids.push(pid);
        self.inner.meet(pid);
    }

    fn ended(&mut self) {
        self.inner.ended();
    }
}

/// A sentence for the user about the first command with several threads or processes, if there is one processor.
pub(crate) fn take_turns(report: &WalltimeReport, processors: Option<usize>) -> Option<String> {
    let has_several = |of: &&BenchResult| {
        let robust = of.robust.as_ref();
        robust.is_some_and(|robust| {
            robust.source == RobustSource::ProcessorTime && robust.missing.is_empty()
        })
    };
    let first = report.benchmarks.iter().find(has_several).filter(|_| processors == Some(1))?;
    Some(format!(
        "`{}` has several threads or processes but only one processor to run on (`--pin`), so they take turns; use \
            `--pin=auto:2` for two",
        one_line(&first.name)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Nobody;

    impl ProfilerControl for Nobody {
        fn ask(&mut self, _: Request) -> bool {
            true
        }
        fn meet(&mut self, _: i32) {}
        fn ended(&mut self) {}
    }

    #[test]
    fn threads_are_counted_when_a_benchmark_ends() {
        let mut nobody = Nobody;
        let mut crowd = Crowd::new(&mut nobody);
        crowd.meet(i32::try_from(std::process::id()).unwrap());
        let (hold, end) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || end.recv());
        assert_eq!(crowd.warning(Some(1)), None);
        assert!(crowd.ask(Request::Disable));
        let text = crowd.warning(Some(1)).unwrap();
        assert!(text.contains("threads but only 1 processor to run on (`--pin`)"), "{text}");
        assert_eq!((crowd.warning(None), crowd.warning(Some(9999))), (None, None));
        drop(hold);
        assert!(other.join().unwrap().is_err());
    }
}

//! Tools that run benchmarks in worker processes, known by the command lines of these.

/// Such a tool, and the way to run its benchmarks in one process.
#[derive(Debug, PartialEq, Eq)]
pub struct WorkerTool {
    /// The name of the tool.
    pub name: &'static str,
    /// Part of a worker's command line.
    sign: &'static str,
    /// A sentence that says how to do without workers.
    pub mend: &'static str,
    /// Its main process works on while a worker measures.
    pub main_is_busy: bool,
    /// A worker runs whatever comes next, one after the other.
    pub shares_out: bool,
}

/// The known ones. The sign of pytest-xdist is the program that execnet 2 hands to the interpreter of a worker.
const WORKER_TOOLS: &[WorkerTool] = &[
    WorkerTool {
        name: "pytest-xdist",
        sign: "exec(eval(sys.stdin.readline()))",
        mend: "measure in one process: run pytest with `-n 0`",
        main_is_busy: true,
        shares_out: true,
    },
    WorkerTool {
        name: "vitest",
        sign: "vitest/dist/workers/",
        mend: "measure in one process: run vitest with `--no-file-parallelism`",
        main_is_busy: false,
        shares_out: false,
    },
    WorkerTool {
        name: "jest",
        sign: "jest-worker/build/workers/",
        mend: "measure in one process: run jest with `--runInBand`",
        main_is_busy: false,
        shares_out: true,
    },
];

impl WorkerTool {
    /// Returns the tool that has started a process with this command line as a worker.
    pub fn of(command_line: &str) -> Option<&'static Self> {
        WORKER_TOOLS.iter().find(|tool| command_line.contains(tool.sign))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_known_by_their_command_lines() {
        let name = |line| WorkerTool::of(line).map(|tool| tool.name);
        let xdist = "/usr/bin/python3 -u -c import sys;exec(eval(sys.stdin.readline()))";
        assert_eq!(name(xdist), Some("pytest-xdist"));
        assert_eq!(name("/usr/bin/python3 -m pytest -n 2 --codspeed"), None);
        assert_eq!(name("node node_modules/vitest/dist/workers/forks.js"), Some("vitest"));
    }
}

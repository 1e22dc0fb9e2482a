//! From the records of the kernel to the stamps of a command: when it was executed, preempted and ended. Pure.

use std::collections::BTreeMap;

use system::perf::{Record, What};

/// The kernel's record of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamps {
    /// From the first `execve` to the end of the process, nanoseconds. Only known for a command
    /// that is one thread: what others wait for is not theirs alone.
    pub kernel_ns: Option<u64>,
    /// Time in which a thread of the command could have run but another task did, nanoseconds,
    /// all its threads and processes together.
    pub preempted_ns: Option<u64>,
    /// The command had more than one thread or process.
    pub company: bool,
}

/// The stamps of the command whose first process is `pid`; `own` is ourselves. Records come from
/// one ring per processor, so they are sorted here.
pub(crate) fn stamps(records: &mut [Record], pid: i32, own: i32) -> Stamps {
    records.sort_by_key(|record| record.time);
    let lost = records.iter().any(|record| record.what == What::Lost);
    let (mut exec, mut exit, mut preempted, mut company) = (None, None, 0_u64, false);
    // When each thread was pushed off its processor.
    let mut out: BTreeMap<i32, u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.pid != own) {
        let first = record.pid == pid;
        // Without a number of its own: the task is gone already.
        company |= record.tid != pid && record.tid > 0;
        match record.what {
            What::Exec if first => exec = exec.or(Some(record.time)),
            What::Exit if first => exit = Some(record.time),
            What::Out { preempted: true } if exec.is_some() => {
                out.insert(record.tid, record.time);
            }
            What::In => {
                let since = out.remove(&record.tid);
                preempted += since.map_or(0, |out| record.time.saturating_sub(out));
            }
            What::Out { .. } | What::Exec | What::Fork | What::Exit | What::Lost => {}
        }
    }
    let kernel_ns = exec.zip(exit).map(|(exec, exit)| exit.saturating_sub(exec));
    let known = !lost && exec.is_some();
    Stamps {
        kernel_ns: kernel_ns.filter(|_| known && !company),
        preempted_ns: known.then_some(preempted),
        company,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREEMPTED: What = What::Out { preempted: true };
    const WAITS: What = What::Out { preempted: false };

    const fn record(what: What, pid: i32, tid: i32, time: u64) -> Record {
        Record { what, pid, tid, time }
    }

    fn stamps_of(list: &[Record], pid: i32) -> Stamps {
        // Two rings: every other record comes from the second one.
        let ring = |ring| list.iter().skip(ring).step_by(2).copied();
        let mut records: Vec<Record> = ring(0).chain(ring(1)).collect();
        stamps(&mut records, pid, 1)
    }

    #[test]
    fn time_from_exec_to_exit_and_its_preempted_part() {
        let list = [
            record(PREEMPTED, 7, 7, 50), // preempted before exec: not ours
            record(What::In, 7, 7, 60),
            record(What::Exec, 7, 7, 100),
            record(PREEMPTED, 7, 7, 200), // preempted ...
            record(PREEMPTED, 1, 1, 220), // (ourselves)
            record(What::In, 7, 7, 450),  // ... for 250
            record(WAITS, 7, 7, 500),     // waits by itself
            record(What::In, 7, 7, 800),
            record(What::Exec, 7, 7, 900), // a second exec
            record(What::Exit, 7, 7, 1000),
        ];
        let expected = Stamps { kernel_ns: Some(900), preempted_ns: Some(250), company: false };
        assert_eq!(stamps_of(&list, 7), expected);
    }

    #[test]
    fn threads_and_children_have_preempted_time_only() {
        let list = [
            record(What::Exec, 7, 7, 100),
            record(PREEMPTED, 7, 9, 200), // a second thread
            record(PREEMPTED, 8, 8, 220), // a child
            record(What::In, 7, 9, 230),
            record(What::In, 8, 8, 320),
            record(What::Exit, 7, 7, 1000),
        ];
        let expected = Stamps { kernel_ns: None, preempted_ns: Some(130), company: true };
        assert_eq!(stamps_of(&list, 7), expected);
    }

    #[test]
    fn lost_records_leave_all_unknown() {
        let list = [
            record(What::Exec, 7, 7, 100),
            record(What::Lost, 0, 0, 150),
            record(What::Exit, 7, 7, 1000),
        ];
        assert_eq!(stamps_of(&list, 7), Stamps::default());
    }
}

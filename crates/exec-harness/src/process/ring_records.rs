//! Reads the side-band records of perf: when a process was executed, preempted and ended.
//!
//! Layout: `perf_event_open(2)`. With `sample_id_all` and `PERF_SAMPLE_TID | PERF_SAMPLE_TIME`
//! every record ends with `u32 pid, u32 tid, u64 time`. Pure functions over bytes.

use std::collections::BTreeMap;

const RECORD_LOST: u32 = 2;
const RECORD_COMM: u32 = 3;
const RECORD_EXIT: u32 = 4;
const RECORD_SWITCH: u32 = 14;
/// The COMM record was made by `execve`.
const MISC_COMM_EXEC: u16 = 1 << 13;
/// The SWITCH record says that the task left the processor ...
const MISC_SWITCH_OUT: u16 = 1 << 13;
/// ... although it could have gone on.
const MISC_SWITCH_OUT_PREEMPT: u16 = 1 << 14;

const HEADER: usize = 8;
const TRAILER: usize = 16;

/// What a record says that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The process runs a new program.
    Exec,
    /// A thread of the process has ended.
    Exit,
    /// The task left the processor; `preempted` when it could have gone on.
    Out {
        /// Another task was preferred.
        preempted: bool,
    },
    /// The task is back on the processor.
    In,
    /// Records are missing from here on.
    Lost,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// What happened.
    pub what: What,
    /// Process.
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Nanoseconds on `CLOCK_MONOTONIC`.
    pub time: u64,
}

/// What the kernel knows about one command.
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

/// Adds the records in `bytes` that matter to `records`. Stops at the first impossible length.
pub(super) fn parse(mut bytes: &[u8], records: &mut Vec<Record>) {
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
        let [k0, k1, k2, k3, m0, m1, s0, s1] = *header;
        let kind = u32::from_le_bytes([k0, k1, k2, k3]);
        let misc = u16::from_le_bytes([m0, m1]);
        let size = usize::from(u16::from_le_bytes([s0, s1]));
        if size < HEADER {
            return;
        }
        let Some((record, rest)) = bytes.split_at_checked(size) else { return };
        bytes = rest;
        let what = match kind {
            RECORD_LOST => What::Lost,
            RECORD_COMM if misc & MISC_COMM_EXEC != 0 => What::Exec,
            RECORD_EXIT => What::Exit,
            RECORD_SWITCH if misc & MISC_SWITCH_OUT == 0 => What::In,
            RECORD_SWITCH => What::Out { preempted: misc & MISC_SWITCH_OUT_PREEMPT != 0 },
            _ => continue,
        };
        let Some((_, trailer)) = record.split_last_chunk::<TRAILER>() else { continue };
        let [p0, p1, p2, p3, t0, t1, t2, t3, n0, n1, n2, n3, n4, n5, n6, n7] = *trailer;
        records.push(Record {
            what,
            pid: i32::from_le_bytes([p0, p1, p2, p3]),
            tid: i32::from_le_bytes([t0, t1, t2, t3]),
            time: u64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
        });
    }
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
            What::Out { .. } | What::Exec | What::Exit | What::Lost => {}
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
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u32, misc: u16, body: usize, pid: i32, tid: i32, time: u64) -> Vec<u8> {
        let size = u16::try_from(HEADER + body + TRAILER).unwrap();
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(misc.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(vec![0xee; body]);
        bytes.extend(pid.to_le_bytes());
        bytes.extend(tid.to_le_bytes());
        bytes.extend(time.to_le_bytes());
        bytes
    }

    fn stamps_of(list: &[Vec<u8>], pid: i32) -> Stamps {
        let mut records = Vec::new();
        // Two rings: every other record comes from the second one.
        for ring in 0..2 {
            let bytes: Vec<u8> = list.iter().skip(ring).step_by(2).flatten().copied().collect();
            parse(&bytes, &mut records);
        }
        stamps(&mut records, pid, 1)
    }

    #[test]
    fn time_from_exec_to_exit_and_its_preempted_part() {
        let list = [
            record(RECORD_SWITCH, 0x6000, 0, 7, 7, 50), // preempted before exec: not ours
            record(RECORD_SWITCH, 0, 0, 7, 7, 60),
            record(RECORD_COMM, 0x2000, 24, 7, 7, 100),
            record(RECORD_SWITCH, 0x6000, 0, 7, 7, 200), // preempted ...
            record(RECORD_SWITCH, 0x6000, 0, 1, 1, 220), // (ourselves)
            record(RECORD_SWITCH, 0, 0, 7, 7, 450),      // ... for 250
            record(RECORD_SWITCH, 0x2000, 0, 7, 7, 500), // waits by itself
            record(RECORD_SWITCH, 0, 0, 7, 7, 800),
            record(RECORD_COMM, 0x2000, 24, 7, 7, 900), // a second exec
            record(RECORD_EXIT, 0, 24, 7, 7, 1000),
        ];
        let expected = Stamps { kernel_ns: Some(900), preempted_ns: Some(250), company: false };
        assert_eq!(stamps_of(&list, 7), expected);
    }

    #[test]
    fn threads_and_children_are_preempted_as_well_and_leave_no_time_of_their_own() {
        let list = [
            record(RECORD_COMM, 0x2000, 24, 7, 7, 100),
            record(RECORD_SWITCH, 0x6000, 0, 7, 9, 200), // a second thread
            record(RECORD_SWITCH, 0x6000, 0, 8, 8, 220), // a child
            record(RECORD_SWITCH, 0, 0, 7, 9, 230),
            record(RECORD_SWITCH, 0, 0, 8, 8, 320),
            record(RECORD_EXIT, 0, 24, 7, 7, 1000),
        ];
        let expected = Stamps { kernel_ns: None, preempted_ns: Some(130), company: true };
        assert_eq!(stamps_of(&list, 7), expected);
    }

    #[test]
    fn a_comm_that_is_no_exec_does_not_count_and_lost_records_leave_all_unknown() {
        let list = [
            record(RECORD_COMM, 0, 24, 7, 7, 90),
            record(RECORD_COMM, 0x2000, 24, 7, 7, 100),
            record(RECORD_LOST, 0, 16, 0, 0, 150),
            record(RECORD_EXIT, 0, 24, 7, 7, 1000),
        ];
        assert_eq!(stamps_of(&list, 7), Stamps::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut records = Vec::new();
            parse(&bytes, &mut records);
            stamps(&mut records, 1, 2);
        }
    }
}

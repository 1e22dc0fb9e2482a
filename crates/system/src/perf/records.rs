//! Reads the side-band records of perf: when a program was executed, a task began, was preempted and ended.
//!
//! Layout: `perf_event_open(2)`. With `sample_id_all` and `PERF_SAMPLE_TID | PERF_SAMPLE_TIME`
//! every record ends with `u32 pid, u32 tid, u64 time`. Pure functions over bytes.

const RECORD_LOST: u32 = 2;
const RECORD_COMM: u32 = 3;
const RECORD_EXIT: u32 = 4;
const RECORD_FORK: u32 = 7;
const RECORD_SWITCH: u32 = 14;
/// The COMM record was made by `execve`.
const MISC_COMM_EXEC: u16 = 1 << 13;
/// The SWITCH record says that the task left the processor ...
const MISC_SWITCH_OUT: u16 = 1 << 13;
/// ... although it could have gone on.
const MISC_SWITCH_OUT_PREEMPT: u16 = 1 << 14;

const HEADER: usize = 8;
const TRAILER: usize = 16;

/// The part of a record that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The process runs a new program.
    Exec,
    /// The task has started a thread or a process.
    Fork,
    /// A thread of the process has ended.
    Exit,
    /// The task left the processor; `preempted` when it could have gone on.
    Out {
        /// Another task was preferred.
        preempted: bool,
    },
    /// The task is back on the processor.
    In,
    /// Records are missing up to here.
    Lost,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The event.
    pub what: What,
    /// Process.
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Nanoseconds on the clock of the event.
    pub time: u64,
}

/// Adds the records in `bytes` that matter to `records`. Stops at the first impossible length.
pub fn parse(mut bytes: &[u8], records: &mut Vec<Record>) {
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
            RECORD_FORK => What::Fork,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u32, misc: u16, body: usize, time: u64) -> Vec<u8> {
        let size = u16::try_from(HEADER + body + TRAILER).unwrap();
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(misc.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(vec![0xee; body]);
        bytes.extend(7_i32.to_le_bytes());
        bytes.extend(9_i32.to_le_bytes());
        bytes.extend(time.to_le_bytes());
        bytes
    }

    #[test]
    fn each_record_is_read_and_unknown_ones_are_skipped() {
        let list = [
            record(RECORD_COMM, 0, 24, 90), // a new name, by whatever means
            record(RECORD_COMM, 0x2000, 24, 100),
            record(RECORD_SWITCH, 0x6000, 0, 200),
            record(RECORD_SWITCH, 0x2000, 0, 210),
            record(RECORD_SWITCH, 0, 0, 220),
            record(9, 0, 40, 230), // a sample
            record(RECORD_FORK, 0, 24, 240),
            record(RECORD_LOST, 0, 16, 250),
            record(RECORD_EXIT, 0, 24, 260),
        ];
        let mut records = Vec::new();
        parse(&list.concat(), &mut records);
        let found: Vec<(What, u64)> = records.iter().map(|of| (of.what, of.time)).collect();
        let out = |preempted| What::Out { preempted };
        let expected = [
            (What::Exec, 100),
            (out(true), 200),
            (out(false), 210),
            (What::In, 220),
            (What::Fork, 240),
            (What::Lost, 250),
            (What::Exit, 260),
        ];
        assert_eq!(found, expected);
        assert!(records.iter().all(|of| (of.pid, of.tid) == (7, 9)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut records = Vec::new();
            parse(&bytes, &mut records);
        }
    }
}

//! Frozen bytes and JSON of everything that crosses a process boundary.

use runner_shared::{
    artifact::{
        Artifact, BenchmarkRounds, Counted, ExecutionTimestamps, Outcome, RobustSource, RoundLog,
        Rounds, ShellStart, Turns,
    },
    fifo::{Command, IntegrationMode, MarkerType},
    harness::{RunArgs, Target, WalltimeArgs},
    walltime::{
        BenchmarkConfig, BenchmarkStats, Creator, Instrument, NoiseVerdict, WalltimeBenchmark,
        WalltimeResults,
    },
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn frames_of_all_messages() {
    let marker = |marker| Command::AddMarker { pid: 4242, marker };
    let second = 1_000_000_000;
    let mode = Command::IntegrationModeResponse;
    let rows = [
        (
            Command::CurrentBenchmark { pid: 4242, uri: "t.py::x".to_owned() },
            "17 00 00 00 00 00 00 00 92 10 00 00 07 00 00 00 00 00 00 00 74 2e 70 79 3a 3a 78",
        ),
        (Command::StartBenchmark, "04 00 00 00 01 00 00 00"),
        (Command::StopBenchmark, "04 00 00 00 02 00 00 00"),
        (Command::Ack, "04 00 00 00 03 00 00 00"),
        (Command::PingPerf, "04 00 00 00 04 00 00 00"),
        (
            Command::SetIntegration { name: "demo".to_owned(), version: "1.2.3".to_owned() },
            "1d 00 00 00 05 00 00 00 04 00 00 00 00 00 00 00 64 65 6d 6f 05 00 00 00 00 00 00 00 31 2e 32 2e 33",
        ),
        (Command::Err, "04 00 00 00 06 00 00 00"),
        (
            marker(MarkerType::SampleStart(second)),
            "14 00 00 00 07 00 00 00 92 10 00 00 00 00 00 00 00 ca 9a 3b 00 00 00 00",
        ),
        (
            marker(MarkerType::SampleEnd(second + 1)),
            "14 00 00 00 07 00 00 00 92 10 00 00 01 00 00 00 01 ca 9a 3b 00 00 00 00",
        ),
        (
            marker(MarkerType::RoundStart(second + 2)),
            "14 00 00 00 07 00 00 00 92 10 00 00 02 00 00 00 02 ca 9a 3b 00 00 00 00",
        ),
        (
            marker(MarkerType::RoundEnd(second + 3)),
            "14 00 00 00 07 00 00 00 92 10 00 00 03 00 00 00 03 ca 9a 3b 00 00 00 00",
        ),
        (Command::SetVersion(1), "0c 00 00 00 08 00 00 00 01 00 00 00 00 00 00 00"),
        (Command::SetVersion(2), "0c 00 00 00 08 00 00 00 02 00 00 00 00 00 00 00"),
        (Command::GetIntegrationMode, "04 00 00 00 09 00 00 00"),
        (mode(IntegrationMode::Walltime), "08 00 00 00 0a 00 00 00 00 00 00 00"),
        (mode(IntegrationMode::Simulation), "08 00 00 00 0a 00 00 00 01 00 00 00"),
        (mode(IntegrationMode::Analysis), "08 00 00 00 0a 00 00 00 02 00 00 00"),
    ];
    for (command, expected) in rows {
        let frame = command.encode();
        assert_eq!(hex(&frame), expected, "{command:?}");
        assert_eq!(Command::decode(&frame[4..]).unwrap(), command);
    }
}

#[test]
fn negative_pids_and_any_text_are_accepted() {
    let command = Command::CurrentBenchmark { pid: -1, uri: "ä::\u{1f980}".to_owned() };
    let mut payload = command.encode().split_off(4);
    payload.extend([1, 2, 3]);
    assert_eq!(Command::decode(&payload).unwrap(), command);
}

#[test]
fn what_is_no_message_is_an_error() {
    let broken: [&[u8]; 7] = [
        b"",
        b"\x01\0\0",                                           // a torn tag
        b"\x0b\0\0\0",                                         // tag 11
        b"\x07\0\0\0\x01\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0",     // marker 4
        b"\x08\0\0\0\x02\0\0\0",                               // a short number
        b"\0\0\0\0\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", // a string of 2^64-1 bytes
        b"\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\xff",           // not UTF-8
    ];
    for payload in broken {
        assert!(Command::decode(payload).is_err(), "{}", hex(payload));
    }
}

#[test]
fn execution_timestamps() {
    let markers = vec![
        MarkerType::SampleStart(5),
        MarkerType::RoundStart(6),
        MarkerType::RoundEnd(7),
        MarkerType::SampleEnd(8),
    ];
    let timestamps = ExecutionTimestamps { uri_by_ts: vec![(1000, "a::b".to_owned())], markers };
    let bytes = timestamps.encode();
    let mut expected = Vec::new();
    expected.extend(b"\x82\xa9uri_by_ts\x91\x92\xcd\x03\xe8\xa4a::b");
    expected.extend(b"\xa7markers\x94\x81\xabSampleStart\x05\x81\xaaRoundStart\x06");
    expected.extend(b"\x81\xa8RoundEnd\x07\x81\xa9SampleEnd\x08");
    assert_eq!(hex(&bytes), hex(&expected));
    assert_eq!(ExecutionTimestamps::decode(&bytes).unwrap(), timestamps);

    let empty = ExecutionTimestamps::default().encode();
    assert_eq!(hex(&empty), hex(b"\x82\xa9uri_by_ts\x90\xa7markers\x90"));
    assert_eq!(ExecutionTimestamps::FILE.path, "ExecutionTimestamps.msgpack");
}

#[test]
fn older_names_of_the_markers_are_read() {
    let mut bytes = b"\x82\xa9uri_by_ts\x90\xa7markers\x92".to_vec();
    bytes.extend(b"\x81\xaeBenchmarkStart\x06\x81\xacBenchmarkEnd\x07");
    let read = ExecutionTimestamps::decode(&bytes).unwrap();
    assert_eq!(read.markers, [MarkerType::RoundStart(6), MarkerType::RoundEnd(7)]);
}

#[test]
fn results_json() {
    let results = WalltimeResults {
        creator: Creator {
            name: "exec-harness".to_owned(),
            version: "1.2.0".to_owned(),
            pid: 4242,
        },
        instrument: Instrument { kind: "walltime".to_owned() },
        benchmarks: vec![WalltimeBenchmark {
            name: "ls -d /".to_owned(),
            uri: "exec_harness::ls -d /".to_owned(),
            config: BenchmarkConfig::default(),
            stats: BenchmarkStats::of_rounds(&[100, 200, 300, 400, 600], 0),
        }],
    };
    let json = serde_json::to_string_pretty(&results).unwrap();
    insta::assert_snapshot!(json);
    assert_eq!(serde_json::from_str::<WalltimeResults>(&json).unwrap(), results);
}

#[test]
fn target_json() {
    let plain = Target {
        command: vec!["./bin".into(), "--n".into(), "3".into()],
        name: Some("small".to_owned()),
        walltime_args: WalltimeArgs {
            warmup_time: Some("0s".to_owned()),
            max_rounds: Some(20),
            ..WalltimeArgs::default()
        },
        run_args: RunArgs::default(),
        working_directory: None,
    };
    let expected = r#"{"command":["./bin","--n","3"],"name":"small","walltime_args":{"warmup_time":"0s","max_time":null,"min_time":null,"max_rounds":20,"min_rounds":null}}"#;
    assert_eq!(serde_json::to_string(&plain).unwrap(), expected);

    let full = Target {
        run_args: RunArgs {
            setup: Some("a".into()),
            prepare: Some("b".into()),
            conclude: Some("c".into()),
            cleanup: Some("d".into()),
            input: Some("in".into()),
            output: Some("null".into()),
            timeout: Some("1s".to_owned()),
            ignore_failure: Some("all".to_owned()),
            counters: vec!["cycles".to_owned()],
            shell: true,
            subtract_shell: true,
        },
        ..plain
    };
    let json = serde_json::to_string_pretty(&full).unwrap();
    insta::assert_snapshot!(json);
    assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), full);
}

#[test]
fn round_log() {
    let log = RoundLog {
        version: RoundLog::VERSION,
        tick_ns: Some(4_000_000),
        turns: Some(Turns { base_uri: "exec_harness::n".to_owned(), seed: 7, threshold: 0.03 }),
        benchmarks: vec![BenchmarkRounds {
            name: "n".to_owned(),
            uri: "exec_harness::n".to_owned(),
            outcome: Outcome::Failed { reason: "round 2".to_owned() },
            cold: false,
            robust_source: RobustSource::KernelStamps,
            robust_missing: String::new(),
            warmup_rounds: 3,
            noise: NoiseVerdict { rounds: 1, preempted: 1, flagged: 1, ..NoiseVerdict::default() },
            notes: vec!["x".to_owned()],
            shell: Some(ShellStart {
                wall_ns: 5,
                undisturbed_ns: 4,
                processor_ns: 3,
                rounds: 9,
                subtracted: true,
            }),
            least_rss_bytes: 9,
            counters: vec![Counted {
                name: "cycles".to_owned(),
                with_kernel: true,
                missing: String::new(),
                least_running: 1.0,
                values: vec![Some(7)],
            }],
            rounds: Rounds {
                start_ns: vec![1],
                wall_ns: vec![300],
                user_ns: vec![2],
                system_ns: vec![3],
                minor_faults: vec![4],
                major_faults: vec![5],
                voluntary_switches: vec![6],
                involuntary_switches: vec![7],
                kernel_ns: vec![Some(200)],
                preempted_ns: vec![None],
                block: vec![0],
                max_rss_bytes: vec![8],
            },
        }],
    };
    let bytes = log.encode();
    assert_eq!(RoundLog::decode(&bytes).unwrap(), log);
    assert_eq!(RoundLog::FILE.named(7), "7.RoundLog.msgpack");
    // Text where it is text: the keys are what is frozen.
    let shown: String = bytes
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            other => format!("<{other:02x}>"),
        })
        .collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn torn_artifacts_are_errors() {
    let bytes =
        ExecutionTimestamps { uri_by_ts: vec![(1, "a".to_owned())], markers: Vec::new() }.encode();
    for end in 0..bytes.len() {
        assert!(ExecutionTimestamps::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let err = RoundLog::decode(b"\xc1").unwrap_err();
    assert_eq!(err.to_string(), "not a valid `RoundLog` artifact");
}

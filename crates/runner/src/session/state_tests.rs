//! The answers of a session to the frames of a conversation, and the record that it keeps.

use proptest::prelude::*;

use super::*;

fn payload(command: &Command) -> Vec<u8> {
    command.encode().split_off(4)
}

/// Sends a command to a session whose profiler always works; returns the answer.
fn send(session: &mut Session, command: &Command, now: u64) -> Command {
    match session.frame(&payload(command), Monotonic(now)) {
        Reaction::Ask(request) => session.resolved(request, true, Monotonic(now)),
        Reaction::Reply(answer) => answer,
    }
}

#[test]
fn a_usual_conversation_is_recorded() {
    let mut session = Session::walltime();
    let (name, version) = ("pytest-codspeed".to_owned(), "5.0.4".to_owned());
    let uri = "t.py::x".to_owned();
    let marker = |marker| Command::AddMarker { pid: 7, marker };
    assert_eq!(send(&mut session, &Command::SetVersion(2), 1), Command::Ack);
    assert_eq!(
        send(&mut session, &Command::GetIntegrationMode, 2),
        Command::IntegrationModeResponse(IntegrationMode::Walltime)
    );
    let integration = Command::SetIntegration { name: name.clone(), version: version.clone() };
    for (now, command) in (3..).zip([
        integration,
        Command::StartBenchmark,
        marker(MarkerType::RoundStart(40)),
        marker(MarkerType::RoundEnd(50)),
        Command::StopBenchmark,
        Command::CurrentBenchmark { pid: 7, uri: uri.clone() },
    ]) {
        assert_eq!(send(&mut session, &command, now), Command::Ack);
    }
    let markers = vec![
        MarkerType::SampleStart(4),
        MarkerType::RoundStart(40),
        MarkerType::RoundEnd(50),
        MarkerType::SampleEnd(7),
    ];
    let timestamps = ExecutionTimestamps { uri_by_ts: vec![(8, uri)], markers };
    let expected = SessionRecord {
        integration: Some((name, version)),
        pids: [7].into(),
        timestamps,
        ..SessionRecord::default()
    };
    assert_eq!(session.finish(), expected);
}

#[test]
fn a_flood_is_answered_and_kept_up_to_a_bound() {
    let mut session = Session::walltime();
    let uri = "u".repeat(4 << 20);
    let markers = |session: &Session| session.record.timestamps.markers.len();
    for pid in 1..=20 {
        let command = Command::CurrentBenchmark { pid, uri: uri.clone() };
        assert_eq!(send(&mut session, &command, 1), Command::Ack);
    }
    assert_eq!(session.record.timestamps.uri_by_ts.len(), 15, "of 4 MiB each, in 64 MiB");
    // What is small is left out as well: it would belong to nothing.
    for command in [Command::StartBenchmark, Command::StopBenchmark] {
        assert_eq!(send(&mut session, &command, 2), Command::Ack);
    }
    let round = Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(1) };
    assert_eq!(send(&mut session, &round, 3), Command::Ack);
    assert_eq!(markers(&session), 0);
    session.abandon();
    // Five names with their processes, the window, and the round.
    assert!(session.finish().left_out >= 7);
}

#[test]
fn four_million_rounds_are_kept_and_every_window_ends() {
    let mut session = Session::walltime();
    assert_eq!(send(&mut session, &Command::StartBenchmark, 1), Command::Ack);
    let round = payload(&Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(2) });
    for _ in 0..4_200_000 {
        session.frame(&round, Monotonic(2));
    }
    assert_eq!(send(&mut session, &Command::StopBenchmark, 3), Command::Ack);
    let record = session.finish();
    let markers = &record.timestamps.markers;
    assert!(markers.len() > 4_190_000, "{}", markers.len());
    assert_eq!(markers.last(), Some(&MarkerType::SampleEnd(3)));
    let kept = markers.len() - 2;
    assert_eq!(record.left_out, u64::try_from(4_200_000 - kept).unwrap());
}

#[test]
fn a_process_is_new_once() {
    let mut session = Session::walltime();
    let marker = |pid| Command::AddMarker { pid, marker: MarkerType::RoundStart(1) };
    let current = |pid| Command::CurrentBenchmark { pid, uri: String::new() };
    let commands = [Command::StartBenchmark, marker(7), marker(7), current(8), current(7)];
    let newcomers = commands.map(|command| {
        send(&mut session, &command, 1);
        session.newcomer()
    });
    assert_eq!(newcomers, [None, Some(7), None, Some(8), None]);
}

#[test]
fn two_processes_in_one_window_clash() {
    let mut session = Session::walltime();
    let marker = |pid| Command::AddMarker { pid, marker: MarkerType::RoundStart(1) };
    let current = |pid| Command::CurrentBenchmark { pid, uri: String::new() };
    let mut clash_after = |command| {
        assert_eq!(send(&mut session, &command, 1), Command::Ack);
        session.clash()
    };
    // One after the other, in windows of their own or outside of any, is fine.
    let fine = [marker(7), current(8), Command::StartBenchmark, marker(7), current(7)];
    let next = [Command::StopBenchmark, current(8), Command::StartBenchmark, marker(8)];
    for command in fine.into_iter().chain(next) {
        assert_eq!(clash_after(command), None);
    }
    assert_eq!(clash_after(current(9)), Some([8, 9]));
    assert_eq!(clash_after(marker(8)), None);
}

#[test]
fn a_window_whose_process_is_gone_leaves_no_marker() {
    let mut session = Session::walltime();
    let marker = |marker| Command::AddMarker { pid: 7, marker };
    for (now, command) in [
        (1, Command::StartBenchmark),
        (2, Command::StopBenchmark),
        (3, marker(MarkerType::RoundStart(3))),
        (4, Command::StartBenchmark),
        (5, marker(MarkerType::RoundStart(5))),
    ] {
        send(&mut session, &command, now);
    }
    session.abandon();
    session.abandon();
    send(&mut session, &Command::StartBenchmark, 9);
    send(&mut session, &Command::StopBenchmark, 12);
    let record = session.finish();
    let (start, end) = (MarkerType::SampleStart, MarkerType::SampleEnd);
    let kept = [start(1), end(2), MarkerType::RoundStart(3), start(9), end(12)];
    assert_eq!(record.timestamps.markers, kept);
    assert_eq!(record.open_windows, 1);
}

#[test]
fn the_way_out_fits_the_processes() {
    let client = |pid, name: &str| Client { pid, name: name.to_owned(), tool: None };
    let overlap = |pair| Refusal::Overlap { pair: Box::new(pair) };
    let suites = overlap([client(3, "python3"), client(4, "bench")]);
    assert_eq!(
        suites.to_string(),
        "two benchmark processes run at the same time, so their measurements would mix: `python3` (process 3) and \
            `bench` (process 4)"
    );
    assert!(suites.hint().starts_with("run them one after the other"), "{}", suites.hint());
    let nested = overlap([client(3, "exec-harness"), client(4, "bench")]);
    assert!(nested.hint().contains("codspeed run"), "{}", nested.hint());
}

#[test]
fn versions_outside_the_range_are_refused_and_end_the_run() {
    for (version, fine) in [(0, false), (1, true), (2, true), (3, false), (u64::MAX, false)] {
        let mut session = Session::walltime();
        let answer = if fine { Command::Ack } else { Command::Err };
        assert_eq!(send(&mut session, &Command::SetVersion(version), 1), answer);
        let refusal = Refusal::Version { version, minimum: 1 };
        assert_eq!(session.refusal(), (!fine).then_some(&refusal));
    }
}

#[test]
fn a_failed_profiler_is_answered_with_err_and_opens_no_window() {
    let mut session = Session::walltime();
    for request in [Request::Enable, Request::Disable, Request::Ping] {
        assert_eq!(session.resolved(request, false, Monotonic(1)), Command::Err);
    }
    assert_eq!(session.finish(), SessionRecord::default());
}

#[test]
fn answers_from_a_client_and_garbage_get_err() {
    let mut session = Session::walltime();
    for command in
        [Command::Ack, Command::Err, Command::IntegrationModeResponse(IntegrationMode::Walltime)]
    {
        assert_eq!(send(&mut session, &command, 1), Command::Err);
    }
    for garbage in
        [&[][..], &[11, 0, 0, 0], &[7, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0], &[8, 0, 0, 0, 1]]
    {
        let reaction = session.frame(garbage, Monotonic(1));
        assert_eq!(reaction, Reaction::Reply(Command::Err));
    }
    let mut long = payload(&Command::SetVersion(2));
    long.extend([1, 2, 3]);
    assert_eq!(session.frame(&long, Monotonic(1)), Reaction::Reply(Command::Ack));
    assert_eq!(session.finish().unreadable, 7);
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (any::<i32>(), ".{0,8}").prop_map(|(pid, uri)| Command::CurrentBenchmark { pid, uri }),
        Just(Command::StartBenchmark),
        Just(Command::StopBenchmark),
        Just(Command::Ack),
        Just(Command::PingPerf),
        Just(Command::SetIntegration { name: "n".to_owned(), version: "v".to_owned() }),
        Just(Command::Err),
        any::<u64>()
            .prop_map(|at| Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(at) }),
        (0u64..4).prop_map(Command::SetVersion),
        Just(Command::GetIntegrationMode),
    ]
}

proptest! {
    #[test]
    fn commands_in_any_order_get_one_answer_each(
        commands in prop::collection::vec(any_command(), 0..60),
    ) {
        let mut session = Session::walltime();
        for (now, command) in (0..).zip(&commands) {
            let refused = matches!(command, Command::Ack | Command::Err | Command::SetVersion(0 | 3));
            let answer = send(&mut session, command, now);
            prop_assert_eq!(answer == Command::Err, refused, "{:?}", command);
        }
        let markers = session.finish().timestamps.markers;
        let windows: Vec<bool> = markers.iter().filter_map(|marker| match marker {
            MarkerType::SampleStart(_) => Some(true),
            MarkerType::SampleEnd(_) => Some(false),
            MarkerType::RoundStart(_) | MarkerType::RoundEnd(_) => None,
        }).collect();
        prop_assert!(windows.iter().enumerate().all(|(i, opens)| *opens == (i % 2 == 0)));
    }
}

//! The conversation with the real runner, word by word: every message gets one answer in one piece.

use std::fs;

use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    fifo::{Command, IntegrationMode, MAX_FRAME_LEN, MarkerType},
};
use test_support::{RawClient, Run, Running, Sandbox};

use crate::stage::{RUN, nothing_is_left, sandbox, start};

/// A run whose benchmark does nothing, so that a test can talk in its place.
struct Stage {
    sandbox: Sandbox,
    running: Running,
}

impl Stage {
    fn new() -> Self {
        let sandbox = sandbox();
        let mut ready = sandbox.notice("ready");
        sandbox.fifo("hold");
        let text = "echo ready > ready; read x < hold";
        let running = start(&sandbox, [RUN, &["--allow-empty", "--", text]].concat());
        ready.wait();
        Self { sandbox, running }
    }

    fn client(&self) -> RawClient {
        RawClient::connect(&self.sandbox.tmp())
    }

    /// Ends the benchmark. The run must be a success.
    #[track_caller]
    fn end(self) -> (Run, ExecutionTimestamps) {
        let Self { sandbox, running } = self;
        fs::write(sandbox.path().join("hold"), "go\n").unwrap();
        let run = running.end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        nothing_is_left(&sandbox);
        let bytes = fs::read(sandbox.path().join("profile/ExecutionTimestamps.msgpack"));
        let timestamps = bytes.map(|bytes| ExecutionTimestamps::decode(&bytes).unwrap());
        (run, timestamps.unwrap_or_default())
    }
}

fn payload(command: &Command) -> Vec<u8> {
    command.encode().split_off(4)
}

/// Sends payloads; each must be answered as told, and by nothing more.
#[track_caller]
fn answered(client: &mut RawClient, conversation: &[(Vec<u8>, Command)]) {
    let mode = Command::IntegrationModeResponse(IntegrationMode::Walltime);
    for (message, expected) in conversation {
        assert_eq!(client.ask(message), *expected, "to {:?}", message.get(..40).unwrap_or(message));
        // A second answer to it would be taken for the one to this question.
        assert_eq!(client.ask(&payload(&Command::GetIntegrationMode)), mode);
    }
}

fn to(command: &Command, answer: Command) -> (Vec<u8>, Command) {
    (payload(command), answer)
}

fn benchmark(pid: i32, uri: &str) -> Command {
    Command::CurrentBenchmark { pid, uri: uri.to_owned() }
}

#[test]
fn a_flood_of_names_is_kept_up_to_a_bound_with_a_warning() {
    let stage = Stage::new();
    let name = "n".repeat(MAX_FRAME_LEN - 100);
    let mut client = stage.client();
    for _ in 0..12 {
        assert_eq!(client.ask(&payload(&benchmark(7, &name))), Command::Ack);
    }
    drop(client);
    let (run, timestamps) = stage.end();
    assert_eq!(timestamps.uri_by_ts.len(), 8, "of about 8 MiB each, in 64 MiB");
    assert!(run.stderr.contains("sent more than 64 MiB of names and rounds"), "{}", run.stderr);
}

#[test]
fn every_message_is_answered_and_recorded() {
    let stage = Stage::new();
    let marker = |marker| to(&Command::AddMarker { pid: 7, marker }, Command::Ack);
    let integration =
        Command::SetIntegration { name: "ours".to_owned(), version: "1.0".to_owned() };
    answered(
        &mut stage.client(),
        &[
            to(&Command::PingPerf, Command::Ack),
            to(&Command::SetVersion(1), Command::Ack),
            to(&Command::SetVersion(2), Command::Ack),
            to(&integration, Command::Ack),
            to(&Command::StartBenchmark, Command::Ack),
            to(&Command::StartBenchmark, Command::Ack),
            marker(MarkerType::RoundStart(5)),
            marker(MarkerType::RoundEnd(9)),
            to(&Command::StopBenchmark, Command::Ack),
            to(&Command::StopBenchmark, Command::Ack),
            to(&benchmark(-3, "negative pid, ünicode"), Command::Ack),
            to(&benchmark(7, ""), Command::Ack),
        ],
    );
    let (run, ExecutionTimestamps { uri_by_ts, markers }) = stage.end();
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    let uris: Vec<_> = uri_by_ts.iter().map(|(_, uri)| uri.as_str()).collect();
    assert_eq!(uris, ["negative pid, ünicode", ""]);
    let [MarkerType::SampleStart(opened), rest @ .., MarkerType::SampleEnd(closed)] =
        markers.as_slice()
    else {
        panic!("a second start and a stray stop make no window: {markers:?}");
    };
    assert!(opened < closed);
    assert_eq!(rest, [MarkerType::RoundStart(5), MarkerType::RoundEnd(9)]);
}

#[test]
fn what_is_no_message_is_answered_with_err_and_counted() {
    let stage = Stage::new();
    let bytes = |text: &[u32]| text.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut bad_text = payload(&benchmark(7, "bad"));
    *bad_text.last_mut().unwrap() = 0xff;
    answered(
        &mut stage.client(),
        &[
            (bytes(&[11]), Command::Err), // no such message
            (bytes(&[u32::MAX]), Command::Err),
            (bytes(&[]), Command::Err),                  // an empty frame
            (bytes(&[7, 1, 4, 0, 0]), Command::Err),     // no such marker
            (bytes(&[8, 2]), Command::Err),              // half a number
            (bytes(&[0, 7, u32::MAX, 0]), Command::Err), // more text than there is
            (bytes(&[0, 7, u32::MAX, u32::MAX]), Command::Err),
            (bad_text, Command::Err),
            to(&Command::Ack, Command::Err),
            to(&Command::Err, Command::Err),
            to(&Command::IntegrationModeResponse(IntegrationMode::Walltime), Command::Err),
        ],
    );
    let (run, timestamps) = stage.end();
    assert_eq!(timestamps, ExecutionTimestamps::default());
    let expected = "warning: 11 messages of the benchmark integration could not be understood\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

#[test]
fn bytes_behind_a_message_are_ignored_up_to_the_longest_frame() {
    let stage = Stage::new();
    let mut short = payload(&Command::SetVersion(2));
    short.extend([1, 2, 3]);
    let mut longest = payload(&Command::SetVersion(2));
    longest.resize(MAX_FRAME_LEN, 0);
    let ack = |payload| (payload, Command::Ack);
    answered(&mut stage.client(), &[ack(short), ack(longest)]);
    assert!(!stage.end().0.stderr.contains("warning"));
}

#[test]
fn a_nonsense_length_is_answered_with_err_and_spoils_nothing() {
    let stage = Stage::new();
    let mut client = stage.client();
    let one_too_many = u32::try_from(MAX_FRAME_LEN + 1).unwrap();
    for length in [0x7fff_ffff, u32::MAX, one_too_many] {
        client.send(&length.to_le_bytes());
        assert_eq!(client.answer(), Command::Err);
        answered(&mut client, &[to(&Command::SetVersion(2), Command::Ack)]);
    }
    let (run, _) = stage.end();
    let expected = "warning: 3 messages of the benchmark integration could not be understood\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

#[test]
fn frames_may_come_together_or_in_single_bytes() {
    let stage = Stage::new();
    let mut client = stage.client();
    let both = [Command::SetVersion(2).encode(), Command::GetIntegrationMode.encode()].concat();
    client.send(&both);
    assert_eq!(client.answer(), Command::Ack);
    assert_eq!(client.answer(), Command::IntegrationModeResponse(IntegrationMode::Walltime));
    for byte in benchmark(7, "in pieces").encode() {
        client.send(&[byte]);
    }
    assert_eq!(client.answer(), Command::Ack);
    answered(&mut client, &[]);
    let (_, timestamps) = stage.end();
    assert_eq!(timestamps.uri_by_ts.len(), 1);
}

#[test]
fn a_thousand_messages_at_once_get_a_thousand_answers() {
    let stage = Stage::new();
    let mut client = stage.client();
    let marker = |at| Command::AddMarker { pid: 7, marker: MarkerType::RoundStart(at) };
    client.send(&(0..1000).flat_map(|at| marker(at).encode()).collect::<Vec<_>>());
    for _ in 0..1000 {
        assert_eq!(client.answer(), Command::Ack);
    }
    let (_, timestamps) = stage.end();
    assert_eq!(timestamps.markers, (0..1000).map(MarkerType::RoundStart).collect::<Vec<_>>());
}

#[test]
fn a_client_that_dies_mid_message_does_not_affect_the_next() {
    let mut stage = Stage::new();
    let mut dying = stage.client();
    answered(&mut dying, &[to(&Command::SetVersion(2), Command::Ack)]);
    dying.send(&Command::StartBenchmark.encode()[..6]);
    drop(dying);
    stage.running.says("warning: a benchmark process ended in the middle of a message");
    answered(&mut stage.client(), &[to(&Command::SetVersion(2), Command::Ack)]);
    stage.end();
}

#[test]
fn an_answer_to_a_dead_client_does_not_reach_the_next() {
    let stage = Stage::new();
    let mut dying = stage.client();
    // Its answer is there before the next question is.
    dying.send(&Command::GetIntegrationMode.encode());
    assert_eq!(dying.answer(), Command::IntegrationModeResponse(IntegrationMode::Walltime));
    dying.send(&[Command::Err.encode(), Command::Err.encode()].concat());
    assert_eq!(dying.answer(), Command::Err);
    drop(dying);
    answered(&mut stage.client(), &[to(&Command::SetVersion(2), Command::Ack)]);
    stage.end();
}

#[test]
fn a_window_that_stays_open_is_a_warning() {
    let stage = Stage::new();
    answered(&mut stage.client(), &[to(&Command::StartBenchmark, Command::Ack)]);
    let (run, _) = stage.end();
    let expected =
        "warning: the benchmark integration started a measurement and did not finish it\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

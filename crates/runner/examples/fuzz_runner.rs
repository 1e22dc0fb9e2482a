//! Throws damaged bytes at the readers of this crate: `cargo xtask fuzz`.

use std::process::ExitCode;

use runner::fuzzing;
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "codspeed-yml", seeds: || texts(&[PROJECT]), read: fuzzing::codspeed_yml },
    Target { name: "user-settings", seeds: || texts(USER), read: fuzzing::user_settings },
    Target { name: "git", seeds: || texts(GIT), read: fuzzing::git },
    Target { name: "event-payload", seeds: || texts(&[PAYLOAD]), read: fuzzing::event_payload },
    Target { name: "remote-url", seeds: || texts(URLS), read: fuzzing::remote_url },
    Target { name: "receipt", seeds: || texts(RECEIPTS), read: fuzzing::receipt },
    Target { name: "machine", seeds: || texts(MACHINE), read: fuzzing::machine },
    Target { name: "lock", seeds: || texts(&["pid 12\n", "pid 4294967296"]), read: fuzzing::lock },
    Target { name: "shell-session", seeds: || texts(SESSIONS), read: fuzzing::shell_session },
    Target { name: "progress", seeds: || texts(&[PROGRESS]), read: fuzzing::progress },
];

const PROJECT: &str = "options:\n  max-time: 2s\n  max-rounds: 10\nbenchmarks:\n  - name: a\n    exec: ls -d /\n    options: &o\n      min-rounds: 2\n  - exec: |\n      true\n      false\n    options: *o\n  - {name: \"b\\n\", exec: 'x'}\n";
const USER: &[&str] = &[
    "auth:\n  token: abc\n",
    "profiles:\n  default:\n    token: abc\n  work: {token: 'x', api-url: \"https://example.com\"}\nother: [1, 2, {a: ~}]\n",
];
const GIT: &[&str] = &[
    "ref: refs/heads/main\n",
    "gitdir: ../other/.git\n",
    "0123456789abcdef0123456789abcdef01234567\n",
    "# pack-refs with: peeled\n0123456789abcdef0123456789abcdef01234567 refs/heads/main\n^0123456789abcdef0123456789abcdef01234567\n",
    "[remote \"origin\"]\n\turl = git@github.com:a/b.git ; x\n\tfetch = \"+refs/*\"\\\n  more\n[branch \"main\"]\n\tremote = origin\n",
];
const PAYLOAD: &str = r#"{"repository":{"private":true},"pull_request":{"number":7,"base":{"ref":"main"},"head":{"ref":"x","label":"o:x","user":{"login":"o"},"repo":{"fork":true,"owner":{"login":"o"}}}}}"#;
const URLS: &[&str] = &[
    "git@github.com:owner/name.git",
    "https://user:secret@gitlab.com:443/group/sub/name.git?x#y",
    "ssh://git@[::1]:22/a/b",
    "mongodb://u:p@host:27017,h2/db?replicaSet=r&tls=true",
];
const RECEIPTS: &[&str] = &[
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  codspeed-5.1.0-x86_64-unknown-linux-gnu.tar.gz\n",
    r#"{"format":1,"allow_empty":false,"commit":null,"run":null,"runner":{"name":"codspeed","version":"5.1.0","instruments":[]}}"#,
];
const MACHINE: &[&str] = &[
    "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: X 9\nphysical id\t: 0\ncore id\t: 0\n\nprocessor\t: 1\n",
    "ID=debian\nVERSION_ID=\"12\"\nNAME='De\\$bian'\n",
];
const SESSIONS: &[&str] = &["[\"walltime\",\"memory\"]", "\"simulation\""];
const PROGRESS: &str = "1000 1000000000 ebpf\n90000000 20000000000 preload\n0 0 x\n";

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}

//! A `codspeed` and a `cargo` that only write down how they were called.

use std::{collections::BTreeMap, fs};

use test_support::Sandbox;

use crate::releases::Release;

/// Keeps arguments and environment below `$RECORDS`, and fails when its first argument is `$FAILS`.
const CODSPEED: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "codspeed-runner of a test"; exit; fi
to="$RECORDS/$(ls "$RECORDS" | wc -l)"
mkdir "$to"
printf '%s\0' codspeed "$@" > "$to/arguments"
env -0 > "$to/environment"
echo "$PPID" > "$to/parent"
[ "$1" != "$FAILS" ]
"#;

/// Does the same, and puts the other one where `--root` says.
const CARGO: &str = r#"#!/bin/sh
to="$RECORDS/$(ls "$RECORDS" | wc -l)"
mkdir "$to"
printf '%s\0' cargo "$@" > "$to/arguments"
env -0 > "$to/environment"
echo "$PPID" > "$to/parent"
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin"
cp "$FAKE" "$2/bin/codspeed"
"#;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// The process that started it.
    pub parent: u32,
}

/// Makes the programs. The one for `cargo` is in the folder `tools`.
pub(crate) fn make(sandbox: &Sandbox) {
    fs::create_dir(sandbox.path().join("records")).unwrap();
    fs::create_dir(sandbox.path().join("tools")).unwrap();
    sandbox.program("codspeed", CODSPEED);
    sandbox.program("tools/cargo", CARGO);
}

/// A release of the fake.
#[track_caller]
pub(crate) fn release(sandbox: &Sandbox, version: &str) -> Release {
    Release::pack(sandbox, version, &[&sandbox.path().join("codspeed")])
}

/// All calls so far.
pub(crate) fn calls(sandbox: &Sandbox) -> Vec<Call> {
    let folder = sandbox.path().join("records");
    let count = fs::read_dir(&folder).unwrap().count();
    let read = |name: String| {
        let text = sandbox.text(&format!("records/{name}"));
        text.split_terminator('\0').map(str::to_owned).collect::<Vec<_>>()
    };
    let call = |number: usize| Call {
        arguments: read(format!("{number}/arguments")),
        environment: read(format!("{number}/environment"))
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        parent: sandbox.text(&format!("records/{number}/parent")).trim().parse().unwrap(),
    };
    (0..count).map(call).collect()
}

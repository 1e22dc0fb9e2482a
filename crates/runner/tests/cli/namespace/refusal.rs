//! Integrations of another protocol: refused with an answer, and the benchmark doesn't run on unmeasured.

use std::{fs, path::Path};

use runner_shared::fifo::Command;
use test_support::RawClient;

use crate::stage::{RUN, nothing_is_left, sandbox, start};

#[track_caller]
fn refused(version: u64) -> String {
    let sandbox = sandbox();
    let mut pids = sandbox.notice("pids");
    sandbox.fifo("hold");
    let text = "sh -c 'read x < hold' & echo $$ $! > pids; read x < hold";
    let running = start(&sandbox, [RUN, &["--", text]].concat());
    let pids = pids.wait();
    let mut client = RawClient::connect(&sandbox.tmp());
    assert_eq!(client.ask(&Command::SetVersion(version).encode()[4..]), Command::Err);
    let run = running.end();
    for pid in pids.split(' ') {
        assert!(!Path::new("/proc").join(pid).exists(), "process {pid} of {pids} still runs");
    }
    nothing_is_left(&sandbox);
    run.shown()
}

#[test]
fn a_folder_without_results_goes_unless_it_is_wanted() {
    let results = "mkdir $CODSPEED_PROFILE_FOLDER/results; echo {} > $CODSPEED_PROFILE_FOLDER/results/7.json; ";
    for (options, text, stays) in
        [(&[][..], "", false), (&["--keep-profile"], "", true), (&[], results, true)]
    {
        let sandbox = sandbox();
        let mut ready = sandbox.notice("ready");
        sandbox.fifo("hold");
        let text = format!("{text}echo > ready; read x < hold");
        let words = [&["run", "-m", "walltime"], options, &["--", &text]].concat();
        let running = start(&sandbox, words);
        ready.wait();
        let mut client = RawClient::connect(&sandbox.tmp());
        assert_eq!(client.ask(&Command::SetVersion(3).encode()[4..]), Command::Err);
        let run = running.end();
        assert_eq!(run.stderr.contains("profile folder: "), stays, "{}", run.stderr);
        if stays {
            let left = sandbox.left_in_tmp();
            let [folder, _lock] = &left[..] else { panic!("{left:?}\n{}", run.shown()) };
            assert!(run.stderr.contains(&format!("folder: /tmp/{folder}\n")), "{}", run.stderr);
            fs::remove_dir_all(sandbox.tmp().join(folder)).unwrap();
        }
        nothing_is_left(&sandbox);
    }
}

#[test]
fn a_newer_protocol_is_refused_with_a_hint() {
    insta::assert_snapshot!(refused(3));
}

#[test]
fn a_version_that_never_was_is_refused() {
    insta::assert_snapshot!(refused(0));
}

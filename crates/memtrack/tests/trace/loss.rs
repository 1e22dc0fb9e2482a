//! Nothing is lost, or it is said how much.

use crate::{
    programs::Programs,
    support::{Traced, Track, Way},
};

pub fn a_small_ring_holds_the_program_back_and_loses_nothing(way: Way) {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    let track = Track::by(way).with(&["--ring-size", "262144"]);
    let traced = track.run(&[pairs.to_str().unwrap(), "50000", "16"]).succeeded();
    assert!(traced.stdout.ends_with("800000 pairs\n"), "{}", traced.stdout);
    assert_eq!(traced.allocations(16..=1023), 800_000 + other_small_ones(&traced.events));
}

/// Allocations of the C library for threads and output: they are the main thread's, the pairs are not.
fn other_small_ones(events: &[crate::artifact::Event]) -> usize {
    let of_main = events.iter().filter(|event| event.pid == event.tid);
    of_main.filter(|event| event.size.is_some_and(|size| (16..=1023).contains(&size))).count()
}

pub fn a_loss_that_is_permitted_is_counted(way: Way) {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    let words = [pairs.to_str().unwrap(), "300000"];
    let whole = Track::by(way).run(&words).succeeded();
    let track = Track::by(way).with(&["--lossy", "--ring-size", "4096", "--no-release-on-exit"]);
    let part = track.run(&words);
    assert_eq!(part.code, Some(0), "{}", part.stderr);
    let lost = usize::try_from(part.stats["lost_events"].as_u64().unwrap()).unwrap();
    let number = |traced: &Traced, name: &str| {
        usize::try_from(traced.stats[name].as_u64().unwrap()).unwrap()
    };
    assert!(lost > 0);
    // A free whose allocation was lost looks like a second one of the block that lay there before.
    let left_out = number(&part, "left_out_frees");
    let released = number(&whole, "synthetic_frees");
    let (found, expected) = (part.events.len() + left_out + lost, whole.events.len() - released);
    // Lost records may be those of the two processes' ends as well.
    assert!((expected..=expected + 2).contains(&found), "{found} of {expected}");
}

/// Somebody continues the program whenever the tracer has stopped it.
pub fn a_loss_that_is_not_permitted_is_an_error(way: Way) {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    let line = "\"$0\" 20000 & while kill -CONT $! && read -r state <\"/proc/$!/stat\" && [[ $state != *') Z '* ]]; do :; \
                done 2>/dev/null; wait";
    let track = Track::by(way).with(&["--ring-size", "4096"]);
    let traced = track.run(&["bash", "-c", line, pairs.to_str().unwrap()]);
    // It is stopped again and again, so that even this rarely loses anything; if it does, it is said.
    let lost = traced.stats["lost_events"].as_u64().unwrap();
    assert_eq!(traced.code, Some(i32::from(lost > 0)), "{}", traced.stats);
    assert_eq!(
        traced.stderr.contains("lost: the numbers are too small"),
        lost > 0,
        "{}",
        traced.stderr
    );
}

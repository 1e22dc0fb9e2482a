//! The stacks that a profile folder tells of, in the form that reports and exports have.

use std::{collections::HashMap, sync::Arc};

use profile::{BenchmarkStacks, ProfileError, RunStacks, read_stacks};
use results::{BenchResult, Profile};
use runner_shared::{
    profile_dir::{PERF_DATA, ProfileDir},
    stacks::{Frame, StackNode, Stacks, Unit},
    walltime::as_float,
};
use system::files;

use crate::workload::MOST_STACK_BYTES;

/// Stacks of which more than this share break off are of little use.
const MANY: f64 = 0.05;
/// Shares of fewer samples are chance.
const FEWEST_SAMPLES: u64 = 30;

/// What a profile folder tells of stacks.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Profiles {
    /// Those of the benchmarks, in their order; those without samples are left out.
    pub(super) list: Vec<Profile>,
    /// What is missing, as sentences.
    pub(super) warnings: Vec<String>,
    /// What would make stacks longer, as a sentence.
    pub(super) advice: Option<String>,
}

/// Reads the stacks of a folder.
pub(super) fn profiles(
    folder: &ProfileDir,
    benchmarks: &[BenchResult],
) -> Result<Profiles, ProfileError> {
    if !files::is_there(&folder.file(&PERF_DATA)) {
        return Ok(Profiles::default());
    }
    let RunStacks { frames, benchmarks: stacks, copied, period, warnings } = read_stacks(folder)?;
    let advice = advice(&stacks, copied);
    let mut named: HashMap<&str, &BenchmarkStacks> =
        stacks.iter().map(|stacks| (stacks.uri.as_str(), stacks)).collect();
    // Benchmarks of the same identity share their samples; the first one shows them.
    let of_benchmark = |bench: &BenchResult| {
        let stacks = named.remove(bench.uri.as_str()).filter(|stacks| stacks.samples > 0)?;
        Some(converted(&bench.name, stacks, &frames, period))
    };
    let list = benchmarks.iter().filter_map(of_benchmark).collect();
    Ok(Profiles { list, warnings, advice })
}

/// Says how stacks would become longer, if many break off: they were taken from copies of so many bytes, or, with 0, by
/// frame pointers.
fn advice(stacks: &[BenchmarkStacks], copied: u32) -> Option<String> {
    let sum = |count: fn(&BenchmarkStacks) -> u64| stacks.iter().map(count).sum::<u64>();
    let samples = sum(|stacks| stacks.samples);
    let share = |part: u64| as_float(part) / as_float(samples.max(1));
    let without = share(sum(|stacks| stacks.without_frame_pointers));
    let beyond = share(sum(|stacks| stacks.beyond_copy));
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    if samples < FEWEST_SAMPLES {
        return None;
    }
    if without > MANY {
        let share = percent(without);
        return Some(format!(
            "{share} of stacks are missing callers, because functions without frame pointers are on them; use \
                `--perf-unwinding-mode dwarf` to unwind from copies of the stack"
        ));
    }
    if beyond <= MANY {
        return None;
    }
    let what = format!(
        "{} of stacks are truncated: they are deeper than the copies of {copied} bytes",
        percent(beyond)
    );
    Some(if copied >= MOST_STACK_BYTES {
        format!("{what}, and perf can't copy more")
    } else {
        format!("{what}; use `--perf-stack-size {MOST_STACK_BYTES}` to copy more")
    })
}

/// One benchmark with the functions that it needs.
fn converted(name: &str, stacks: &BenchmarkStacks, frames: &[Frame], period: u64) -> Profile {
    let mut places: HashMap<u32, u32> = HashMap::new();
    let mut needed = Vec::new();
    let nodes = stacks.nodes.iter().map(|node| {
        let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let frame = *places.entry(node.frame).or_insert(next);
        if frame == next {
            let known = usize::try_from(node.frame).ok().and_then(|place| frames.get(place));
            needed.push(known.cloned().unwrap_or_else(unknown));
        }
        StackNode { frame, ..*node }
    });
    let nodes = nodes.collect();
    let converted = Stacks {
        benchmark: name.to_owned(),
        unit: Unit::Nanoseconds,
        frames: needed,
        nodes,
        threads: stacks.threads.clone(),
        program: Arc::clone(&stacks.program),
        duration: stacks.duration,
        period,
    };
    Profile { stacks: converted, samples: stacks.samples, truncated: stacks.truncated }
}

fn unknown() -> Frame {
    Frame { name: "[unknown]".into(), object: "".into(), file: "".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_gets_the_functions_that_it_needs() {
        let frame =
            |name: &str| Frame { name: name.into(), object: "/bin/m".into(), file: "f.c".into() };
        let frames = ["a", "b", "c"].map(frame);
        let node = |parent, frame, weight| StackNode {
            parent,
            frame,
            line: 5,
            weight,
            ..StackNode::default()
        };
        let nodes =
            vec![node(None, 2, 1), node(Some(0), 0, 2), node(Some(1), 2, 3), node(None, 9, 4)];
        let (uri, samples, truncated) = ("u".to_owned(), 10, 1);
        let stacks =
            BenchmarkStacks { uri, nodes, samples, truncated, ..BenchmarkStacks::default() };
        let Profile { stacks, samples, truncated } = converted("name", &stacks, &frames, 7);
        let names: Vec<_> = stacks.frames.iter().map(|frame| &*frame.name).collect();
        assert_eq!(names, ["c", "a", "[unknown]"]);
        assert_eq!(&*stacks.frames[0].object, "/bin/m");
        let shape: Vec<_> =
            stacks.nodes.iter().map(|node| (node.parent, node.frame, node.weight)).collect();
        assert_eq!(shape, [(None, 0, 1), (Some(0), 1, 2), (Some(1), 0, 3), (None, 2, 4)]);
        assert_eq!((samples, truncated, stacks.benchmark.as_str()), (10, 1, "name"));
    }

    #[test]
    fn a_folder_without_a_profile_has_no_stacks() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(profiles(&ProfileDir::new(folder.path()), &[]).unwrap(), Profiles::default());
    }

    #[test]
    fn advice_names_the_option_that_helps() {
        let stacks = |samples, beyond_copy, without_frame_pointers| {
            vec![BenchmarkStacks {
                samples,
                beyond_copy,
                without_frame_pointers,
                ..BenchmarkStacks::default()
            }]
        };
        let deep = advice(&stacks(100, 6, 0), 8192).unwrap();
        assert_eq!(
            deep,
            "6 % of stacks are truncated: they are deeper than the copies of 8192 bytes; use `--perf-stack-size 65528` \
                to copy more"
        );
        let deepest = advice(&stacks(100, 6, 0), 65528).unwrap();
        assert!(deepest.ends_with("and perf can't copy more"), "{deepest}");
        let without = advice(&stacks(100, 0, 60), 0).unwrap();
        assert!(without.starts_with("60 % of stacks are missing callers"), "{without}");
        assert!(without.contains("`--perf-unwinding-mode dwarf`"), "{without}");
        assert_eq!(advice(&stacks(100, 5, 5), 8192), None);
        assert_eq!(advice(&stacks(10, 10, 0), 8192), None);
        assert_eq!(advice(&[], 0), None);
    }
}

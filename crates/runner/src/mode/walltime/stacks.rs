//! The stacks that a profile folder tells of, in the form that reports and exports have.

use std::{collections::HashMap, path::Path};

use profile::{BenchmarkStacks, PERF_DATA, ProfileError, read_stacks};
use results::{BenchResult, Frame, Profile, StackNode, Stacks, Unit};

/// The profiles of the benchmarks, in their order; those without samples are left out. Also sentences for the user.
pub(super) fn profiles(
    folder: &Path,
    benchmarks: &[BenchResult],
) -> Result<(Vec<Profile>, Vec<String>), ProfileError> {
    if !folder.join(PERF_DATA).exists() {
        return Ok((Vec::new(), Vec::new()));
    }
    let profile::Stacks { frames, benchmarks: stacks, warnings } = read_stacks(folder)?;
    let mut named: HashMap<&str, &BenchmarkStacks> =
        stacks.iter().map(|stacks| (stacks.uri.as_str(), stacks)).collect();
    // Benchmarks of the same identity share their samples; the first one shows them.
    let of_benchmark = |bench: &BenchResult| {
        let stacks = named.remove(bench.uri.as_str()).filter(|stacks| stacks.samples > 0)?;
        Some(converted(&bench.name, stacks, &frames))
    };
    Ok((benchmarks.iter().filter_map(of_benchmark).collect(), warnings))
}

/// One benchmark with the functions that it needs.
fn converted(name: &str, stacks: &BenchmarkStacks, frames: &[profile::Frame]) -> Profile {
    let mut places: HashMap<u32, u32> = HashMap::new();
    let mut needed = Vec::new();
    let nodes = stacks.nodes.iter().map(|node| {
        let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let frame = *places.entry(node.frame).or_insert(next);
        if frame == next {
            let known = usize::try_from(node.frame).ok().and_then(|place| frames.get(place));
            needed.push(known.map_or_else(unknown, function));
        }
        StackNode { parent: node.parent, frame, weight: node.weight }
    });
    let nodes = nodes.collect();
    let (benchmark, unit) = (name.to_owned(), Unit::Nanoseconds);
    Profile {
        stacks: Stacks { benchmark, unit, frames: needed, nodes },
        samples: stacks.samples,
        truncated: stacks.truncated,
    }
}

fn function(frame: &profile::Frame) -> Frame {
    let profile::Frame { name, module, file } = frame.clone();
    Frame { name, object: module, file }
}

fn unknown() -> Frame {
    Frame { name: "[unknown]".into(), object: "".into(), file: "".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_gets_the_functions_that_it_needs() {
        let frame = |name: &str| profile::Frame {
            name: name.into(),
            module: "/bin/m".into(),
            file: "f.c".into(),
        };
        let frames = ["a", "b", "c"].map(frame);
        let node = |parent, frame, weight| profile::StackNode { parent, frame, weight };
        let nodes =
            vec![node(None, 2, 1), node(Some(0), 0, 2), node(Some(1), 2, 3), node(None, 9, 4)];
        let (uri, samples, truncated) = ("u".to_owned(), 10, 1);
        let stacks =
            BenchmarkStacks { uri, nodes, samples, truncated, ..BenchmarkStacks::default() };
        let Profile { stacks, samples, truncated } = converted("name", &stacks, &frames);
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
        assert_eq!(profiles(folder.path(), &[]).unwrap(), (Vec::new(), Vec::new()));
    }
}

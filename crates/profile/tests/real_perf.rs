//! Recordings of real programs by the real perf, from the recording to the stacks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/record.rs"]
mod record;

/// perf may look at all processes only with the rights of root.
mod privileged {
    use std::{collections::BTreeMap, path::Path, process::Command};

    use profile::{BenchmarkStacks, JitUnwindForm, Stacks};
    use tempfile::TempDir;

    use super::record::{Recorded, compile};

    /// Share of the time that was spent in each function itself, in percent.
    fn shares(stacks: &Stacks) -> BTreeMap<String, f64> {
        let benchmark: &BenchmarkStacks = &stacks.benchmarks[0];
        let mut shares: BTreeMap<String, f64> = BTreeMap::new();
        let total = benchmark.total() as f64;
        for node in &benchmark.nodes {
            let name = stacks.frames[node.frame as usize].name.to_string();
            *shares.entry(name).or_default() += node.weight as f64 * 100.0 / total;
        }
        shares
    }

    /// The same with the functions below counted in.
    fn below(stacks: &Stacks, name: &str) -> f64 {
        let benchmark = &stacks.benchmarks[0];
        let name_of = |at: usize| &*stacks.frames[benchmark.nodes[at].frame as usize].name;
        let is_in = |mut at: usize| loop {
            if name_of(at) == name {
                break true;
            }
            match benchmark.nodes[at].parent {
                Some(parent) => at = parent as usize,
                None => break false,
            }
        };
        let nodes = benchmark.nodes.iter().enumerate();
        let sum: u64 = nodes.filter(|(at, _)| is_in(*at)).map(|(_, node)| node.weight).sum();
        sum as f64 * 100.0 / benchmark.total() as f64
    }

    fn assert_split(stacks: &Stacks) {
        for (name, expected) in [("seventy", 70.0), ("twenty", 20.0), ("ten", 10.0)] {
            // Of what the three functions took: the machine may be busy starting processes.
            let all: f64 = ["seventy", "twenty", "ten"].map(|name| below(stacks, name)).iter().sum();
            let share = below(stacks, name) * 100.0 / all;
            assert!((share - expected).abs() < 3.0, "{name}: {share:.1} %, {:?}", shares(stacks));
            assert!(all > 90.0, "{all}");
        }
    }

    fn split(dir: &Path, args: &[&str], call_graph: &str, program: &[&str]) -> (Recorded, Stacks) {
        let path = compile(dir, "split.c", "split", args);
        let recorded = Recorded::new(
            call_graph,
            &["--freq=4999"],
            Command::new(path).args(program),
        );
        let written = recorded.write(&[], JitUnwindForm::Correct);
        assert!(written.samples > 300, "{written:?}");
        let stacks = recorded.stacks();
        assert_split(&stacks);
        (recorded, stacks)
    }

    #[test]
    fn frame_pointers() {
        let dir = TempDir::new().unwrap();
        let args = ["-O1", "-g", "-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer"];
        let (_, stacks) = split(dir.path(), &args, "fp", &[]);
        let names: Vec<&str> = stacks.frames.iter().map(|frame| &*frame.name).collect();
        assert!(names.contains(&"__codspeed_root_frame__split") && names.contains(&"turn"), "{names:?}");
        // Nothing calls the root any longer.
        assert!(below(&stacks, "__codspeed_root_frame__split") > 90.0);
        assert!(below(&stacks, "main") < 5.0);
    }

    #[test]
    fn dwarf_with_compression_and_build_ids() {
        let dir = TempDir::new().unwrap();
        let path = compile(dir.path(), "split.c", "split", &["-O2"]);
        let recorded = Recorded::new(
            "dwarf,8192",
            &["--freq=4999", "--compression-level=3", "--buildid-mmap"],
            &mut Command::new(path),
        );
        recorded.write(&[], JitUnwindForm::Correct);
        let stacks = recorded.stacks();
        assert_split(&stacks);
        let benchmark = &stacks.benchmarks[0];
        assert!(benchmark.whole * 100 >= benchmark.samples * 95, "{benchmark:?}");
    }

    #[test]
    fn forked_children_have_modules() {
        let dir = TempDir::new().unwrap();
        let (recorded, stacks) = split(dir.path(), &["-O1", "-g"], "dwarf,8192", &["4", "20"]);
        let metadata = recorded.metadata();
        let with_split = metadata["mapped_process_module_symbols"]
            .as_object()
            .unwrap()
            .values()
            .filter(|list| list.to_string().contains("__split\""))
            .count();
        assert_eq!(with_split, 4, "the parent and three children");
        assert!(below(&stacks, "__codspeed_root_frame__split") > 90.0);
    }
}

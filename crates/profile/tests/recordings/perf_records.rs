//! Recordings of real programs by the real perf, from the recording to the stacks.

/// perf may look at all processes only with the rights of root.
mod privileged {
    use std::{collections::BTreeMap, fs::File, path::Path, process::Command};

    use profile::{BenchmarkStacks, JitUnwindForm, Mapping, PinnedFile, RunStacks, Snapshot};
    use serde_json::Value;
    use tempfile::TempDir;

    use crate::record::{AS_FILE, Recorded, compile};

    /// Share of the time that was spent in each function itself, in percent.
    fn shares(stacks: &RunStacks) -> BTreeMap<String, f64> {
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
    fn below(stacks: &RunStacks, name: &str) -> f64 {
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

    fn assert_split(stacks: &RunStacks) {
        for (name, expected) in [("seventy", 70.0), ("twenty", 20.0), ("ten", 10.0)] {
            // Of what the three functions took: the machine may be busy starting processes.
            let all: f64 =
                ["seventy", "twenty", "ten"].map(|name| below(stacks, name)).iter().sum();
            let share = below(stacks, name) * 100.0 / all;
            assert!((share - expected).abs() < 3.0, "{name}: {share:.1} %, {:?}", shares(stacks));
            assert!(all > 90.0, "{all}");
        }
    }

    fn split(
        dir: &Path,
        args: &[&str],
        call_graph: &str,
        program: &[&str],
    ) -> (Recorded, RunStacks) {
        let path = compile(dir, "split.c", "split", args);
        let recorded =
            Recorded::new(call_graph, &["--freq=4999"], Command::new(path).args(program));
        let written = recorded.write(&[], JitUnwindForm::Correct);
        assert!(written.samples > 300, "{written:?}");
        let stacks = recorded.stacks();
        assert_split(&stacks);
        (recorded, stacks)
    }

    #[test]
    fn frame_pointers() {
        let dir = TempDir::new().unwrap();
        // Only code without optimisation keeps a frame pointer in functions that call nothing.
        let args = ["-O0", "-g", "-fno-omit-frame-pointer"];
        let (_, stacks) = split(dir.path(), &args, "fp", &[]);
        let names: Vec<&str> = stacks.frames.iter().map(|frame| &*frame.name).collect();
        assert!(
            names.contains(&"__codspeed_root_frame__split") && names.contains(&"turn"),
            "{names:?}"
        );
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
    fn a_file_instead_of_a_stream() {
        let dir = TempDir::new().unwrap();
        let path = compile(dir.path(), "split.c", "split", &["-O2"]);
        for compression in ["--no-buildid", "--compression-level=1"] {
            let more = ["--freq=4999", compression, AS_FILE];
            let recorded = Recorded::new("dwarf,8192", &more, &mut Command::new(&path));
            let written = recorded.write(&[], JitUnwindForm::Correct);
            // A busy machine loses samples; the file itself is whole.
            let broken = written.warnings.iter().find(|text| text.contains("perf's recording"));
            assert_eq!(broken, None);
            assert_split(&recorded.stacks());
        }
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

    /// The list of a module in the metadata, of all processes together.
    fn entries(recorded: &Recorded, list: &str, module: &str) -> Vec<Value> {
        let metadata = recorded.metadata();
        let lists = metadata[list].as_object().unwrap().values();
        let entries = lists.flat_map(|list| list.as_array().unwrap().clone());
        entries.filter(|entry| entry.to_string().contains(&format!("__{module}\""))).collect()
    }

    #[test]
    fn a_tiny_program_linked_by_lld() {
        let dir = TempDir::new().unwrap();
        let args = ["-O1", "-fuse-ld=lld"];
        let (recorded, stacks) = split(dir.path(), &args, "dwarf,8192", &[]);
        let symbols = entries(&recorded, "mapped_process_module_symbols", "split");
        let unwind = entries(&recorded, "mapped_process_unwind_data_by_pid", "split");
        assert_eq!((symbols.len(), unwind.len()), (1, 1));
        let bias = symbols[0]["load_bias"].as_u64().unwrap();
        // The headers lie at address 0 of the file, a page before the code.
        let code = unwind[0]["avma_range"]["start"].as_u64().unwrap();
        assert_eq!((unwind[0]["base_avma"].as_u64().unwrap(), code - bias), (bias, 0x1000));
        assert!(below(&stacks, "main") < 5.0, "callers of the root are cut");
    }

    #[test]
    fn a_library_with_two_parts_of_code() {
        let dir = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/two_parts.ld");
        let script = format!("-Wl,-T,{}", script.display());
        let args = ["-O1", "-fPIC", "-shared", "-nostdlib", &script];
        let library = compile(dir.path(), "two_parts.c", "libtwo.so", &args);
        let run_path = format!("-Wl,-rpath,{}", dir.path().display());
        let linked = [library.to_str().unwrap(), &run_path];
        // Libraries come after what needs them.
        let args = ["-O1", "-Wl,--no-as-needed", linked[0], linked[1]];
        let program = compile(dir.path(), "two_parts_main.c", "two", &args);
        let more = ["--freq=4999"];
        let recorded = Recorded::new("dwarf,8192", &more, &mut Command::new(program));
        recorded.write(&[], JitUnwindForm::Correct);
        let unwind = entries(&recorded, "mapped_process_unwind_data_by_pid", "libtwo.so");
        assert_eq!(unwind.len(), 2, "{unwind:?}");
        assert_eq!(unwind[0]["base_avma"], unwind[1]["base_avma"]);
        assert_eq!(entries(&recorded, "mapped_process_module_symbols", "libtwo.so").len(), 1);
        let stacks = recorded.stacks();
        let shares = shares(&stacks);
        assert!((shares["first_part"] - shares["second_part"]).abs() < 10.0, "{shares:?}");
        assert!(below(&stacks, "main") > 80.0, "{shares:?}");
    }

    /// A program that spends half of its time in a handler of a signal.
    fn alarm(args: &[&str], call_graph: &str) -> RunStacks {
        let dir = TempDir::new().unwrap();
        let path = compile(dir.path(), "alarm.c", "alarm", args);
        let recorded = Recorded::new(call_graph, &["--freq=4999"], &mut Command::new(path));
        recorded.write(&[], JitUnwindForm::Correct);
        recorded.stacks()
    }

    #[test]
    fn stacks_go_on_below_the_handler_of_a_signal() {
        const NO_INFORMATION: &[&str] = &[
            "-O2",
            "-fno-omit-frame-pointer",
            "-fno-asynchronous-unwind-tables",
            "-fno-unwind-tables",
        ];
        for args in [&["-O2"][..], &["-O2", "-static"], NO_INFORMATION] {
            let stacks = alarm(args, "dwarf,8192");
            let benchmark = &stacks.benchmarks[0];
            assert!(benchmark.truncated * 50 <= benchmark.samples, "{args:?} {benchmark:?}");
            assert!(
                below(&stacks, "on_alarm") > 20.0,
                "{args:?} {} {:?}",
                below(&stacks, "on_alarm"),
                shares(&stacks)
            );
            // The beginning of a process, outside of `main`, takes a share that differs from run to run.
            let shares = shares(&stacks);
            assert!(shares["burn"] > 80.0, "{args:?} {shares:?}");
            assert!(below(&stacks, "main") > shares["burn"] * 0.98, "{args:?} {shares:?}");
            // Its symbol begins where the handler returns to.
            let names = stacks.frames.iter().map(|frame| &*frame.name);
            let known = names.clone().any(|name| name.contains("restore_rt"));
            assert!(known || !args.contains(&"-static"), "{:?}", names.collect::<Vec<_>>());
        }
    }

    #[test]
    fn frame_pointers_that_are_not_there_are_noticed() {
        let stacks = alarm(&["-O2", "-fomit-frame-pointer"], "fp");
        let benchmark = &stacks.benchmarks[0];
        let without = benchmark.without_frame_pointers;
        assert!(without * 10 > benchmark.samples * 9, "{benchmark:?}");
        assert_eq!(benchmark.truncated, without);
        let stacks = alarm(&["-O0", "-fno-omit-frame-pointer"], "fp");
        let benchmark = &stacks.benchmarks[0];
        // A signal may come while a function makes its frame.
        assert!(benchmark.truncated * 20 < benchmark.samples, "{benchmark:?}");
    }

    #[test]
    fn a_copy_that_is_too_small_is_noticed() {
        let dir = TempDir::new().unwrap();
        let path = compile(dir.path(), "split.c", "split", &["-O2"]);
        let recorded = Recorded::new("dwarf,16", &["--freq=4999"], &mut Command::new(path));
        recorded.write(&[], JitUnwindForm::Correct);
        let stacks = recorded.stacks();
        let benchmark = &stacks.benchmarks[0];
        assert!(benchmark.beyond_copy * 10 > benchmark.samples * 8, "{benchmark:?}");
    }

    #[test]
    fn a_module_that_only_a_snapshot_knows() {
        let dir = TempDir::new().unwrap();
        let (recorded, _) = split(dir.path(), &["-O1"], "dwarf,8192", &[]);
        let file = File::open(dir.path().join("split")).unwrap();
        let path = "/somewhere/else/plugin.so".to_owned();
        let (device, inode) = ((1, 2), 3);
        let (start, end, offset) = (0x7700_0000_1000, 0x7700_0000_2000, 0x1000);
        let mapping = Mapping { start, end, offset, device, inode, path: path.clone() };
        let files = vec![PinnedFile { device, inode, path, file }];
        let time = runner_shared::clock::now().0;
        let snapshot = Snapshot { pid: 4_000_000, time, mappings: vec![mapping], files };
        recorded.write(&[snapshot], JitUnwindForm::Correct);
        let symbols = entries(&recorded, "mapped_process_module_symbols", "plugin.so");
        // The very file that is mapped elsewhere under its own name: one module.
        assert!(symbols.is_empty());
        let metadata = recorded.metadata();
        let own = &metadata["mapped_process_module_symbols"]["4000000"][0];
        assert_eq!(own["load_bias"].as_u64(), Some(0x7700_0000_0000));
    }
}

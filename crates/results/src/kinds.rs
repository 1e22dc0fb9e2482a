//! Kinds of functions on a stack: a program's own ones, and those that only carry it. Data, looked up by name and object.

/// The part that a function plays on a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// The program itself and its libraries.
    #[default]
    Program,
    /// The kernel.
    Kernel,
    /// An interpreter or a virtual machine: it runs functions of the program, which have names of their own.
    Interpreter,
    /// The tools that measure: ours and the integrations.
    Harness,
    /// The C library and the runtime of a language on their way to `main` and to the start of a thread.
    Startup,
}

impl FrameKind {
    /// Every kind, the program's own first.
    pub const ALL: [Self; 5] =
        [Self::Program, Self::Kernel, Self::Interpreter, Self::Harness, Self::Startup];

    /// Returns its name in files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Kernel => "kernel",
            Self::Interpreter => "interpreter",
            Self::Harness => "harness",
            Self::Startup => "startup",
        }
    }
}

/// A sign by which a kind is known.
enum Sign {
    /// The whole name of the function.
    Named(&'static str),
    /// The beginning of its name.
    Starts(&'static str),
    /// A part of its name: names of generated code hold the path of the source.
    Holds(&'static str),
    /// The beginning of the name of generated code.
    Generated(&'static str),
    /// The file name of the program or library, up to a version and suffixes: `python3.12`, `libnode.so.115`.
    File(&'static str),
    /// The whole object, for what is no file.
    Object(&'static str),
}

use FrameKind::{Harness, Interpreter, Kernel, Startup};
use Sign::{File, Generated, Holds, Named, Object, Starts};

/// Every sign, the stronger ones first.
const SIGNS: &[(Sign, FrameKind)] = &[
    // The function below which measured code runs, of all integrations.
    (Holds("__codspeed_root_frame__"), Harness),
    (File("exec-harness"), Harness),
    (File("codspeed"), Harness),
    (File("codspeed-memtrack"), Harness),
    (File("libcodspeed_preload"), Harness),
    (File("libcodspeed_memtrack"), Harness),
    (Starts("instrument_hooks_"), Harness),
    (Starts("instruments_hooks_"), Harness),
    (Holds("/pytest_codspeed/"), Harness),
    (Holds("/_pytest/"), Harness),
    (Holds("/pluggy/"), Harness),
    (Holds("/@codspeed/"), Harness),
    (Starts("codspeed::"), Harness),
    (Starts("codspeed_"), Harness),
    (Starts("criterion::"), Harness),
    (Starts("divan::"), Harness),
    (Starts("testing.(*B)."), Harness),
    (Object("[kernel]"), Kernel),
    (Object("[kernel.kallsyms]"), Kernel),
    (Object("[guest.kernel.kallsyms]"), Kernel),
    // Also in the file of an interpreter.
    (Named("_start"), Startup),
    (Named("__libc_start_main"), Startup),
    (Named("__libc_start_main_impl"), Startup),
    (Named("__libc_start_call_main"), Startup),
    (Named("__libc_csu_init"), Startup),
    (Named("libc_start_main_stage2"), Startup),
    (Named("_start_c"), Startup),
    (Named("_dl_start_user"), Startup),
    (Named("_dl_start"), Startup),
    (Named("clone"), Startup),
    (Named("clone3"), Startup),
    (Named("__clone"), Startup),
    (Named("__clone3"), Startup),
    (Named("__clone3_internal"), Startup),
    (Named("start_thread"), Startup),
    (Named("thread_start"), Startup),
    (Named("execute_native_thread_routine"), Startup),
    (Named("runtime.main"), Startup),
    (Named("runtime.goexit"), Startup),
    (Named("runtime.goexit.abi0"), Startup),
    (Starts("std::rt::lang_start"), Startup),
    (Starts("std::sys::backtrace::__rust_begin_short_backtrace"), Startup),
    (Starts("std::sys_common::backtrace::__rust_begin_short_backtrace"), Startup),
    (Starts("std::thread::Builder::spawn_unchecked"), Startup),
    (Starts("std::thread::lifecycle::spawn_unchecked"), Startup),
    (Starts("std::sys::pal::unix::thread::Thread::new::thread_start"), Startup),
    (Starts("std::sys::thread::unix::Thread::new::thread_start"), Startup),
    // Code that V8 brings along or generates without a function of a script.
    (Generated("Builtin:"), Interpreter),
    (Generated("BytecodeHandler:"), Interpreter),
    (Generated("Handler:"), Interpreter),
    (Generated("Stub:"), Interpreter),
    (Generated("RegExp:"), Interpreter),
    // The Java machine's own pieces among generated code.
    (Generated("Interpreter"), Interpreter),
    (Generated("call_stub"), Interpreter),
    (Generated("StubRoutines::"), Interpreter),
    (File("python"), Interpreter),
    (File("libpython"), Interpreter),
    (File("pypy"), Interpreter),
    (File("libpypy"), Interpreter),
    (File("node"), Interpreter),
    (File("nodejs"), Interpreter),
    (File("libnode"), Interpreter),
    (File("libv8"), Interpreter),
    (File("bun"), Interpreter),
    (File("deno"), Interpreter),
    (File("libjvm"), Interpreter),
    (File("libjli"), Interpreter),
    (File("java"), Interpreter),
    (File("ruby"), Interpreter),
    (File("libruby"), Interpreter),
    (File("perl"), Interpreter),
    (File("libperl"), Interpreter),
    (File("php"), Interpreter),
    (File("lua"), Interpreter),
    (File("liblua"), Interpreter),
    (File("luajit"), Interpreter),
];

/// Beginnings of names of functions that only hand an allocation on to the allocator.
const HANDS_ON: &[&str] = &[
    "operator new",
    "__rust_alloc",
    "__rust_realloc",
    "__rdl_",
    "__rg_",
    "alloc::alloc::",
    "<alloc::alloc::Global",
    "alloc::raw_vec::",
];

/// Returns true if a function that allocates does so for its caller, which a reader looks for.
pub(crate) fn hands_on_allocations(name: &str) -> bool {
    HANDS_ON.iter().any(|start| name.starts_with(start))
}

/// Object of code that a process generated.
pub(crate) const GENERATED: &str = "[jit]";

/// Returns the part that a function of this name plays, in this program or library (a path, or a name in brackets;
/// empty if unknown). Names are those of symbols or of generated code: `py::sort:/home/me/sort.py`.
pub fn kind(name: &str, object: &str) -> FrameKind {
    let file = object.rsplit('/').next().unwrap_or(object);
    let fits = |sign: &Sign| match sign {
        Named(whole) => without_version(name) == *whole,
        Starts(start) => name.starts_with(start),
        Holds(part) => name.contains(part),
        Generated(start) => object == GENERATED && name.starts_with(start),
        File(stem) => !object.starts_with('[') && is_file_of(file, stem),
        Object(whole) => object == *whole,
    };
    SIGNS.iter().find(|(sign, _)| fits(sign)).map(|(_, kind)| *kind).unwrap_or_default()
}

/// Returns true if a function is one of a script: generated code with a name, which an interpreter has told profilers.
pub fn is_of_script(name: &str, object: &str) -> bool {
    object == GENERATED && !name.starts_with('[') && kind(name, object) == FrameKind::Program
}

/// The name of a symbol without its version: `clone@@GLIBC_2.2.5` is `clone`.
fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// Returns true if a file has this name, up to numbers and suffixes. `python3.11` is `python`, `libnode.so.115` is
/// `libnode`; `python-helper` and `nodes` are others.
pub(crate) fn is_file_of(file: &str, stem: &str) -> bool {
    let Some(rest) = file.strip_prefix(stem) else { return false };
    let length = rest.len();
    let rest = rest.trim_start_matches(|letter: char| {
        letter.is_ascii_digit() || letter == '.' || letter == '-'
    });
    let has_version = rest.len() < length;
    // After a version: the letter of a build of Python (`3.13t`, `3.9d`), `so`, and versions of that.
    let rest = rest.strip_prefix(['t', 'd', 'm']).filter(|_| has_version).unwrap_or(rest);
    let is_number = |part: &str| part.chars().all(|letter| letter.is_ascii_digit());
    rest.is_empty()
        || rest.split('.').all(|part| part.is_empty() || part == "so" || is_number(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_known_by_their_files() {
        for object in [
            "/usr/bin/python3.11",
            "/usr/bin/python3",
            "/opt/lib/libpython3.13t.so.1.0",
            "/usr/lib/libnode.so.115",
            "/usr/bin/node",
            "/usr/lib/jvm/lib/server/libjvm.so",
            "/usr/bin/ruby3.1",
            "/usr/lib/libruby-3.1.so.3.1",
            "/usr/bin/perl",
            "/usr/lib/libperl.so.5.36",
        ] {
            assert_eq!(kind("anything", object), Interpreter, "{object}");
        }
        for object in [
            "/usr/lib/python3/dist-packages/numpy/_core.cpython-311-x86_64-linux-gnu.so",
            "/home/me/python-helper",
            "/home/me/nodes",
            "/home/me/target/release/rubyish",
            "/usr/lib/libc.so.6",
            "",
            "[jit]",
        ] {
            assert_eq!(kind("anything", object), FrameKind::Program, "{object}");
        }
    }

    #[test]
    fn code_of_scripts_is_the_programs_own() {
        for name in ["py::sort:/home/me/sort.py", "JS:*sort file:///home/me/sort.js:1:5"] {
            assert_eq!(kind(name, "[jit]"), FrameKind::Program, "{name}");
            assert!(is_of_script(name, "[jit]"), "{name}");
        }
        for name in ["Builtin:ArrayMap", "BytecodeHandler:Add", "Interpreter"] {
            assert_eq!(kind(name, "[jit]"), Interpreter, "{name}");
            assert!(!is_of_script(name, "[jit]"), "{name}");
        }
        // Names of C++ that look alike.
        assert_eq!(kind("Handler::handle()", "/home/me/m"), FrameKind::Program);
        assert!(!is_of_script("main", "/home/me/main") && !is_of_script("[unknown]", "[jit]"));
    }

    #[test]
    fn what_measures_is_told_from_what_is_measured() {
        for (name, object) in [
            ("main", "/usr/bin/exec-harness"),
            ("m::__codspeed_root_frame__bench", "/home/me/m"),
            ("py::wrapped:/venv/site-packages/pytest_codspeed/plugin.py", "[jit]"),
            ("codspeed_divan_compat_walltime::divan::run", "/home/me/m"),
            ("instrument_hooks_start_benchmark", "/home/me/m"),
        ] {
            assert_eq!(kind(name, object), Harness, "{name}");
        }
        assert_eq!(kind("m::codspeed", "/home/me/m"), FrameKind::Program);
        assert_eq!(kind("main", "/home/me/exec-harness-tests/m"), FrameKind::Program);
    }

    #[test]
    fn the_kernel_and_the_way_to_main() {
        assert_eq!(kind("[kernel]", "[kernel]"), Kernel);
        assert_eq!(kind("do_syscall_64", "[kernel.kallsyms]"), Kernel);
        for name in ["_start", "__libc_start_main@@GLIBC_2.34", "clone3", "std::rt::lang_start"] {
            assert_eq!(kind(name, "/lib/libc.so.6"), Startup, "{name}");
        }
        assert_eq!(kind("main", "/home/me/m"), FrameKind::Program);
        assert_eq!(kind("start_threads", "/home/me/m"), FrameKind::Program);
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let ids: std::collections::BTreeSet<_> = FrameKind::ALL.map(FrameKind::id).into();
        assert_eq!(ids.len(), FrameKind::ALL.len());
    }
}

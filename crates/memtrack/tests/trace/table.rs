//! Every function of the table counts once, in each back end: of the libraries of the distribution, and of libraries that
//! stand in for those that aren't there, whose functions hand on to the C library.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use allocators::{ALLOCATORS, Call, Class, DEFINED_BY_PRELOAD, Parts, Symbol};
use object::{Object, ObjectSymbol};

use crate::{
    allocators::place,
    programs::Programs,
    support::{Track, Way},
};

/// Blocks that are resized or released have this size, and so are alignments.
const SMALL: u32 = 64;
/// The size that is asked for otherwise.
const LARGE: u32 = 192;
/// The size of a resized block.
const RESIZED: u32 = 320;

/// Calls of functions, and the events that must come of them.
#[derive(Debug, Default)]
struct Script {
    declared: BTreeSet<String>,
    body: String,
    events: Vec<String>,
}

impl Script {
    fn new(symbols: &[Symbol]) -> Self {
        let first = |wanted| {
            let found = symbols.iter().find(|symbol| symbol.function.call == wanted);
            found.map(|symbol| symbol.name.clone()).unwrap()
        };
        let allocate = first(Call::Malloc { size: 0 });
        let release = first(Call::Free { block: 0 });
        let mut script = Self::default();
        script.declared.extend([allocate.clone(), release.clone()]);
        for symbol in symbols {
            script.declared.insert(symbol.name.clone());
            script.add(symbol, &allocate, &release);
        }
        script
    }

    fn add(&mut self, symbol: &Symbol, allocate: &str, release: &str) {
        let Parts { class, block, .. } = symbol.function.call.parts();
        let size = if class == Class::Realloc { RESIZED } else { LARGE };
        let call = format!("our_{}({})", symbol.name, arguments(symbol, size));
        let old = format!("    block = our_{allocate}({SMALL});\n");
        let freed = format!("    our_{release}(block);\n");
        let (code, events) = match class {
            Class::Free => (format!("{old}    {call};\n"), vec![line("Malloc", SMALL)]),
            Class::Realloc => (
                format!("{old}    block = {call};\n{freed}"),
                vec![line("Malloc", SMALL), line("Realloc", RESIZED)],
            ),
            Class::Out => {
                assert_eq!(block, 0, "{symbol:?}");
                (
                    format!("    if ((int){call} != 0) return 2;\n{freed}"),
                    vec![line("AlignedAlloc", LARGE)],
                )
            }
            Class::Malloc | Class::Text => {
                (format!("    block = {call};\n{freed}"), vec![line("Malloc", LARGE)])
            }
            Class::Calloc => (format!("    block = {call};\n{freed}"), vec![line("Calloc", LARGE)]),
            Class::Aligned => {
                (format!("    block = {call};\n{freed}"), vec![line("AlignedAlloc", LARGE)])
            }
        };
        self.body.push_str(&code);
        self.events.extend(events);
        self.events.push("Free".to_owned());
    }

    fn program(&self) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/mark.h");
        let mut text = format!("#include <stdint.h>\n#include \"{}\"\n", folder.display());
        text.push_str("extern uintptr_t mi_heap_get_default() __attribute__((weak));\n");
        for name in &self.declared {
            // Some are known to the compiler with other types.
            let _ = writeln!(text, "extern uintptr_t our_{name}() __asm__(\"{name}\");");
        }
        text.push_str(
            "static char text[192];\nstatic volatile uintptr_t block;\nint main(void)\n{\n",
        );
        text.push_str("    for (int at = 0; at < 191; at++) text[at] = 'a';\n");
        text.push_str("    uintptr_t heap = mi_heap_get_default ? mi_heap_get_default() : 0;\n");
        text.push_str("    mark(MARK_BEGIN);\n");
        text.push_str(&self.body);
        text.push_str("    mark(MARK_END);\n    return heap == 1;\n}\n");
        text
    }
}

fn line(kind: &str, size: u32) -> String {
    format!("{kind} {size}")
}

fn is_of_a_heap(symbol: &Symbol) -> bool {
    symbol.name.contains("heap_")
}

/// All six arguments: those that the table names, the heap, alignments for the rest, and the offset of an alignment.
fn arguments(symbol: &Symbol, size: u32) -> String {
    let Parts { class, block, size: size_at, factor } = symbol.function.call.parts();
    let mut words = vec![format!("(uintptr_t){SMALL}"); 6];
    "(uintptr_t)0".clone_into(&mut words[5]);
    if is_of_a_heap(symbol) {
        "heap".clone_into(&mut words[0]);
    }
    match class {
        Class::Text => {
            let at = usize::from(is_of_a_heap(symbol));
            "(uintptr_t)text".clone_into(&mut words[at]);
            words[at + 1] = format!("(uintptr_t){LARGE}");
            return words.join(", ");
        }
        Class::Free => {
            "block".clone_into(&mut words[usize::from(block)]);
            return words.join(", ");
        }
        Class::Realloc => "block".clone_into(&mut words[usize::from(block)]),
        Class::Out => "(uintptr_t)&block".clone_into(&mut words[usize::from(block)]),
        Class::Malloc | Class::Calloc | Class::Aligned => {}
    }
    let size = factor.map_or(size, |at| {
        words[usize::from(at)] = format!("(uintptr_t){}", size / SMALL);
        SMALL
    });
    words[usize::from(size_at)] = format!("(uintptr_t){size}");
    words.join(", ")
}

/// A library whose functions of these names hand on to the C library; blocks are never released.
fn stand_in(symbols: &[Symbol]) -> String {
    let mut text = String::from(
        "#include <malloc.h>\n#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\nstatic volatile uintptr_t kept;\n",
    );
    for symbol in symbols {
        let Parts { class, block, size, factor } = symbol.function.call.parts();
        let size =
            factor.map_or_else(|| format!("in[{size}]"), |at| format!("in[{size}] * in[{at}]"));
        let text_at = usize::from(is_of_a_heap(symbol));
        let value = match class {
            Class::Malloc => format!("malloc({size})"),
            Class::Calloc => format!("calloc(1, {size})"),
            Class::Aligned => format!("memalign(64, {size})"),
            Class::Realloc => format!("realloc((void *)in[{block}], {size})"),
            Class::Out => format!("posix_memalign((void **)in[{block}], 64, {size})"),
            Class::Text => format!("strdup((const char *)in[{text_at}])"),
            Class::Free => format!("in[{block}]"),
        };
        let name = &symbol.name;
        let _ = writeln!(
            text,
            "uintptr_t our_{name}(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e) __asm__(\"{name}\");\n\
             uintptr_t our_{name}(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)\n\
             {{\n    uintptr_t in[] = {{a, b, c, d, e}};\n    kept = (uintptr_t){value};\n    return kept;\n}}",
        );
    }
    text
}

/// The functions of an allocator that programs can call by name.
fn callable(name: &str) -> Vec<Symbol> {
    let allocator = ALLOCATORS.iter().find(|allocator| allocator.name == name).unwrap();
    allocator.symbols().filter(|symbol| !symbol.internal).collect()
}

fn compile(programs: &Programs, name: &str, text: &str, flags: &[&str]) -> PathBuf {
    let source = programs.path().join(name).with_extension("c");
    fs::write(&source, text).unwrap();
    let made = programs.path().join(name);
    let mut command = Command::new("cc");
    let status =
        command.args(["-O1", "-fno-builtin", "-w", "-o"]).args([&made, &source]).args(flags);
    assert!(status.status().unwrap().success(), "{text}");
    made
}

#[track_caller]
fn check(way: Way, allocator: &str, script: &Script, program: &Path) {
    let traced = Track::by(way).run(&[program]).succeeded();
    let story = traced.story();
    let shown = |story: &[String]| story.join("\n");
    assert_eq!(shown(&story), shown(&script.events), "{allocator}\n{}", script.body);
}

pub fn functions_of_real_libraries_count_once(way: Way) {
    for (name, library) in [
        ("jemalloc", "libjemalloc.so.2"),
        ("mimalloc", "libmimalloc.so.2.0"),
        ("tcmalloc", "libtcmalloc_minimal.so.4"),
    ] {
        let bytes = fs::read(place(library)).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let defined: BTreeSet<&str> = file
            .dynamic_symbols()
            .filter(ObjectSymbol::is_definition)
            .map(|symbol| symbol.name().unwrap())
            .collect();
        let mut symbols = callable(name);
        symbols.retain(|symbol| defined.contains(symbol.name.as_str()));
        assert!(symbols.len() >= 20, "{name}: {symbols:?}");
        let script = Script::new(&symbols);
        let programs = Programs::new();
        let link = format!("-l:{library}");
        let flags = ["-Wl,--no-as-needed", &link];
        let program = compile(&programs, "real", &script.program(), &flags);
        check(way, name, &script, &program);
    }
}

pub fn functions_of_stand_ins_count_once(way: Way) {
    for allocator in ALLOCATORS.iter().filter(|allocator| allocator.library.is_some()) {
        let name = allocator.name;
        let mut symbols = callable(name);
        // The C library has these, and the operators belong to whoever has `malloc`.
        symbols.retain(|symbol| {
            !DEFINED_BY_PRELOAD.contains(&symbol.name.as_str()) && !symbol.name.starts_with("_Z")
        });
        let script = Script::new(&symbols);
        let programs = Programs::new();
        let flags = ["-shared", "-fPIC"];
        let library = compile(&programs, "stand_in.so", &stand_in(&symbols), &flags);
        let flags = [library.to_str().unwrap()];
        let program = compile(&programs, "calls", &script.program(), &flags);
        check(way, name, &script, &program);
    }
}

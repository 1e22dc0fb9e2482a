//! Says which ways of tracing work here, by trying each on a program whose calls are known.

use std::fmt::Write;

use crate::backend::{
    Wanted,
    ebpf::{self, ATTACH_METHODS},
    preload::{Options, Preload},
};

/// One line for each way.
pub(crate) fn report(wanted: Wanted, temp: &std::path::Path) -> String {
    let mut text = String::new();
    let mut best = None;
    for method in ATTACH_METHODS {
        let line = match ebpf::try_method(*method, wanted) {
            Ok(()) => {
                best.get_or_insert(method.name());
                "works, exact in a self-test".to_owned()
            }
            Err(err) => format!("{err} (needs Linux {})", method.since()),
        };
        let _ = writeln!(text, "ebpf, {:<18} {line}", method.name());
    }
    let line = match Preload::start(temp, &Options::default()) {
        Ok(_) => "works; can't see static and set-user-ID programs".to_owned(),
        Err(err) => err.to_string(),
    };
    let _ = writeln!(text, "preload, {:<15} {line}", "library");
    let chosen = best.map_or_else(|| "preload".to_owned(), |method| format!("ebpf, {method}"));
    let _ = writeln!(text, "chosen by `auto`: {chosen}");
    if best.is_none() {
        text.push_str(ebpf::HOW_TO_PERMIT);
        text.push('\n');
    }
    text
}

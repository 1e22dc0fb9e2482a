//! The message about a bug in the program itself.

use std::{
    io::{self, Write},
    panic::{self, PanicHookInfo},
};

/// From now on a panic says what is needed to report it.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|info| {
        // There is no better place for it.
        drop(io::stderr().lock().write_all(text(info).as_bytes()));
    }));
}

fn text(info: &PanicHookInfo<'_>) -> String {
    let what = info.payload_as_str().unwrap_or("unknown cause");
    let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
    explained(what, &place.unwrap_or_default())
}

fn explained(what: &str, place: &str) -> String {
    let (version, system, processor) =
        (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    format!(
        "\nerror: this is a bug in codspeed {version} on {system}, {processor}: {what}{place}\n\
         hint: report it with these lines and the command; the results so far are in the run's profile folder\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_the_version_and_the_place() {
        let text = explained("index out of bounds", " (src/x.rs:7)");
        assert!(text.contains(concat!("codspeed ", env!("CARGO_PKG_VERSION"), " on linux")));
        assert!(text.contains(": index out of bounds (src/x.rs:7)\nhint: "), "{text}");
    }
}

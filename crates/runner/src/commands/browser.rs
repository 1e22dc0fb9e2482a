//! Pages that are opened in the user's browser.

use super::Context;
use crate::{process, tools};

/// Programs that open an address or a file; the first that is there does it.
const OPENERS: &[&str] = &["xdg-open", "wslview", "open"];

/// Opens an address or a file. Its name is on the screen as well: whoever has no browser copies it.
pub(super) fn open(target: &str, context: &Context) {
    let opener = OPENERS.iter().find_map(|name| tools::find(name, &context.env));
    if let Some(opener) = opener {
        drop(process::start_and_forget(&opener, &[target], &context.env, &context.signals));
    }
}

//! The frame of the page: its policy, its style and its script, all of which are in it.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{Report, head};

const STYLES: &[&str] = &[include_str!("style.css"), include_str!("chart.css")];

/// In the order in which they use each other.
const SCRIPTS: &[&str] = &[
    include_str!("script/tree.js"),
    include_str!("script/show.js"),
    include_str!("script/canvas.js"),
    include_str!("script/flame.js"),
    include_str!("script/table.js"),
    include_str!("script/main.js"),
];

/// Returns the whole page.
pub(super) fn whole(report: &Report<'_>, body: &Markup) -> String {
    let style = STYLES.concat();
    let script = format!("(() => {{\n\"use strict\";\n{}\n}})();\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        digest(&script),
        digest(&style)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "codspeed " (env!("CARGO_PKG_VERSION")) };
                title { (head::title(report)) }
                link rel="icon" href="data:,";
                style { (PreEscaped(&style)) }
            }
            body {
                a class="skip" href="#content" { "Skip to the content" }
                (body)
                div id="tip" role="tooltip" hidden {}
                script { (PreEscaped(&script)) }
            }
        }
    };
    page.0
}

/// Returns the digest by which a policy allows a script or a style.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_end_nowhere_inside_of_themselves() {
        for text in SCRIPTS.iter().chain(STYLES) {
            assert!(!text.contains("</"), "{text}");
            assert!(!text.contains("<!--"), "{text}");
        }
    }
}

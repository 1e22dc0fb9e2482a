//! Options about the record of a run.

use clap::Args;
use store::{Selector, Wanted};

/// The heading of the help that lists them.
const HEADING: &str = "Record";
/// Characters of a name, a key or a value.
const MOST_CHARACTERS: usize = 200;

/// Options about what is remembered of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct RememberArgs {
    /// Give the record of this run a name, as in `codspeed compare before after`.
    #[arg(help_heading = HEADING, long, value_name = "NAME", value_parser = parse_name, conflicts_with = "no_store")]
    pub save_as: Option<String>,

    /// Label the record of this run, such as `--label machine=quiet` (repeatable).
    #[arg(help_heading = HEADING, long, value_name = "KEY=VALUE", value_parser = parse_label, conflicts_with = "no_store")]
    pub label: Vec<(String, String)>,

    /// Keep no record of this run.
    #[arg(help_heading = HEADING, long)]
    pub no_store: bool,
}

/// Reads a name. One that begins like an option or a path could not be told from these later.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    let name = checked(text)?;
    if name.starts_with(['-', '.', '/', '@']) || name.contains(['/', '\\']) {
        return Err("a name must not look like a path or an option".to_owned());
    }
    match Selector::parse(&name) {
        Selector::Stored(Wanted::Word(_)) => Ok(name),
        Selector::Stored(_) | Selector::Path(_) => {
            Err("`last`, `KEY=VALUE` and names of files mean other runs".to_owned())
        }
    }
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected `KEY=VALUE`")?;
    Ok((checked(key)?, checked(value)?))
}

/// Returns the text if it is short, on one line and not blank.
fn checked(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is blank".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it has control characters".to_owned());
    }
    if text.chars().count() > MOST_CHARACTERS {
        return Err(format!("it is longer than {MOST_CHARACTERS} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_short_and_on_one_line() {
        assert_eq!(parse_name(" before ").unwrap(), "before");
        let long = "x".repeat(201);
        for odd in ["", " ", "-x", "a/b", "../a", "a\nb", &long, "last", "last~2", "k=v", "a.json"]
        {
            assert!(parse_name(odd).is_err(), "{odd:?}");
        }
        let pair = ("machine".to_owned(), "a=b".to_owned());
        assert_eq!(parse_label("machine=a=b").unwrap(), pair);
        for odd in ["machine", "=x", "x=", "x=a\u{1b}"] {
            assert!(parse_label(odd).is_err(), "{odd:?}");
        }
    }
}

//! Reads the paths out of a Rust file: those that its `use` items import, and those in its code.

/// A path as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
    /// The name that a `use` item gives it; none for a path in code.
    pub(super) import: Option<String>,
}

/// A line and a word, `::`, or one other character.
type Token<'a> = (usize, &'a str);

/// Returns all paths of two or more segments, and all imports, in a text without comments and strings.
pub(super) fn read(code: &str) -> Vec<Named> {
    let tokens = tokens(code);
    let mut named = Vec::new();
    let mut rest = tokens.as_slice();
    let mut before = "";
    while let [(_, token), after @ ..] = rest {
        rest = if *token == "use" {
            import(after, &[], &mut named)
        } else if is_word(token) && !["::", "$", "."].contains(&before) {
            path(rest, &mut named)
        } else {
            after
        };
        before = token;
    }
    named
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            _ if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            _ if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(len);
        if !first.is_whitespace() {
            tokens.push((line, token));
        }
        line += usize::from(first == '\n');
        rest = after;
    }
    tokens
}

/// Reads a path in code and returns what follows it.
fn path<'t, 'a>(mut rest: &'t [Token<'a>], named: &mut Vec<Named>) -> &'t [Token<'a>] {
    let Some((line, first)) = rest.first() else { return rest };
    let mut segments = vec![(*first).to_owned()];
    rest = rest.get(1..).unwrap_or_default();
    while let [(_, "::"), (_, word), after @ ..] = rest
        && is_word(word)
    {
        segments.push((*word).to_owned());
        rest = after;
    }
    if segments.len() > 1 {
        named.push(Named { line: *line, segments, import: None });
    }
    rest
}

/// Reads one tree of a `use` item and returns what follows it.
fn import<'t, 'a>(
    mut rest: &'t [Token<'a>],
    prefix: &[String],
    named: &mut Vec<Named>,
) -> &'t [Token<'a>] {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    let mut name = None;
    loop {
        rest = match rest {
            [(_, "::"), after @ ..] => after,
            [(_, "{"), after @ ..] => return group(after, &segments, named),
            [(_, "as"), (_, word), after @ ..] => {
                name = Some((*word).to_owned());
                after
            }
            [(at, word), after @ ..] if is_word(word) => {
                line = *at;
                segments.push((*word).to_owned());
                after
            }
            _ => break,
        };
    }
    if segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    if let Some(last) = segments.last().cloned().filter(|_| line > 0) {
        named.push(Named { line, segments, import: Some(name.unwrap_or(last)) });
    }
    rest
}

/// Reads the trees between braces and returns what follows the closing one.
fn group<'t, 'a>(
    mut rest: &'t [Token<'a>],
    prefix: &[String],
    named: &mut Vec<Named>,
) -> &'t [Token<'a>] {
    loop {
        rest = match rest {
            [] => return rest,
            [(_, "}"), after @ ..] => return after,
            [(_, "," | "*"), after @ ..] => after,
            _ => {
                let after = import(rest, prefix, named);
                // Text that is no `use` item must not stop us for ever.
                if after.len() < rest.len() { after } else { rest.get(1..).unwrap_or_default() }
            }
        };
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(is_part)
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(code: &str, expected: &[&str]) {
        let shown = |named: &Named| {
            let import = named.import.as_ref().map(|name| format!(" as {name}"));
            format!("{}: {}{}", named.line, named.segments.join("::"), import.unwrap_or_default())
        };
        assert_eq!(read(code).iter().map(shown).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn imports_are_taken_apart() {
        reads("use crate::a::B;", &["1: crate::a::B as B"]);
        reads(
            "pub(crate) use crate::{a::{self, B as C},\n d};",
            &["1: crate::a as a", "1: crate::a::B as C", "2: crate::d as d"],
        );
        reads("use super::a::*; use ::e;", &["1: super::a as a", "1: e as e"]);
    }

    #[test]
    fn paths_in_code_are_found() {
        reads(
            "fn a(b: super::C<d::E>) {\n f::g::<h::I>()\n}",
            &["1: super::C", "1: d::E", "2: f::g", "2: h::I"],
        );
    }

    #[test]
    fn fields_and_roots_of_macros_are_no_paths() {
        reads("a.b::<C>(); ::d::e(); $crate::f::g();", &[]);
    }

    #[test]
    fn an_item_that_is_cut_off_ends() {
        reads("use crate::{a, = {", &["1: crate::a as a"]);
    }
}

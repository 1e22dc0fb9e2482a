//! Tells code, comments, strings and tests of a Rust file apart, as far as the house rules need it. Parses no syntax.

use std::ops::RangeInclusive;

/// A Rust file, taken to pieces. Lines count from 1.
#[derive(Debug)]
pub(crate) struct RustText {
    /// The text with comments blanked and the contents of strings replaced by quotes; line breaks stay.
    pub(crate) code: String,
    /// String literals without their quotes.
    pub(crate) strings: Vec<Piece>,
    /// Comments, one per line or block.
    pub(crate) comments: Vec<Piece>,
    tests: Vec<RangeInclusive<usize>>,
}

/// A part of the text and the line where it starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl RustText {
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self {
            code: String::new(),
            strings: Vec::new(),
            comments: Vec::new(),
            tests: Vec::new(),
        };
        let mut rest = text;
        let mut line = 1;
        let mut in_word = false;
        while let Some(first) = rest.chars().next() {
            let token = Token::at(rest, in_word);
            let (piece, after) = rest.split_at(token.len(first));
            match token {
                Token::Comment(_) => {
                    read.comments.push(Piece { line, text: piece.to_owned() });
                    read.mask(piece, ' ');
                }
                Token::Text { start, end, .. } => {
                    let content = piece.get(start..end).unwrap_or_default();
                    read.strings.push(Piece { line, text: content.to_owned() });
                    read.mask(piece, '"');
                }
                Token::Char(_) => read.mask(piece, '\''),
                Token::Code => read.code.push(first),
            }
            in_word = first.is_alphanumeric() || first == '_';
            line += piece.matches('\n').count();
            rest = after;
        }
        read.tests = test_items(&read.code);
        read
    }

    /// Returns whether a line belongs to an item under `#[cfg(test)]`.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&line))
    }

    /// The lines of code that are not tests, with their numbers.
    pub(crate) fn production_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..)
            .zip(self.code.lines())
            .filter(|(line, text)| !text.trim().is_empty() && !self.is_test(*line))
    }

    fn mask(&mut self, piece: &str, with: char) {
        self.code.extend(piece.chars().map(|c| if c == '\n' { c } else { with }));
    }
}

/// The next token of the text; lengths are in bytes.
#[derive(Debug, Clone, Copy)]
enum Token {
    Comment(usize),
    Text { start: usize, end: usize, len: usize },
    Char(usize),
    Code,
}

impl Token {
    fn at(rest: &str, in_word: bool) -> Self {
        if rest.starts_with("//") {
            return Self::Comment(rest.find('\n').unwrap_or(rest.len()));
        }
        if rest.starts_with("/*") {
            return Self::Comment(block_len(rest));
        }
        let string = if in_word { None } else { string(rest) };
        string.or_else(|| char_len(rest).map(Self::Char)).unwrap_or(Self::Code)
    }

    fn len(self, first: char) -> usize {
        match self {
            Self::Comment(len) | Self::Text { len, .. } | Self::Char(len) => len,
            Self::Code => first.len_utf8(),
        }
    }
}

/// The length of a block comment with all those inside it.
fn block_len(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if let Some(c) = tail.chars().next() {
            at += c.len_utf8();
        } else {
            break;
        }
    }
    rest.len()
}

/// A string literal of any kind, if the text starts with one.
fn string(rest: &str) -> Option<Token> {
    let unprefixed = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let (body, hashes) = match unprefixed.strip_prefix('r') {
        Some(raw) => {
            let body = raw.trim_start_matches('#');
            (body, Some(raw.len() - body.len()))
        }
        None => (unprefixed, None),
    };
    let content = body.strip_prefix('"')?;
    let start = rest.len() - content.len();
    let (inner, closing) = match hashes {
        Some(hashes) => {
            let closing = format!("\"{}", "#".repeat(hashes));
            (content.find(&closing).unwrap_or(content.len()), closing.len())
        }
        None => (unescaped(content, '"').unwrap_or(content.len()), 1),
    };
    let end = start + inner;
    Some(Token::Text { start, end, len: (end + closing).min(rest.len()) })
}

/// The length of a character literal; none for a lifetime.
fn char_len(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let inner = if first == '\\' { unescaped(body, '\'')? } else { first.len_utf8() };
    body.get(inner..)?.starts_with('\'').then_some(inner + 2)
}

/// Returns where `end` stands without a backslash before it.
fn unescaped(text: &str, end: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let hit = c == end && !escaped;
        escaped = c == '\\' && !escaped;
        hit.then_some(at)
    })
}

/// The lines of all items under `#[cfg(test)]`.
fn test_items(code: &str) -> Vec<RangeInclusive<usize>> {
    let line_at = |at: usize| code.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let starts =
        ["#[cfg(test)]", "#[cfg(all(test"].into_iter().flat_map(|attr| code.match_indices(attr));
    starts.map(|(at, _)| line_at(at)..=line_at(item_end(code, at))).collect()
}

/// The end of the item that starts at a byte: its closing brace, or a semicolon before any brace.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices().skip_while(|(at, _)| *at < start) {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at,
            '}' => depth -= 1,
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(line: usize, text: &str) -> Piece {
        Piece { line, text: text.to_owned() }
    }

    #[test]
    fn strings_of_all_kinds_are_found() {
        let read = RustText::read(
            "a(\"x\\\"y\");\nb(r#\"p\"q\"#, b\"z\", br\"w\\\", c'\"', '\\'', r#type);",
        );
        assert_eq!(
            read.strings,
            [piece(1, "x\\\"y"), piece(2, "p\"q"), piece(2, "z"), piece(2, "w\\")]
        );
    }

    #[test]
    fn comments_are_blanked_and_strings_are_masked() {
        let read = RustText::read("fn a<'x>() { /* {/*}*/ \n { */ \"{ //\" } // {\n'{'");
        assert_eq!(read.code, "fn a<'x>() {           \n      \"\"\"\"\"\" }     \n'''");
        assert_eq!(read.comments, [piece(1, "/* {/*}*/ \n { */"), piece(2, "// {")]);
    }

    #[test]
    fn items_under_test_end_at_their_brace_or_semicolon() {
        let read = RustText::read(
            "#[cfg(test)]\nmod a;\nfn b() {}\n#[cfg(test)]\nmod c {\n fn d() { \"}\" }\n}\nfn e() {}",
        );
        let tests: Vec<usize> = (1..=8).filter(|line| read.is_test(*line)).collect();
        assert_eq!(tests, [1, 2, 4, 5, 6, 7]);
        let production: Vec<usize> = read.production_lines().map(|(line, _)| line).collect();
        assert_eq!(production, [3, 8]);
    }
}

//! The meaning of one line of the format. Stateless: names and positions may refer to earlier lines.

/// A line, borrowed from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Empty or a comment.
    Nothing,
    /// `key: value`.
    Field(&'a [u8], &'a [u8]),
    /// `fn=name` and the like.
    Name(Place, &'a [u8]),
    /// `calls=count position`: the number of calls.
    Calls(u64),
    /// `jump=` or `jcnd=`: not of interest here.
    Jump,
    /// Position and costs.
    Cost(&'a [u8]),
    /// Anything else.
    Odd,
}

/// The kind of thing that a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `ob`: object of the following functions.
    Object,
    /// `fl`: file of the following functions.
    File,
    /// `fi`, `fe`: file of the following lines, inlined from elsewhere; `jfi`: file of a jump.
    InlineFile,
    /// `fn`: function of the following lines.
    Function,
    /// `cob`: object of the function called next.
    CalledObject,
    /// `cfi`, `cfl`: file of the function called next.
    CalledFile,
    /// `cfn`: the function called next.
    Called,
    /// `cfni`: inlined code begins (a name) or ends (`???`); `jfn`: function of a jump.
    Inlined,
}

impl<'a> Line<'a> {
    /// Never fails: what is unknown is [`Line::Odd`].
    pub(super) fn of(line: &'a [u8]) -> Self {
        match line {
            [b'0'..=b'9' | b'+' | b'-' | b'*', ..] => Self::Cost(line),
            [b'f', b'n', b'=', name @ ..] => Self::Name(Place::Function, name),
            [b'c', b'f', b'n', b'=', name @ ..] => Self::Name(Place::Called, name),
            [b'c', b'a', b'l', b'l', b's', b'=', rest @ ..] => {
                number(rest).map_or(Self::Odd, |(count, _)| Self::Calls(count))
            }
            [b'c', b'f', b'i' | b'l', b'=', name @ ..] => Self::Name(Place::CalledFile, name),
            [b'c', b'o', b'b', b'=', name @ ..] => Self::Name(Place::CalledObject, name),
            [b'f', b'i' | b'e', b'=', name @ ..] | [b'j', b'f', b'i', b'=', name @ ..] => {
                Self::Name(Place::InlineFile, name)
            }
            [b'f', b'l', b'=', name @ ..] => Self::Name(Place::File, name),
            [b'o', b'b', b'=', name @ ..] => Self::Name(Place::Object, name),
            [b'c', b'f', b'n', b'i', b'=', name @ ..] | [b'j', b'f', b'n', b'=', name @ ..] => {
                Self::Name(Place::Inlined, name)
            }
            [b'j', b'u', b'm', b'p', b'=', ..] | [b'j', b'c', b'n', b'd', b'=', ..] => Self::Jump,
            [] | [b'#', ..] => Self::Nothing,
            other => field(other),
        }
    }
}

fn field(line: &[u8]) -> Line<'_> {
    let Some(at) = memchr::memchr(b':', line) else {
        return if line.trim_ascii().is_empty() { Line::Nothing } else { Line::Odd };
    };
    let (key, value) = line.split_at(at);
    let is_word = !key.is_empty() && key.iter().all(u8::is_ascii_lowercase);
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    if is_word { Line::Field(key, value) } else { Line::Odd }
}

/// The number at the start and what follows; `None` if there is none. One that is too large
/// becomes the largest there is.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let start = skip_spaces(text);
    let mut rest = start;
    let mut value: u64 = 0;
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = more;
    }
    match (start.len() - rest.len(), rest) {
        (0, _) => None,
        (1, [b'x' | b'X', hex @ ..]) if value == 0 => hexadecimal(hex),
        // Nineteen digits always fit.
        (1..20, _) => Some((value, rest)),
        (length, _) => Some((large(start.get(..length).unwrap_or_default()), rest)),
    }
}

/// A number of so many digits that it may not fit.
#[cold]
fn large(digits: &[u8]) -> u64 {
    let text = str::from_utf8(digits).unwrap_or_default();
    text.parse().unwrap_or(u64::MAX)
}

/// The costs of a line, behind as many positions as `positions` says; `None` if the positions
/// aren't there. `line` is that of the source, whose position is at the place `at`; it may be told
/// by its distance from the last one.
#[inline]
pub(super) fn costs<'a>(
    text: &'a [u8],
    positions: usize,
    at: Option<usize>,
    line: &mut u64,
) -> Option<&'a [u8]> {
    let mut rest = text;
    for position in 0..positions {
        rest = skip_spaces(rest);
        let (value, more) = match rest {
            [b'*', more @ ..] => (*line, more),
            [b'+', more @ ..] => {
                let (distance, more) = number(more)?;
                (line.saturating_add(distance), more)
            }
            [b'-', more @ ..] => {
                let (distance, more) = number(more)?;
                (line.saturating_sub(distance), more)
            }
            more => number(more)?,
        };
        rest = more;
        if Some(position) == at {
            *line = value;
        }
        if !matches!(rest, [] | [b' ' | b'\t' | b'\r', ..]) {
            return None;
        }
    }
    Some(rest)
}

#[inline]
pub(super) fn skip_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] = text {
        text = rest;
    }
    text
}

fn hexadecimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|letter| letter.is_ascii_hexdigit()).count();
    let (digits, rest) = text.split_at(length);
    let digits = str::from_utf8(digits).ok().filter(|digits| !digits.is_empty())?;
    Some((u64::from_str_radix(digits, 16).unwrap_or(u64::MAX), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(text: &str, expected: Line<'_>) {
        assert_eq!(Line::of(text.as_bytes()), expected, "for {text:?}");
    }

    #[test]
    fn every_kind_of_line_is_known() {
        is("", Line::Nothing);
        is("  ", Line::Nothing);
        is("# callgrind format", Line::Nothing);
        is("events: Ir Dr", Line::Field(b"events", b"Ir Dr"));
        is("desc: a: b", Line::Field(b"desc", b"a: b"));
        is("fn=(3) main", Line::Name(Place::Function, b"(3) main"));
        is("ob=/bin/x", Line::Name(Place::Object, b"/bin/x"));
        is("fl=a.c", Line::Name(Place::File, b"a.c"));
        is("fi=a.h", Line::Name(Place::InlineFile, b"a.h"));
        is("fe=a.c", Line::Name(Place::InlineFile, b"a.c"));
        is("cob=x", Line::Name(Place::CalledObject, b"x"));
        is("cfi=x", Line::Name(Place::CalledFile, b"x"));
        is("cfl=x", Line::Name(Place::CalledFile, b"x"));
        is("cfn=x", Line::Name(Place::Called, b"x"));
        is("cfni=???", Line::Name(Place::Inlined, b"???"));
        is("jfi=x", Line::Name(Place::InlineFile, b"x"));
        is("jfn=x", Line::Name(Place::Inlined, b"x"));
        is("calls=12 0x30 4", Line::Calls(12));
        is("calls=", Line::Odd);
        is("jump=3 4", Line::Jump);
        is("jcnd=3/4 4", Line::Jump);
        is("+3 5", Line::Cost(b"+3 5"));
        is("hello", Line::Odd);
        is("Hello: you", Line::Odd);
        is("\u{fffd}:", Line::Odd);
    }

    #[test]
    fn costs_follow_positions_of_all_forms() {
        let rest = |text: &'static str, positions| {
            costs(text.as_bytes(), positions, None, &mut 0)
                .map(|rest| str::from_utf8(rest).unwrap())
        };
        assert_eq!(rest("12 40 10", 1), Some(" 40 10"));
        assert_eq!(rest("0x4005d6 12 7", 2), Some(" 7"));
        assert_eq!(rest("+3 * 7", 2), Some(" 7"));
        assert_eq!(rest("-0xa 9", 1), Some(" 9"));
        assert_eq!(rest("*", 1), Some(""));
        assert_eq!(rest("12", 2), None);
        assert_eq!(rest("12x 4", 1), None);
        assert_eq!(rest("+ 4", 1), Some(""), "the number may stand apart");
    }

    #[test]
    fn numbers_end_at_the_largest() {
        assert_eq!(number(b" 18446744073709551615 x"), Some((u64::MAX, b" x".as_slice())));
        assert_eq!(number(b"18446744073709551616"), Some((u64::MAX, b"".as_slice())));
        assert_eq!(number(b"99999999999999999999999"), Some((u64::MAX, b"".as_slice())));
        assert_eq!(number(b"0xfffffffffffffffff"), Some((u64::MAX, b"".as_slice())));
        assert_eq!(number(b"x"), None);
        assert_eq!(number(b"0x"), None);
    }

    #[test]
    fn lines_may_be_told_by_their_distance() {
        let mut line = 100;
        let mut after = |text: &str, positions, at| {
            let rest = costs(text.as_bytes(), positions, at, &mut line).map(<[u8]>::len);
            (rest, line)
        };
        assert_eq!(after("7 1", 1, Some(0)), (Some(2), 7));
        assert_eq!(after("+3 1", 1, Some(0)), (Some(2), 10));
        assert_eq!(after("* 1", 1, Some(0)), (Some(2), 10));
        assert_eq!(after("-4 1", 1, Some(0)), (Some(2), 6));
        assert_eq!(after("-40 1", 1, Some(0)), (Some(2), 0));
        assert_eq!(after("0x40 9 1", 2, Some(1)), (Some(2), 9));
        assert_eq!(after("+2 *", 2, Some(1)), (Some(0), 9));
        assert_eq!(after("12 1", 1, None), (Some(2), 9));
    }
}

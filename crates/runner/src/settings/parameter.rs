//! Parameters of commands: `-L NAME=a,b,c` and `--parameter-scan NAME 1..8[:step]`, read into the values that stand in
//! place of `{NAME}`. The names of the options are those of hyperfine.

use std::fmt;

/// A scan may have so many values: what is beyond is a slip, and would run for days.
pub(crate) const MOST_VALUES: usize = 1000;
/// So many digits of a number are exact.
const MOST_DIGITS: usize = 15;

/// A parameter and its values, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Stands in braces where a value is wanted.
    pub name: String,
    /// As text: never empty, and no two are equal.
    pub values: Vec<String>,
}

/// A parameter that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParameterError {
    /// `-L threads 1,2`, as hyperfine has it.
    #[error("`{name}` has no values: write name and values as one word, such as `{name}=1,2,4`")]
    NoValues {
        /// As given.
        name: String,
    },
    /// `n=1..8` where two words are wanted.
    #[error("write name and range as two words: `--parameter-scan {name} {range}`")]
    OneWord {
        /// The text before the sign.
        name: String,
        /// The text behind it.
        range: String,
    },
    /// Not a name.
    #[error("`{name}` is not a valid parameter name: use letters, digits, `_`, `-` and `.`")]
    Name {
        /// As given.
        name: String,
    },
    /// Twice the same.
    #[error("`{name}` has the value `{value}` twice")]
    Twice {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
    },
    /// Not a range.
    #[error("`{text}` is not a range: expected `1..8`, or `0.5..2:0.5` for steps of 0.5")]
    Range {
        /// As given.
        text: String,
    },
    /// A range without a value.
    #[error("the range `{text}` is empty: {why}")]
    Empty {
        /// As given.
        text: String,
        /// An example of one that is not.
        why: String,
    },
    /// A range with too many values.
    #[error("the range `{text}` has more than {MOST_VALUES} values: use a larger step")]
    Long {
        /// As given.
        text: String,
    },
}

impl Parameter {
    /// Reads `NAME=a,b,c`; a comma behind a backslash is part of a value.
    pub(crate) fn list(text: &str) -> Result<Self, ParameterError> {
        let Some((name, values)) = text.split_once('=').filter(|(_, values)| !values.is_empty())
        else {
            return Err(ParameterError::NoValues { name: text.trim_end_matches('=').to_owned() });
        };
        Self { name: checked(name)?, values: split(values) }.without_equals()
    }

    /// Reads a range; both ends belong to it, if the steps meet the second one.
    pub(crate) fn scan(name: &str, range: &str) -> Result<Self, ParameterError> {
        if let Some((name, range)) = name.split_once('=') {
            let (name, range) = (name.to_owned(), range.to_owned());
            return Err(ParameterError::OneWord { name, range });
        }
        Self { name: checked(name)?, values: steps(range)? }.without_equals()
    }

    fn without_equals(self) -> Result<Self, ParameterError> {
        let mut known = std::collections::BTreeSet::new();
        match self.values.iter().find(|value| !known.insert(*value)) {
            Some(value) => Err(ParameterError::Twice { name: self.name, value: value.clone() }),
            None => Ok(self),
        }
    }
}

fn checked(name: &str) -> Result<String, ParameterError> {
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(ParameterError::Name { name: name.to_owned() });
    }
    Ok(name.to_owned())
}

/// Values between commas.
fn split(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let escaped = (letter == '\\').then(|| letters.next_if_eq(&',')).flatten();
        if letter == ',' {
            values.push(String::new());
        } else if let Some(value) = values.last_mut() {
            value.push(escaped.unwrap_or(letter));
        }
    }
    values
}

/// The values of `FIRST..LAST[:STEP]`, with as many decimals as the text has.
fn steps(text: &str) -> Result<Vec<String>, ParameterError> {
    let wrong = || ParameterError::Range { text: text.to_owned() };
    let (ends, step) = match text.split_once(':') {
        Some((ends, step)) => (ends, Some(step)),
        None => (text, None),
    };
    let (first, last) = ends.split_once("..").ok_or_else(wrong)?;
    let last = last.strip_prefix('=').unwrap_or(last);
    let numbers = [first, last, step.unwrap_or("1")].map(Decimal::read);
    let [Some(first), Some(last), Some(step)] = numbers else { return Err(wrong()) };
    // The second end decides no value.
    let decimals = first.decimals.max(step.decimals);
    let common = decimals.max(last.decimals);
    let [first, last, step] = [first, last, step].map(|number| number.scaled(common));
    let empty = |why: String| ParameterError::Empty { text: text.to_owned(), why };
    if step == 0 {
        return Err(empty("its step is 0".to_owned()));
    }
    if (first > last) != (step < 0) && first != last {
        let turned = Decimal { units: -step, decimals: common };
        return Err(empty(format!(
            "its step leads away from its last value; did you mean `{ends}:{turned}`?"
        )));
    }
    let count = (last - first) / step + 1;
    let count = usize::try_from(count).ok().filter(|count| *count <= MOST_VALUES);
    let count = count.ok_or_else(|| ParameterError::Long { text: text.to_owned() })?;
    let value = |units: i128| {
        // Divided without a rest: neither the first value nor the step has more decimals.
        let spare = 10_i128.pow(u32::try_from(common - decimals).unwrap_or(0));
        Decimal { units: units / spare, decimals }.to_string()
    };
    let all = std::iter::successors(Some(first), |units| units.checked_add(step));
    Ok(all.take(count).map(value).collect())
}

/// A number with a point, kept exactly.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    /// In steps of the last decimal.
    units: i128,
    decimals: usize,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = format!("{whole}{fraction}");
        let fits = digits.len() <= MOST_DIGITS && digits.bytes().all(|one| one.is_ascii_digit());
        let units: i128 = digits.parse().ok().filter(|_| fits)?;
        Some(Self { units: sign * units, decimals: fraction.len() })
    }

    /// In steps of a decimal that is not before its own: at most twice [`MOST_DIGITS`], which fits.
    fn scaled(self, decimals: usize) -> i128 {
        self.units * 10_i128.pow(u32::try_from(decimals - self.decimals).unwrap_or(0))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, decimals } = *self;
        let digits = format!("{:0width$}", units.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let sign = if units < 0 { "-" } else { "" };
        let point = if decimals == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(range: &str) -> String {
        match Parameter::scan("n", range) {
            Ok(parameter) => parameter.values.join(" "),
            Err(err) => err.to_string(),
        }
    }

    #[test]
    fn ranges_are_exact_in_both_directions() {
        for (range, expected) in [
            ("1..4", "1 2 3 4"),
            ("1..=4", "1 2 3 4"),
            ("1..8:3", "1 4 7"),
            ("0..1:0.25", "0.00 0.25 0.50 0.75 1.00"),
            ("0.1..0.35:0.1", "0.1 0.2 0.3"),
            ("1..1.5", "1"),
            ("-1..1", "-1 0 1"),
            ("2..-2:-2", "2 0 -2"),
            ("-0.5..0.5:0.5", "-0.5 0.0 0.5"),
            ("5..5", "5"),
            ("10..8:-1", "10 9 8"),
        ] {
            assert_eq!(scanned(range), expected, "{range}");
        }
    }

    #[test]
    fn ranges_that_make_no_sense_say_what_would() {
        let texts = [
            "",
            "8",
            "1..",
            "..3",
            "a..b",
            "1..2:x",
            "8..1",
            "1..8:-1",
            "1..8:0",
            "0..1000",
            "0..1:0.0001",
            "1e3..2e3",
            "1...3",
            "0..99999999999999999999",
            "-..3",
            "0.000000000000001..999999999999999:1",
        ];
        insta::assert_snapshot!(texts.map(|text| format!("{text}: {}", scanned(text))).join("\n"));
    }

    #[test]
    fn lists_have_values_with_commas_between_them() {
        let of = |text| Parameter::list(text).map(|parameter| parameter.values);
        assert_eq!(of("t=1,2,4").unwrap(), ["1", "2", "4"]);
        assert_eq!(of(r"t=a\,b,c=d,\x").unwrap(), ["a,b", "c=d", r"\x"]);
        assert_eq!(of("t=,x").unwrap(), ["", "x"]);
        let refused = ["t", "t=", "=1", "a b=1", "{t}=1", "t=1,2,1"];
        insta::assert_snapshot!(refused.map(|text| of(text).unwrap_err().to_string()).join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in r"[-+0-9.:=, \\a]{0,40}") {
            drop(Parameter::list(&text));
            drop(Parameter::scan("x", &text));
        }
    }
}

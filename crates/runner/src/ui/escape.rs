//! Escapes text inside GitHub's workflow commands, so that it can't end them or begin others.
//!
//! Source: `@actions/core`, `command.ts`: data is decoded from `%25`, `%0D`, `%0A`, properties also from `%3A`, `%2C`.

/// The text behind the second `::`.
pub(super) fn data(text: &str) -> String {
    escaped(text, &[('%', "%25"), ('\r', "%0D"), ('\n', "%0A")])
}

/// The value of a property, such as `title=`.
pub(super) fn property(text: &str) -> String {
    escaped(text, &[('%', "%25"), ('\r', "%0D"), ('\n', "%0A"), (':', "%3A"), (',', "%2C")])
}

fn escaped(text: &str, table: &[(char, &str)]) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match table.iter().find(|(special, _)| *special == letter) {
            Some((_, code)) => out.push_str(code),
            None => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        for (text, in_data, in_property) in [
            ("plain", "plain", "plain"),
            ("100 %", "100 %25", "100 %25"),
            ("a\r\nb\n", "a%0D%0Ab%0A", "a%0D%0Ab%0A"),
            ("a::b, c", "a::b, c", "a%3A%3Ab%2C c"),
            ("%0A", "%250A", "%250A"),
            ("µ ü", "µ ü", "µ ü"),
        ] {
            assert_eq!((data(text).as_str(), property(text).as_str()), (in_data, in_property));
        }
    }
}

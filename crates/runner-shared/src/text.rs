//! Text of others, made fit for a terminal.

/// Text on one line that can't steer a terminal: control characters (a name may hold an escape
/// sequence) and characters that turn the direction of writing are spelt out.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars() {
        let turns = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || turns {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// Units of [`bytes`], each 1024 times the one before.
const UNITS: &[&str] = &["B", "KB", "MB", "GB", "TB", "PB"];

/// A number of bytes for people: at most one digit behind the point, as in `1.5 KB`, `10 MB` or `0 B`.
pub fn bytes(number: u64) -> String {
    // Tenths of the unit, rounded half up. What is rounded to 1024 is one of the next unit.
    let tenths = |scale: u128| (u128::from(number) * 20 + scale) / (scale * 2);
    let scaled = UNITS.iter().zip((0..).map(|nth| 1_u128 << (10 * nth)));
    let fits = |(_, scale): &(&&str, u128)| tenths(*scale) < 10_240;
    let last = (&"PB", 1_u128 << 50);
    let (unit, scale) = scaled.clone().find(fits).unwrap_or(last);
    let (whole, tenth) = (tenths(scale) / 10, tenths(scale) % 10);
    if tenth == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenth} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_units_of_1024() {
        let rows = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KB"),
            (1536, "1.5 KB"),
            (10 << 20, "10 MB"),
            ((10 << 20) + 1, "10 MB"),
            ((1 << 20) - 1, "1 MB"),
            (1_048_000, "1023.4 KB"),
            (5 << 40, "5 TB"),
            (u64::MAX, "16384 PB"),
        ];
        for (number, shown) in rows {
            assert_eq!(bytes(number), shown);
        }
    }

    #[test]
    fn what_could_steer_a_terminal_is_spelt_out() {
        assert_eq!(one_line("a\u{1b}[31m\nb\u{202e}é"), "a\\u{1b}[31m\\nb\\u{202e}é");
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_spelt_out() {
        assert_eq!(one_line("a\u{1b}[31m\nb\u{202e}é"), "a\\u{1b}[31m\\nb\\u{202e}é");
    }
}

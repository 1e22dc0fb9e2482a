//! The words for the user when a signal ends the program at once, without those who else show something.

/// The last words; `hints` say what is kept, and how to go on.
pub(crate) fn farewell(hints: &[String]) -> String {
    let hints = hints.iter().map(|hint| format!("hint: {hint}\n"));
    // Whatever is drawn, the cursor is at the beginning of a line.
    "interrupted\n".to_owned() + &hints.collect::<String>()
}

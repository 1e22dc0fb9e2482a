//! Suggestions for misspelt names.

/// The name most like `word`, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let distance = |name: &str| match name.to_lowercase() {
        // What is only cut off is meant.
        name if lower.chars().count() > 3 && name.starts_with(&lower) => 0,
        name => strsim::osa_distance(&lower, &name),
    };
    let best = names.into_iter().map(|name| (distance(name), name)).min_by_key(|(far, _)| *far);
    // A third of the letters may be wrong: what shares less is another word.
    best.filter(|(far, name)| far * 3 <= name.chars().count().max(3)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let names = ["working-directory", "max-rounds", "min-rounds", "exec"];
        let nearest = |word| nearest(word, names);
        assert_eq!(nearest("max_rounds"), Some("max-rounds"));
        assert_eq!(nearest("maxRounds"), Some("max-rounds"));
        assert_eq!(nearest("exce"), Some("exec"));
        assert_eq!(nearest("working-dir"), Some("working-directory"));
        assert_eq!(nearest("workdir"), None);
        assert_eq!(nearest("command"), None);
        assert_eq!(nearest(""), None);
    }
}

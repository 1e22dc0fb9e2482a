//! Evaluates the expressions that `action.yml` uses. Any other one stops the test.

/// Says what a name such as `inputs.mode` stands for.
pub(crate) type Names<'a> = &'a dyn Fn(&str) -> String;

/// Replaces each `${{ ... }}` in a text.
pub(crate) fn evaluate(text: &str, names: Names<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (expression, after) = after.split_once("}}").unwrap();
        out.push_str(before);
        out.push_str(&value(expression.trim(), names));
        rest = after;
    }
    out + rest
}

/// Returns whether `name == 'text'` holds.
pub(crate) fn holds(condition: &str, names: Names<'_>) -> bool {
    let (name, text) = condition.split_once(" == ").unwrap();
    let text = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap();
    // GitHub compares strings without regard to case.
    value(name, names).eq_ignore_ascii_case(text)
}

/// The names in a text's expressions.
pub(crate) fn names_in(text: &str) -> Vec<String> {
    let inside = text.split("${{").skip(1).filter_map(|part| part.split_once("}}"));
    inside.map(|(expression, _)| expression.trim().to_owned()).collect()
}

fn value(expression: &str, names: Names<'_>) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "-_.()".contains(c);
    assert!(expression.chars().all(simple), "unknown expression `{expression}`");
    names(expression)
}

#[test]
fn expressions_are_replaced_and_compared() {
    let names = |name: &str| format!("<{name}>");
    assert_eq!(evaluate("a-${{ inputs.mode }}-${{b}}", &names), "a-<inputs.mode>-<b>");
    assert_eq!(evaluate("none", &names), "none");
    assert!(holds("b == '<B>'", &names) && !holds("b == 'b'", &names));
    assert_eq!(names_in("a-${{ inputs.mode }}-${{b}}"), ["inputs.mode", "b"]);
}

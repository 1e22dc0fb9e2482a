//! The words of integrations about their processes, as lines for people.

use runner_shared::text::one_line;

use crate::{Environment, Fact};

/// Returns a block for each of them: languages with what is known of them, and libraries with their files. Empty if
/// there are none.
pub fn environment_details(environments: &[Environment]) -> String {
    environments.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn block(environment: &Environment) -> String {
    let Environment { pids, languages, libraries } = environment;
    let noun = if pids.len() == 1 { "process" } else { "processes" };
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let mut text = format!("Environment of {noun} {}:\n", pids.join(", "));
    for (language, facts) in languages {
        let rows = facts.iter().map(|(name, fact)| (name.as_str(), shown(fact)));
        text += &section(language, rows.collect());
    }
    let rows = libraries.iter().map(|(name, library)| {
        let id = library.build_id.as_deref();
        let id = id.map(|id| format!(" (build ID {})", one_line(id))).unwrap_or_default();
        (name.as_str(), format!("{}{id}", one_line(&library.path)))
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        text += &section("libraries", rows);
    }
    text
}

fn shown(fact: &Fact) -> String {
    match fact {
        Fact::One(value) => one_line(value),
        Fact::Several(values) => {
            values.iter().map(|value| one_line(value)).collect::<Vec<_>>().join(" ")
        }
    }
}

/// A title, and below it names and values in two columns.
fn section(title: &str, rows: Vec<(&str, String)>) -> String {
    let rows: Vec<(String, String)> =
        rows.into_iter().map(|(name, value)| (one_line(name), value)).collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(name, value): &(String, String)| format!("    {name:width$}  {value}\n");
    format!("  {}\n{}", one_line(title), rows.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use crate::Library;

    use super::*;

    #[test]
    fn languages_and_libraries_have_aligned_lines() {
        let library = |path: &str, id: Option<&str>| Library {
            path: path.to_owned(),
            build_id: id.map(str::to_owned),
        };
        let facts = [
            ("version".to_owned(), Fact::One("3.13.0\n(main)".to_owned())),
            ("build_args".to_owned(), Fact::Several(vec!["--a".to_owned(), "--b".to_owned()])),
        ];
        let one = Environment {
            pids: vec![3, 20],
            languages: [("python".to_owned(), facts.into())].into(),
            libraries: [
                ("libc.so.6".to_owned(), library("/lib/libc.so.6", Some("93ac"))),
                ("x".to_owned(), library("/x", None)),
            ]
            .into(),
        };
        let expected = "Environment of processes 3, 20:
  python
    build_args  --a --b
    version     3.13.0\\n(main)
  libraries
    libc.so.6  /lib/libc.so.6 (build ID 93ac)
    x          /x
";
        assert_eq!(environment_details(&[one]), expected);
        assert_eq!(environment_details(&[]), "");
    }
}

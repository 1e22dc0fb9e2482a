//! Colours: whether they are wanted, decided once, and what they are. Colour only repeats what the text says.

use runner_shared::env_names;

use crate::env::Env;

pub(super) const BOLD: &str = "1";
pub(super) const DIM: &str = "2";
pub(super) const RED: &str = "31";
pub(super) const GREEN: &str = "32";
pub(super) const YELLOW: &str = "33";
pub(super) const CYAN: &str = "36";

/// The use of colour in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint(pub bool);

impl Paint {
    /// Returns what the environment says of a stream; `natural` if it says nothing.
    pub(super) fn choose(env: &Env, natural: bool) -> Self {
        let dumb = env.get(env_names::TERM).is_some_and(|term| term == "dumb");
        let forced = env.get(env_names::CLICOLOR_FORCE).is_some_and(|value| value != "0");
        Self(env.get(env_names::NO_COLOR).is_none() && (forced || (natural && !dumb)))
    }

    /// The text in this colour.
    pub(super) fn paint(self, colour: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_and_no_color_has_the_last_word() {
        let (plain, none) = (Env::default(), &[][..]);
        let cases: [(&[_], bool, bool); 7] = [
            (none, true, true),
            (none, false, false),
            (&[(env_names::TERM, "dumb")], true, false),
            (&[(env_names::CLICOLOR_FORCE, "1")], false, true),
            (&[(env_names::CLICOLOR_FORCE, "0")], false, false),
            (&[(env_names::CLICOLOR_FORCE, "1"), (env_names::NO_COLOR, "1")], true, false),
            (&[(env_names::CLICOLOR_FORCE, "1"), (env_names::TERM, "dumb")], false, true),
        ];
        for (variables, natural, expected) in cases {
            let env =
                variables.iter().fold(plain.clone(), |env, (name, value)| env.with(*name, *value));
            assert_eq!(Paint::choose(&env, natural), Paint(expected), "{variables:?}");
        }
    }
}

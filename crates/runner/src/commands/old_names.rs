//! Names of options and variables that the user should give up: what to say about them.

use runner_shared::env_names::{self, EnvName};

use super::Context;

/// Experiments that have become options, with their variables of today.
const GROWN_UP: &[(EnvName, EnvName)] = &[
    (env_names::EXPERIMENTAL_CYCLE_ESTIMATION, env_names::CYCLE_ESTIMATION),
    (env_names::EXPERIMENTAL_EXCLUDE_ALLOCATIONS, env_names::EXCLUDE_ALLOCATIONS),
];

/// Returns what to say about the names that were used. Those of experiments matter where something is measured.
pub(crate) fn warnings(context: &Context, measures: bool) -> Vec<String> {
    let name = &context.global.config_name;
    let by_variable = context.env.get(env_names::CONFIG_NAME).is_some();
    let old = match (name, by_variable) {
        (Some(_), _) => Some("--config-name"),
        (None, true) => Some(env_names::CONFIG_NAME.name),
        (None, false) => None,
    };
    let old = old.map(|old| format!("`{old}` is deprecated: use `--profile` to choose an account"));
    let names = context.env.iter().filter(|(_, value)| measures && !value.is_empty());
    let experiments = names.filter_map(|(name, _)| experiment(name.to_str()?));
    old.into_iter().chain(experiments).collect()
}

/// Returns what to say about the variable of an experiment; nothing about any other.
fn experiment(name: &str) -> Option<String> {
    name.strip_prefix(env_names::EXPERIMENTAL_PREFIX)?;
    if let Some((_, new)) = GROWN_UP.iter().find(|(old, _)| old.name == name) {
        let new = new.name;
        return Some(format!("`{name}` is deprecated and has no effect: use `{new}` instead"));
    }
    Some(if name == env_names::FAIR_SCHED.name {
        format!("`{name}` is deprecated: it still works, but may be removed in any version")
    } else {
        format!("`{name}` is deprecated and has no effect: the experiment has ended")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_experiments_are_told_by_what_has_become_of_them() {
        for (name, says) in [
            ("CODSPEED_EXPERIMENTAL_CYCLE_ESTIMATION", "use `CODSPEED_CYCLE_ESTIMATION`"),
            ("CODSPEED_EXPERIMENTAL_EXCLUDE_ALLOCATIONS", "use `CODSPEED_EXCLUDE_ALLOCATIONS`"),
            ("CODSPEED_EXPERIMENTAL_FAIR_SCHED", "still works"),
            ("CODSPEED_EXPERIMENTAL_X", "the experiment has ended"),
        ] {
            let text = experiment(name).unwrap();
            assert!(text.starts_with(&format!("`{name}` is deprecated")), "{text}");
            assert!(text.contains(says), "{text}");
        }
        assert_eq!(experiment("CODSPEED_CYCLE_ESTIMATION"), None);
    }
}

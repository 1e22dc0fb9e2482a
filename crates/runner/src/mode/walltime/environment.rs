//! What a profiled benchmark sees besides: runtimes write down what they generate, and keep frame pointers.

use std::ffi::{OsStr, OsString};

use runner_shared::env_names::{self, EnvName};

use super::unwinding::Unwinding;
use crate::{env::Env, workload::Workload};

/// Lets the Java machine keep frame pointers and exact line numbers, and its agent attach to it.
const JAVA: &str = "-XX:+PreserveFramePointer -XX:+UnlockDiagnosticVMOptions -XX:+DebugNonSafepoints \
    -XX:+EnableDynamicAgentLoading -Djdk.attach.allowAttachSelf=true";
/// Lets Node write a map of the code that it generates.
const NODE: &str = "--perf-basic-prof";

/// The same environment for a benchmark that is recorded.
pub(super) fn recorded(env: Env, workload: &Workload, unwinding: Unwinding) -> Env {
    // Python 3.13 and later take the first one, which has unwind data as well; 3.12 knows the other one only.
    let env = env.with(env_names::PYTHON_PERF_JIT_SUPPORT, "1");
    let env = match env.get(env_names::PYTHONPERFSUPPORT) {
        Some(_) => env,
        None => env.with(env_names::PYTHONPERFSUPPORT, "1"),
    };
    let env = appended(env, env_names::JAVA_TOOL_OPTIONS, JAVA);
    let env = match workload {
        // Integrations for JavaScript care for this themselves.
        Workload::Suite(_) => env,
        Workload::Commands { .. } => appended(env, env_names::NODE_OPTIONS, NODE),
    };
    match unwinding {
        Unwinding::FramePointers => env.with(env_names::GO_SUPPRESS_UNWINDING_WARNING, "true"),
        Unwinding::Dwarf(_) => env,
    }
}

/// Adds words to a variable unless they are there.
fn appended(env: Env, name: EnvName, words: &str) -> Env {
    let mut value = env.get(name).map(OsStr::to_owned).unwrap_or_default();
    if value.to_string_lossy().contains(words) {
        return env;
    }
    if !value.is_empty() {
        value.push(OsString::from(" "));
    }
    value.push(words);
    env.with(name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_user_are_kept_and_nothing_is_added_twice() {
        let commands =
            Workload::Commands { targets: Vec::new(), versus: None, robust: false, quiet: false };
        let env = Env::default().with(env_names::JAVA_TOOL_OPTIONS, "-Xmx1g");
        let once = recorded(env, &commands, Unwinding::FramePointers);
        let java = once.get(env_names::JAVA_TOOL_OPTIONS).unwrap().to_str().unwrap();
        assert!(java.starts_with("-Xmx1g -XX:+PreserveFramePointer "), "{java}");
        assert_eq!(once.get(env_names::NODE_OPTIONS), Some(OsStr::new("--perf-basic-prof")));
        assert!(once.get(env_names::GO_SUPPRESS_UNWINDING_WARNING).is_some());
        assert_eq!(recorded(once.clone(), &commands, Unwinding::Dwarf(8192)), once);
    }

    #[test]
    fn suites_look_after_node_themselves() {
        let suite = Workload::Suite("vitest".into());
        let env = recorded(Env::default(), &suite, Unwinding::Dwarf(8192));
        assert_eq!(env.get(env_names::NODE_OPTIONS), None);
        for name in [env_names::PYTHON_PERF_JIT_SUPPORT, env_names::PYTHONPERFSUPPORT] {
            assert_eq!(env.get(name), Some(OsStr::new("1")));
        }
        let own = Env::default().with(env_names::PYTHONPERFSUPPORT, "0");
        let env = recorded(own, &suite, Unwinding::Dwarf(8192));
        assert_eq!(env.get(env_names::PYTHONPERFSUPPORT), Some(OsStr::new("0")));
        assert_eq!(env.get(env_names::GO_SUPPRESS_UNWINDING_WARNING), None);
    }
}

//! The command line of perf. The order is the one that the service has always got.

use std::ffi::{OsStr, OsString};

use nix::unistd::Pid;

use super::{perf::Perf, unwinding::Unwinding};

/// Samples a second. A prime number, so as not to keep step with anything periodic.
const FREQUENCY: &str = "--freq=997";

/// Records the process `pid` and all that it starts, to standard output, controlled through `control`.
///
/// Not `--quiet`: with it, perf doesn't say what is wrong either. What it says goes to a file.
pub(super) fn arguments(
    perf: &Perf,
    events: Option<&str>,
    unwinding: Unwinding,
    control: &OsStr,
    pid: Pid,
) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["record".into()];
    if perf.compresses {
        args.push("--compression-level=3".into());
    }
    if let Some(events) = events {
        args.extend(["-e".into(), events.into()]);
    }
    // Events are off until the first benchmark begins.
    for word in ["--timestamp", "-k", "CLOCK_MONOTONIC", FREQUENCY, "--delay=-1", "-g"] {
        args.push(word.into());
    }
    args.push("--user-callchains".into());
    args.push(format!("--call-graph={}", unwinding.argument()).into());
    // Its thread looks up once a second, and perf waits for it when it ends.
    args.push("--no-bpf-event".into());
    let mut option = OsString::from("--control=");
    option.push(control);
    args.push(option);
    args.extend(["-o", "-", "-p"].map(Into::into));
    args.push(pid.to_string().into());
    args
}

#[cfg(test)]
mod tests {
    use runner_shared::text::as_text;

    use super::*;

    #[track_caller]
    fn shown(compresses: bool, events: Option<&str>) -> String {
        let perf = Perf {
            program: "/bin/perf".into(),
            version: "6.1".to_owned(),
            compresses,
            greeting: "ping",
        };
        let control = OsStr::new("fifo:/a b/c,/a b/d");
        let unwinding = Unwinding::Dwarf(8192);
        let args = arguments(&perf, events, unwinding, control, Pid::from_raw(7));
        args.iter().map(|word| as_text(&word).into_owned() + "\n").collect()
    }

    #[test]
    fn the_order_is_fixed_and_each_option_has_its_own_condition() {
        let rest = "--timestamp\n-k\nCLOCK_MONOTONIC\n--freq=997\n--delay=-1\n-g\n--user-callchains\n\
            --call-graph=dwarf,8192\n--no-bpf-event\n--control=fifo:/a b/c,/a b/d\n-o\n-\n-p\n7\n";
        assert_eq!(shown(false, None), format!("record\n{rest}"));
        assert_eq!(
            shown(true, Some("{a,b}")),
            format!("record\n--compression-level=3\n-e\n{{a,b}}\n{rest}")
        );
        assert_eq!(shown(false, Some("{a}")), format!("record\n-e\n{{a}}\n{rest}"));
    }
}

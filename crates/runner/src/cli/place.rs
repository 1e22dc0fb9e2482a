//! Options that decide where a benchmark runs: on which processors, and at which addresses.

use std::str::FromStr;

use clap::Args;
use system::processors::parse_list;

use crate::settings::options::Pin;

/// The heading of the help that lists them.
const HEADING: &str = "Less noise";

/// The place of the benchmark.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Walltime: run the benchmark on one processor, the idlest available, and keep `codspeed` off it; `=auto:2` for
    /// two processors, `=3` or `=2,3` for these. With `--vs` all commands run there.
    ///
    /// The load is measured for a quarter of a second before the run; a processor whose core is otherwise idle is
    /// preferred. Threads and processes of the benchmark share these processors, so use as many as run at the same
    /// time. No permissions are needed.
    #[arg(
        long, help_heading = HEADING, value_name = "WHICH",
        num_args = 0..=1, require_equals = true, default_missing_value = "auto",
    )]
    pub pin: Option<Pin>,

    /// Use the same memory addresses in each round (no ASLR), where the system permits it. Always on in simulation
    /// mode.
    ///
    /// How code and data share caches depends on their addresses, so random addresses make some programs
    /// faster in one
    /// round than in the next.
    #[arg(long, help_heading = HEADING)]
    pub no_aslr: bool,
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = || {
            "expected `auto`, `auto:N` for N processors, or processor numbers such as `3`, `2,3` or `4-7`".to_owned()
        };
        if let Some(rest) = text.strip_prefix("auto") {
            let count = match rest.strip_prefix(':') {
                Some(count) => count.parse().ok(),
                None => rest.is_empty().then_some(1),
            };
            return count.filter(|count| *count > 0).map(Self::Auto).ok_or_else(odd);
        }
        let these = parse_list(text).filter(|list| !list.is_empty());
        these.map(Self::These).ok_or_else(odd)
    }
}

#[cfg(test)]
mod tests {
    use system::processors::Processors;

    use super::*;

    #[test]
    fn processors_are_counted_or_named() {
        let pin = |text: &str| text.parse::<Pin>();
        assert_eq!(pin("auto"), Ok(Pin::Auto(1)));
        assert_eq!(pin("auto:3"), Ok(Pin::Auto(3)));
        assert_eq!(pin("2,0"), Ok(Pin::These(Processors::from([0, 2]))));
        for odd in ["", "auto:", "auto:0", "automatic", "auto:x", "x", "-1", "3-1"] {
            assert!(pin(odd).unwrap_err().starts_with("expected `auto`"), "{odd}");
        }
    }
}

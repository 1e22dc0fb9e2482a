//! The conditions of a walltime run that are not the usual ones, as `conditions.json` on top of the profile folder.

use serde::{Deserialize, Serialize};

/// The conditions that the user has asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Version of this layout.
    pub version: u32,
    /// The only processors that the benchmark could use (`--pin`); empty if the system has chosen.
    #[serde(default)]
    pub processors: Vec<usize>,
    /// Its memory lay at the same addresses in each process (`--no-aslr`).
    #[serde(default)]
    pub fixed_addresses: bool,
}

impl Conditions {
    /// The layout described here.
    pub const VERSION: u32 = 1;

    /// Returns whether there is nothing to note.
    pub const fn is_usual(&self) -> bool {
        self.processors.is_empty() && !self.fixed_addresses
    }

    /// Returns a sentence for people; `None` if all was as usual.
    pub fn sentence(&self) -> Option<String> {
        let numbers: Vec<String> = self.processors.iter().map(usize::to_string).collect();
        let place = match &numbers[..] {
            [] => None,
            [one] => Some(format!("on processor {one} (`--pin`)")),
            _ => Some(format!("on processors {} (`--pin`)", numbers.join(", "))),
        };
        let addresses = self
            .fixed_addresses
            .then(|| "with memory at the same addresses each time (`--no-aslr`)".to_owned());
        let all: Vec<String> = place.into_iter().chain(addresses).collect();
        (!all.is_empty()).then(|| format!("Measured {}", all.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unusual_is_told() {
        let told = |processors: &[usize], fixed_addresses| {
            let processors = processors.to_vec();
            Conditions { version: 1, processors, fixed_addresses }.sentence()
        };
        assert_eq!(told(&[], false), None);
        assert_eq!(told(&[3], false).unwrap(), "Measured on processor 3 (`--pin`)");
        assert_eq!(
            told(&[2, 3], true).unwrap(),
            "Measured on processors 2, 3 (`--pin`), with memory at the same addresses each time (`--no-aslr`)"
        );
    }
}

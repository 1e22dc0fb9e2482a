//! The place of a benchmark: on which processors it runs, which are then left to it, and at which addresses.

use std::{collections::BTreeMap, fs, io, os::fd::AsFd, path::Path};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use runner_shared::{
    conditions::Conditions,
    fault::{Attempt, explain},
    profile_dir::{CONDITIONS, ProfileDir},
};
use system::{
    files,
    processors::{self, Processors, Ticks, Usage, shown_list},
    signals::Signals,
};

use crate::{
    process::{AddressSpace, can_fix_addresses},
    settings::options::{Pin, PlaceOptions},
};

/// The idlest processor is the one that was idle for so long. A tick of `/proc/stat` is a hundredth of a second.
const LOOK_MS: u8 = 250;

/// The place of the benchmark.
#[derive(Debug)]
pub(crate) struct Place {
    /// `None` leaves it to the system.
    chosen: Option<Processors>,
    /// Those that are left to us; empty if there are none.
    rest: Processors,
    /// The addresses of its memory.
    pub address_space: AddressSpace,
    /// Sentences about what was chosen.
    pub said: Vec<String>,
    /// Sentences about wishes that can't be had.
    pub warnings: Vec<String>,
}

/// The reason that a benchmark can't run at the place that is wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// Processors that are not there, or not for us.
    #[error("`--pin={}`: this process may use {}", shown_list(wanted), named(allowed))]
    NotAllowed {
        /// As asked for.
        wanted: Processors,
        /// All there are.
        allowed: Processors,
    },
    /// More than there are.
    #[error("`--pin=auto:{wanted}`: this process may use {}", named(allowed))]
    TooMany {
        /// As asked for.
        wanted: usize,
        /// All there are.
        allowed: Processors,
    },
    /// The system doesn't tell, or refuses.
    #[error("could not choose processors for the benchmark: {}", explain(.0, Attempt::Read))]
    System(io::Error),
}

impl Place {
    /// Returns whether there are such processors. Nothing is measured.
    pub(crate) fn check(args: &PlaceOptions) -> Result<(), PlaceError> {
        let Some(pin) = &args.pin else { return Ok(()) };
        let allowed = processors::allowed().map_err(PlaceError::System)?;
        match pin {
            Pin::These(wanted) if !wanted.is_subset(&allowed) => {
                Err(PlaceError::NotAllowed { wanted: wanted.clone(), allowed })
            }
            Pin::Auto(wanted) if *wanted > allowed.len() => {
                Err(PlaceError::TooMany { wanted: *wanted, allowed })
            }
            Pin::These(_) | Pin::Auto(_) => Ok(()),
        }
    }

    /// Chooses the place. Takes a quarter of a second if the idlest processors are wanted.
    pub(crate) fn choose(args: &PlaceOptions) -> Result<Self, PlaceError> {
        Self::check(args)?;
        let (address_space, refused) = addresses(args.no_aslr);
        let mut place = Self {
            chosen: None,
            rest: Processors::new(),
            address_space,
            said: Vec::new(),
            warnings: refused.into_iter().collect(),
        };
        let Some(pin) = &args.pin else { return Ok(place) };
        let allowed = processors::allowed().map_err(PlaceError::System)?;
        let (chosen, usage) = match pin {
            // There is nothing to find out.
            Pin::These(these) => (these.clone(), None),
            Pin::Auto(count) => {
                let usage = usage();
                (processors::idlest(&allowed, &usage, &of_core, *count), Some(usage))
            }
        };
        place.rest = &allowed - &chosen;
        place.said.push(said(&chosen, &place.rest, usage.as_ref()));
        place.chosen = Some(chosen);
        Ok(place)
    }

    /// Chooses for several runs that are to share it.
    pub(crate) fn settle(args: &PlaceOptions) -> Result<Settled, PlaceError> {
        let place = Self::choose(args)?;
        let conditions = place.conditions();
        let Self { chosen, said, .. } = place;
        let args = PlaceOptions { pin: chosen.map(Pin::These), ..args.clone() };
        Ok(Settled { args, said, conditions })
    }

    /// Returns what is not as usual.
    fn conditions(&self) -> Conditions {
        let processors = self.chosen.iter().flatten().copied().collect();
        let fixed_addresses = self.address_space == AddressSpace::Fixed;
        Conditions { version: Conditions::VERSION, processors, fixed_addresses }
    }

    /// Calls what starts the benchmark: its process begins where it is to stay.
    pub(crate) fn during<T>(&self, start: impl FnOnce() -> T) -> Result<T, PlaceError> {
        let Some(chosen) = &self.chosen else { return Ok(start()) };
        let before = processors::allowed().map_err(PlaceError::System)?;
        processors::confine(0, chosen).map_err(PlaceError::System)?;
        let started = start();
        processors::confine(0, &before).map_err(PlaceError::System)?;
        Ok(started)
    }

    /// Keeps our own threads, and all programs that they start, off the processors of the benchmark until the result is
    /// dropped, if others are left.
    pub(crate) fn stay_away(&self) -> Option<Away> {
        let (Some(_), false) = (&self.chosen, self.rest.is_empty()) else { return None };
        let before = processors::allowed().ok()?;
        confine_all(&self.rest);
        Some(Away { before })
    }

    /// Returns the number of processors that the benchmark has to itself; `None` if that is left to the system.
    pub(crate) fn processors(&self) -> Option<usize> {
        self.chosen.as_ref().map(Processors::len)
    }

    /// Notes it for those who read the results. What an earlier run has noted in the folder goes.
    pub(crate) fn note(&self, folder: &ProfileDir) -> io::Result<()> {
        let path = folder.file(&CONDITIONS);
        let conditions = self.conditions();
        if conditions.is_usual() {
            return match fs::remove_file(path) {
                Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        files::replace(&path, &serde_json::to_vec(&conditions)?)
    }
}

/// A place for several runs.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The options of each run, with processors that are named.
    pub args: PlaceOptions,
    /// Sentences for the user.
    pub said: Vec<String>,
    /// The conditions that all of them have.
    pub conditions: Conditions,
}

/// Our threads are elsewhere until this is dropped.
#[derive(Debug)]
pub(crate) struct Away {
    before: Processors,
}

impl Drop for Away {
    fn drop(&mut self) {
        confine_all(&self.before);
    }
}

/// Returns the addresses of memory, and the reason if they are not those that are wanted.
pub(crate) fn addresses(fixed: bool) -> (AddressSpace, Option<String>) {
    if !fixed {
        return (AddressSpace::Random, None);
    }
    match can_fix_addresses() {
        Ok(()) => (AddressSpace::Fixed, None),
        Err(err) => {
            let text = format!(
                "`--no-aslr` has no effect, addresses stay random: {err} (a seccomp filter forbids `personality`, as \
                    in many containers; use `--security-opt seccomp=unconfined` to allow it)"
            );
            (AddressSpace::Random, Some(text))
        }
    }
}

/// All threads of this process. What is gone meanwhile, or may not, stays where it is: that costs a little noise.
fn confine_all(to: &Processors) {
    for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        if let Some(Ok(thread)) = entry.file_name().to_str().map(str::parse) {
            drop(processors::confine(thread, to));
        }
    }
}

/// The work of each processor now; of none if the system doesn't tell.
pub(crate) fn usage() -> Usage {
    let before = ticks();
    if before.is_empty() {
        return Usage::default();
    }
    look_on();
    Usage::between(&before, &ticks())
}

/// Lets the time pass, unless somebody wants an end.
fn look_on() {
    let signals = Signals::current().map(|signals| PollFd::new(signals.as_fd(), PollFlags::POLLIN));
    let mut watched: Vec<PollFd<'_>> = signals.into_iter().collect();
    // However it ends: what is known by then is used.
    let _ = poll(&mut watched, PollTimeout::from(LOOK_MS));
}

fn ticks() -> BTreeMap<usize, Ticks> {
    processors::parse_stat(&files::read_kernel_text("/proc/stat").unwrap_or_default())
}

fn of_core(number: usize) -> Processors {
    processors::of_core(Path::new("/"), number)
}

fn said(chosen: &Processors, rest: &Processors, usage: Option<&Usage>) -> String {
    let we = if rest.is_empty() {
        "no other processor is left for this program".to_owned()
    } else {
        format!("this program and perf stay on {}", shown_list(rest))
    };
    let Some(usage) = usage else {
        return format!("the benchmark runs on {}; {we}", named(chosen));
    };
    let share = |number: usize| match usage.busy(number) {
        Some(busy) => format!("{:.0} % busy", busy * 100.0),
        None => "load unknown".to_owned(),
    };
    let one = |number: &usize| {
        let siblings = &of_core(*number) - chosen;
        let beside =
            siblings.iter().map(|other| format!(", {other} on its core {}", share(*other)));
        format!("{number}: {}{}", share(*number), beside.collect::<String>())
    };
    let all: Vec<String> = chosen.iter().map(one).collect();
    format!("the benchmark runs on {} ({}, just now); {we}", named(chosen), all.join("; "))
}

/// Such as `processor 3` and `processors 0-2`.
pub(crate) fn named(processors: &Processors) -> String {
    let noun = if processors.len() == 1 { "processor" } else { "processors" };
    format!("{noun} {}", shown_list(processors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_processors_are_refused_before_anything_runs() {
        let pin = |pin| PlaceOptions { pin: Some(pin), ..PlaceOptions::default() };
        let far = Place::check(&pin(Pin::These(Processors::from([8000])))).unwrap_err();
        assert!(far.to_string().starts_with("`--pin=8000`: this process may use proc"), "{far}");
        let many = Place::check(&pin(Pin::Auto(9999))).unwrap_err();
        assert!(many.to_string().starts_with("`--pin=auto:9999`: this process may use"), "{many}");
        Place::check(&pin(Pin::Auto(1))).unwrap();
    }

    #[test]
    fn what_is_started_begins_there_and_we_go_on_elsewhere() {
        let place =
            Place::choose(&PlaceOptions { pin: Some(Pin::Auto(1)), no_aslr: false }).unwrap();
        std::thread::spawn(move || {
            let before = processors::allowed().unwrap();
            let within = place.during(|| processors::allowed().unwrap()).unwrap();
            assert_eq!(within.len(), 1);
            assert_eq!(processors::allowed().unwrap(), before);
            assert_eq!(place.processors(), Some(1));
            assert!(place.said[0].contains(&format!("on processor {} (", shown_list(&within))));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_processor_that_is_named_is_not_looked_at() {
        let first = processors::allowed().unwrap().into_iter().next().unwrap();
        let pin = Some(Pin::These(Processors::from([first])));
        let place = Place::choose(&PlaceOptions { pin, no_aslr: false }).unwrap();
        let said = &place.said[0];
        assert!(said.starts_with(&format!("the benchmark runs on processor {first}; ")), "{said}");
    }

    #[test]
    fn what_is_unusual_is_noted_and_what_was_noted_before_goes() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let place = |chosen: &[usize]| Place {
            chosen: (!chosen.is_empty()).then(|| chosen.iter().copied().collect()),
            rest: Processors::new(),
            address_space: AddressSpace::Random,
            said: Vec::new(),
            warnings: Vec::new(),
        };
        place(&[3]).note(&dir).unwrap();
        let path = dir.file(&CONDITIONS);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, r#"{"version":1,"processors":[3],"fixed_addresses":false}"#);
        place(&[]).note(&dir).unwrap();
        place(&[]).note(&dir).unwrap();
        assert!(!path.exists());
    }
}

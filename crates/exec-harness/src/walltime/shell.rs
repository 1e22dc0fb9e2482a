//! The start of the shell that runs a command: measured with a shell that has nothing to do, and taken off each round on
//! request. A round never becomes shorter than nothing.

use runner_shared::{
    artifact::ShellStart,
    clock::now,
    walltime::{as_whole, quantile, sorted},
};

use crate::{
    command::{EmptyShell, Prepared},
    failure::Failure,
    round::{Machine, Sample},
};

/// Rounds of a shell with nothing to do, at most and at least.
const ROUNDS: [usize; 2] = [50, 5];
/// After this time there are no more rounds than at least, nanoseconds.
const TIME_NS: u64 = 200_000_000;

/// The times of one round of it, nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    wall: u64,
    undisturbed: u64,
    processor: u64,
}

/// Measures a shell that has nothing to do.
pub(super) fn measure(
    machine: &mut Machine,
    with: &Prepared,
    subtracted: bool,
) -> Result<ShellStart, Failure> {
    let mut shell = EmptyShell::new(with)?;
    let [most, least] = ROUNDS;
    let mut rounds = Vec::new();
    // The first one warms up.
    shell.round(machine)?;
    let begin = now();
    while rounds.len() < most && (rounds.len() < least || now().since(begin) < TIME_NS) {
        rounds.push(Times::of(&shell.round(machine)?));
    }
    let Times { wall, undisturbed, processor } = typical(&rounds);
    Ok(ShellStart {
        wall_ns: wall,
        undisturbed_ns: undisturbed,
        processor_ns: processor,
        rounds: u64::try_from(rounds.len()).unwrap_or(u64::MAX),
        subtracted,
    })
}

/// Returns the typical times of the shell itself. Its wall time is without what other programs took: a busy machine would
/// have more taken off than many a round takes.
fn typical(rounds: &[Times]) -> Times {
    let median = |of: fn(&Times) -> u64| {
        let times: Vec<u64> = rounds.iter().map(of).collect();
        as_whole(quantile(&sorted(&times), 0.5))
    };
    let undisturbed = median(|times| times.undisturbed);
    let around = rounds.iter().map(|times| times.wall.saturating_sub(times.undisturbed)).min();
    let wall = match undisturbed {
        0 => median(|times| times.wall),
        _ => undisturbed.saturating_add(around.unwrap_or(0)),
    };
    Times { wall, undisturbed, processor: median(|times| times.processor) }
}

impl Times {
    fn of(sample: &Sample) -> Self {
        let undisturbed = sample.stamps.kernel_ns.zip(sample.stamps.preempted_ns);
        Self {
            wall: sample.wall_ns(),
            undisturbed: undisturbed.map_or(0, |(all, preempted)| all.saturating_sub(preempted)),
            processor: sample.ended.user_ns.saturating_add(sample.ended.system_ns),
        }
    }
}

/// The same round without the start of the shell. What was preempted stays known: the rest is what is undisturbed.
pub(super) fn without(sample: &Sample, shell: &ShellStart) -> Sample {
    let mut less = *sample;
    less.end = sample.start.plus(sample.wall_ns().saturating_sub(shell.wall_ns));
    if let (Some(kernel), Some(preempted)) = (sample.stamps.kernel_ns, sample.stamps.preempted_ns) {
        less.stamps.kernel_ns =
            Some(kernel.saturating_sub(shell.undisturbed_ns).max(preempted.min(kernel)));
    }
    // How the kernel splits a time as short as that is left to chance: the sum is right.
    let (user, system) = (sample.ended.user_ns, sample.ended.system_ns);
    let of_user = shell.processor_ns.min(user);
    less.ended.user_ns = user - of_user;
    less.ended.system_ns = system.saturating_sub(shell.processor_ns - of_user);
    less
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;
    use runner_shared::clock::Monotonic;

    use super::*;
    use crate::process::{Ended, Stamps, Status};

    fn sample(wall: u64, (kernel, preempted): (u64, u64), (user, system): (u64, u64)) -> Sample {
        Sample {
            pid: Pid::from_raw(1),
            start: Monotonic(1000),
            end: Monotonic(1000 + wall),
            ended: Ended {
                status: Status::Code(0),
                user_ns: user,
                system_ns: system,
                minor_faults: 0,
                major_faults: 0,
                voluntary_switches: 0,
                involuntary_switches: 0,
                max_rss_bytes: 0,
            },
            stamps: Stamps {
                kernel_ns: Some(kernel),
                preempted_ns: Some(preempted),
                company: false,
            },
            outlived: false,
        }
    }

    #[test]
    fn the_time_of_the_shell_is_its_own_on_a_busy_machine() {
        let round = |wall, undisturbed| Times { wall, undisturbed, processor: 10 };
        let busy = [round(7000, 900), round(1150, 1000), round(9000, 1100)];
        let Times { wall, undisturbed, processor } = typical(&busy);
        assert_eq!((wall, undisturbed, processor), (1150, 1000, 10));
        let unknown = [round(7000, 0), round(1150, 0), round(9000, 0)];
        assert_eq!(typical(&unknown).wall, 7000);
    }

    #[test]
    fn what_the_shell_takes_is_taken_off_each_time_and_never_more() {
        let shell = ShellStart {
            wall_ns: 100,
            undisturbed_ns: 60,
            processor_ns: 50,
            rounds: 9,
            subtracted: true,
        };
        let times = |of: &Sample| {
            let Sample { ended, stamps, .. } = of;
            let undisturbed = stamps.kernel_ns.unwrap() - stamps.preempted_ns.unwrap();
            (of.wall_ns(), undisturbed, ended.user_ns, ended.system_ns)
        };
        let long = without(&sample(500, (400, 90), (200, 100)), &shell);
        assert_eq!(times(&long), (400, 250, 150, 100));
        let split = without(&sample(500, (400, 0), (20, 100)), &shell);
        assert_eq!(times(&split), (400, 340, 0, 70));
        let short = without(&sample(80, (50, 20), (10, 20)), &shell);
        assert_eq!(times(&short), (0, 0, 0, 0));
    }
}

//! Threads where the system allows few of them, or little memory for their stacks.

use std::{
    panic::resume_unwind,
    sync::OnceLock,
    thread::{Builder, available_parallelism},
};

use nix::sys::{
    resource::{Resource, getrlimit},
    signal::SigSet,
};

/// Bytes of stack that our programs are content with.
const ENOUGH: u64 = 1 << 20;
/// Bytes of stack that they get where the system would give the first thread less.
const STACK: usize = 8 << 20;

/// Runs the program: in this thread or, if its stack is too small (`ulimit -s`), in one with a stack of its own.
pub fn with_room<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let is_small = getrlimit(Resource::RLIMIT_STACK).is_ok_and(|(limit, _)| limit < ENOUGH);
    if !is_small {
        return run();
    }
    let mut run = Some(run);
    let outcome = std::thread::scope(|scope| {
        let main = || run.take().map(|run| run());
        let started = Builder::new().stack_size(STACK).spawn_scoped(scope, main);
        started.ok().map(|thread| {
            // Signals are for the thread that does the work. One before this ends us, as it would without a thread.
            let _ = SigSet::all().thread_block();
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    });
    // The thread was not made.
    match (outcome.flatten(), run) {
        (Some(outcome), _) => outcome,
        (None, Some(run)) => run(),
        (None, None) => std::process::abort(),
    }
}

/// Gets the threads of `rayon` ready, which work on all cores. Where the system allows none, this one does all the work:
/// by itself `rayon` would panic. To be called before its first use; further calls do nothing. Returns whether there are
/// threads that work while this one waits for something else.
pub fn start_pool() -> bool {
    static STARTED: OnceLock<bool> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let count = available_parallelism().map_or(1, Into::into);
        let names = |number| format!("worker {number}");
        // Made one after the other: the first refusal ends it.
        let all = rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(names);
        let others = all.build_global().is_ok();
        if !others {
            let alone = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            // Fails if somebody has made one meanwhile, which is as good.
            drop(alone.build_global());
        }
        others
    })
}

/// Does work of `rayon` in this thread alone, in a copy of a process (`fork`): the threads of the original, which `rayon`
/// would wait for, are not in it.
pub fn alone<T>(work: impl FnOnce() -> T) -> T {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    // From here on this thread belongs to that pool; it may belong to one without others already.
    let _pool = builder.build();
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_can_be_started_twice() {
        assert!(start_pool() && start_pool());
        assert_eq!(rayon::join(|| 1, || 2), (1, 2));
    }

    #[test]
    fn alone_all_is_done_by_this_thread() {
        use rayon::prelude::*;
        start_pool();
        std::thread::spawn(|| {
            let here = std::thread::current().id();
            let by: Vec<_> =
                alone(|| (0..1000).into_par_iter().map(|_| std::thread::current().id()).collect());
            assert!(by.iter().all(|thread| *thread == here));
        })
        .join()
        .unwrap();
    }
}

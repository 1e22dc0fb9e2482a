//! A program whose length is known: it computes a number of steps and ends.

use std::hint::black_box;

use runner_shared::clock::now;

/// Steps that are timed to find out how long one takes.
const TRY: u64 = 2_000_000;

/// Computes so many steps.
pub(crate) fn spin(steps: u64) {
    let mut state = 1_u64;
    for step in 0..steps {
        state = black_box(state.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ step);
    }
}

/// Returns the number of steps that take about so many nanoseconds on this machine.
pub(crate) fn steps_of(nanos: u64) -> u64 {
    let fastest = (0..20).map(|_| {
        let start = now();
        spin(TRY);
        now().since(start)
    });
    TRY * nanos / fastest.min().unwrap_or(1).max(1)
}

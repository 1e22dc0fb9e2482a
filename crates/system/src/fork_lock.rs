//! The lock between the thread that hears signals and those who fork: a copy of this process has that thread's locks as
//! they were, and nobody in it to release them.

use std::sync::{Mutex, PoisonError};

/// Held by the thread that hears signals while it does anything but wait.
static AT_WORK: Mutex<()> = Mutex::new(());

/// Keeps the thread that hears signals from doing anything as long as the result lives, which is to be short. A copy that
/// this process makes of itself then finds no lock of that thread's taken, and can do all that the original can.
pub fn hold() -> impl Sized {
    // It guards no value.
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Standard output as it was when the program began. The runtime of Rust puts `/dev/null` in the place of a closed one
//! before `main`, where all that is written is lost without an error: so it has to be looked at before that.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// The system runs what is in this section before the runtime begins (System V ABI, "Initialization and Termination
/// Functions").
#[used]
#[expect(unsafe_code, reason = "there is no safe way to run before the runtime")]
// SAFETY: the section holds pointers to functions like this one, which needs nothing that the runtime makes.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    #[expect(unsafe_code, reason = "a descriptor that may be closed can't be borrowed")]
    // SAFETY: only reads the flags of a descriptor, and fails if there is none.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    WAS_CLOSED.store(flags < 0, Ordering::Relaxed);
}

/// Returns whether there was no standard output when the program began, as with `>&-`.
pub fn is_stdout_closed() -> bool {
    // Otherwise a linker may leave it out.
    black_box(&LOOK);
    WAS_CLOSED.load(Ordering::Relaxed)
}

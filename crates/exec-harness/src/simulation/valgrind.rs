//! Questions that only raw instructions and calls can answer: does this process run under Valgrind, and does a
//! file have capabilities?

#![expect(
    unsafe_code,
    reason = "a client request is a sequence of instructions; no crate has getxattr"
)]

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path, ptr};

/// The request that only Valgrind answers, with the number of Valgrinds below which we run.
const RUNNING_ON_VALGRIND: u64 = 0x1001;

/// Returns true if this process runs under Valgrind.
pub(crate) fn below_valgrind() -> bool {
    request(&[RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0]) > 0
}

/// The same encoding as in `preload/client_request.h`, where it is explained.
#[cfg(target_arch = "x86_64")]
fn request(words: &[u64; 6]) -> u64 {
    let mut answer = 0_u64;
    // SAFETY: natively, the rotations add up to two whole turns and the exchange is of a register
    // with itself, so that nothing changes; Valgrind reads `words` and sets `rdx`.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") words.as_ptr(),
            inout("rdx") answer,
        );
    };
    answer
}

/// The same encoding as in `preload/client_request.h`, where it is explained.
#[cfg(target_arch = "aarch64")]
fn request(words: &[u64; 6]) -> u64 {
    let mut answer = 0_u64;
    // SAFETY: natively, the rotations add up to two whole turns and the rest is a move of a
    // register to itself, so that nothing changes; Valgrind reads `words` and sets `x3`.
    unsafe {
        std::arch::asm!(
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") words.as_ptr(),
            inout("x3") answer,
        );
    };
    answer
}

/// Valgrind knows client requests on other processors, we don't.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn request(_words: &[u64; 6]) -> u64 {
    0
}

/// Returns true if running the file grants privileges in another way than by its mode.
pub(crate) fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: both strings end with a NUL; with a size of 0 nothing is written to the null pointer.
    let size = unsafe {
        libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), ptr::null_mut(), 0)
    };
    size > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_test_does_not_run_below_valgrind() {
        assert!(!below_valgrind());
    }

    #[test]
    fn ordinary_and_missing_files_have_no_capabilities() {
        assert!(!has_capabilities(Path::new("/bin/sh")));
        assert!(!has_capabilities(Path::new("/no/such/file")));
    }
}

//! The filter, run as the kernel would.

use super::*;

/// Tells what becomes of a system call: number, architecture, arguments.
fn verdict(starts: bool, arch: u32, number: u32, args: [u64; 6]) -> u32 {
    let mut data = [number.to_ne_bytes(), arch.to_ne_bytes()].concat();
    data.extend(0_u64.to_ne_bytes());
    data.extend(args.iter().flat_map(|arg| arg.to_ne_bytes()));
    let (filter, mut at, mut value) = (filter(starts), 0, 0);
    loop {
        let sock_filter { code, jt, jf, k } = filter[at];
        let code = u32::from(code);
        at += 1;
        if code == BPF_LD | BPF_W | BPF_ABS {
            let from = usize::try_from(k).unwrap();
            value = u32::from_ne_bytes(*data[from..].first_chunk().unwrap());
        } else if code == BPF_RET | BPF_K {
            return k;
        } else {
            let is = if code == BPF_JMP | BPF_JEQ | BPF_K { value == k } else { value & k != 0 };
            at += usize::from(if is { jt } else { jf });
        }
    }
}

#[track_caller]
fn is_asked(arch: u32, number: u32, args: [u64; 6], expected: bool) {
    let expected = if expected { SECCOMP_RET_USER_NOTIF } else { SECCOMP_RET_ALLOW };
    for starts in [false, true] {
        assert_eq!(verdict(starts, arch, number, args), expected, "{arch:x} {number} {args:?}");
    }
}

#[test]
fn starts_raise_questions_only_if_they_matter() {
    let start = u32::try_from(SYS_set_tid_address).unwrap();
    for (starts, arch, expected) in [
        (true, NATIVE.arch, SECCOMP_RET_USER_NOTIF),
        (false, NATIVE.arch, SECCOMP_RET_ALLOW),
        (true, SHORT.arch, SECCOMP_RET_ALLOW),
        (true, 1, SECCOMP_RET_ALLOW),
    ] {
        assert_eq!(verdict(starts, arch, start, [0; 6]), expected, "{starts} {arch:x}");
    }
}

#[test]
fn only_programs_and_executable_mappings_raise_questions() {
    let mmap = u32::try_from(SYS_mmap).unwrap();
    let flags = |bits: i32| u64::try_from(bits).unwrap();
    let executable = [0, 4096, flags(PROT_EXEC), flags(libc::MAP_PRIVATE), 3, 0];
    for abi in [NATIVE, SHORT] {
        is_asked(abi.arch, abi.execve, [0; 6], true);
        is_asked(abi.arch, abi.execveat, [0; 6], true);
        is_asked(abi.arch, abi.execve + 1, executable, false);
    }
    is_asked(NATIVE.arch, mmap, executable, true);
    let mut anonymous = executable;
    anonymous[3] |= flags(libc::MAP_ANONYMOUS);
    is_asked(NATIVE.arch, mmap, anonymous, false);
    let mut readable = executable;
    readable[2] = flags(libc::PROT_READ);
    is_asked(NATIVE.arch, mmap, readable, false);
    // The number means another call there.
    is_asked(SHORT.arch, mmap, executable, false);
    is_asked(1, NATIVE.execve, [0; 6], false);
    is_asked(NATIVE.arch, SHORT.execve, executable, false);
}

#[test]
fn calls_are_understood_by_the_kind_of_their_program() {
    let asked = |abi: Abi, number: u32, args: [u64; 6]| {
        let nr = i32::try_from(number).unwrap();
        question(7, &libc::seccomp_data { nr, arch: abi.arch, instruction_pointer: 0, args })
    };
    for abi in [NATIVE, SHORT] {
        let exec = Question::Exec { tid: 7, dir: i64::from(libc::AT_FDCWD), path: 16 };
        assert_eq!(asked(abi, abi.execve, [16, 0, 0, 0, 0, 0]), exec);
        let exec = Question::Exec { tid: 7, dir: 5, path: 16 };
        assert_eq!(asked(abi, abi.execveat, [5, 16, 0, 0, 0, 0]), exec);
    }
    let mmap = u32::try_from(SYS_mmap).unwrap();
    let asked_at = |flags: i32, place| {
        let args = [0x1000, 0x2000, 5, u64::try_from(flags).unwrap(), 9, 0x3000];
        assert_eq!(asked(NATIVE, mmap, args), Question::Map { tid: 7, fd: 9, place });
    };
    let place = Place { start: 0x1000, end: 0x3000, offset: 0x3000 };
    asked_at(libc::MAP_PRIVATE, None);
    asked_at(libc::MAP_PRIVATE | libc::MAP_FIXED, Some(place));
    asked_at(libc::MAP_PRIVATE | libc::MAP_FIXED_NOREPLACE, Some(place));
    assert_eq!(asked(SHORT, mmap, [0; 6]), Question::Other);
    let start = u32::try_from(SYS_set_tid_address).unwrap();
    assert_eq!(asked(NATIVE, start, [0; 6]), Question::Start { tid: 7 });
}

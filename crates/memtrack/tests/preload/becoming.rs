//! Processes that become other users, or get another view of the files.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use runner_shared::memory::EventKind;

use crate::{
    programs::Programs,
    support::{Traced, trace},
};

/// The program that is traced, where everybody finds it.
fn program(programs: &Programs) -> PathBuf {
    assert!(Command::new("chmod").arg("755").arg(programs.path()).status().unwrap().success());
    programs.compile("crowd.c", &[])
}

#[track_caller]
fn has_all(traced: &Traced) {
    let count = traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 }));
    // Who becomes another user may ask for a block of such a size, too.
    assert!((200..205).contains(&count), "{count} {:?}", traced.coverage.notes);
}

mod privileged {
    use super::*;

    #[test]
    fn whoever_a_process_becomes_is_counted() {
        let programs = Programs::new();
        let program = program(&programs);
        let shown = program.display();
        let setpriv = |options: &str| format!("setpriv {options} {shown} forks 20");
        let own = format!("unshare --user --map-root-user {shown} forks 20");
        for line in [
            setpriv("--reuid=65534 --regid=65534 --clear-groups"),
            setpriv("--reuid=65534 --regid=65534 --clear-groups --no-new-privs"),
            setpriv("--reuid=1 --regid=1 --init-groups"),
            setpriv("--regid=65534 --clear-groups"),
            format!("su -s /bin/sh nobody -c '{shown} forks 20'"),
            format!("setpriv --reuid=65534 --clear-groups sh -c '{own}'"),
            own,
        ] {
            let traced = trace(Command::new("bash").args(["-c", &format!("{line}; exit $?")]));
            let traced = traced.succeeded();
            has_all(&traced);
            assert_eq!(traced.coverage.notes, [""; 0], "{line}");
        }
    }

    /// A folder with the program and its libraries.
    fn root(programs: &Programs, program: &Path) -> PathBuf {
        let root = programs.path().join("root");
        let script = format!(
            "mkdir -p {root}/proc && cp {program} {root}/program && for file in $(ldd {program} | grep -o '/[^ ]*'); do mkdir -p {root}$(dirname $file) && cp $file {root}$file; done",
            root = root.display(),
            program = program.display()
        );
        assert!(Command::new("bash").args(["-c", &script]).status().unwrap().success());
        root
    }

    /// Hides the paths of library and segment from the process itself.
    const MOVE: &str = "import ctypes
libc = ctypes.CDLL(None)
libc.unshare(0x20000)
libc.mount(b'none', b'/', None, 0x44000, None)
for place in [b'/dev/shm', b'/tmp']:
    libc.mount(b'tmpfs', place, b'tmpfs', 0, None)
libc.popen.restype = ctypes.c_void_p
";

    /// Several shells at the same time; afterwards the environment is whole.
    const THREADS: &str = "import os, threading
ends = [threading.Thread(target=os.system, args=(f'sleep 0.{n}',)) for n in (3, 1, 2)]
[thread.start() for thread in ends]
[thread.join() for thread in ends]
assert os.system('test \"$HOME\" = ' + os.environ['HOME']) == 0
libc.system(line)";

    #[test]
    fn shells_of_a_moved_process_are_followed() {
        let programs = Programs::new();
        let kept = tempfile::tempdir_in("/var/tmp").unwrap();
        std::fs::copy(program(&programs), kept.path().join("program")).unwrap();
        let line = format!("{}/program forks 20", kept.path().display());
        for way in [
            "libc.system(line)",
            "libc.pclose(ctypes.c_void_p(libc.popen(line, b'r')))",
            "libc.wordexp(b'$(' + line + b')', ctypes.create_string_buffer(64), 0)",
            THREADS,
        ] {
            let code = format!("{MOVE}line = b'{line}'\n{way}");
            let traced = trace(Command::new("python3").args(["-c", &code])).succeeded();
            let count = traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 }));
            assert!(count >= 200, "{way} {count}");
            assert_eq!(traced.coverage.notes, [""; 0], "{way}");
        }
    }

    fn in_shell(line: &str) -> Traced {
        trace(Command::new("bash").args(["-c", &format!("{line}; exit $?")])).succeeded()
    }

    #[test]
    fn other_views_of_the_files_are_followed_or_named() {
        let programs = Programs::new();
        let program = program(&programs);
        let root = root(&programs, &program);
        let root = root.display();
        let seen = format!(
            "unshare -m sh -c 'mount -t proc proc {root}/proc; exec chroot {root} /program forks 20'"
        );
        let traced = in_shell(&seen);
        has_all(&traced);
        assert_eq!(traced.coverage.notes, [""; 0]);
        let hidden = "mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /tmp";
        let kept = tempfile::tempdir_in("/var/tmp").unwrap();
        std::fs::copy(&program, kept.path().join("program")).unwrap();
        let kept = kept.path().display();
        let traced = in_shell(&format!("unshare -m sh -c '{hidden}; {kept}/program forks 20'"));
        has_all(&traced);
        assert_eq!(traced.coverage.notes, [""; 0]);
        let traced = in_shell(&format!("chroot {root} /program forks 20"));
        let notes = &traced.coverage.notes;
        assert!(matches!(&notes[..], [note] if note.contains("can't be reached")), "{notes:?}");
        let chroot_closed = format!(
            "python3 -c \"import os; os.chroot('{root}'); os.closerange(3, 2000); os.execv('/program', ['program', 'forks', '20'])\""
        );
        let notes = in_shell(&chroot_closed).coverage.notes;
        assert!(matches!(&notes[..], [note] if note.contains("can't be reached")), "{notes:?}");
        let fixed = programs.compile("pairs.c", &["-static"]);
        let fixed = fixed.display();
        let line = format!("cp {fixed} {root}/fixed; chroot {root} /fixed 10");
        let notes = in_shell(&line).coverage.notes;
        assert!(matches!(&notes[..], [note] if note.contains("/fixed was started")), "{notes:?}");
    }
}

#[test]
fn ways_to_execute_are_followed_or_named() {
    let programs = Programs::new();
    let program = program(&programs);
    let shown = program.display();
    let python = |code: &str| {
        let code = format!("import os, ctypes\nprogram = '{shown}'\n{code}");
        trace(Command::new("python3").args(["-c", &code])).succeeded()
    };
    let arguments = "['program', 'forks', '20']";
    for seen in [
        format!("os.closerange(3, 2000)\nos.execv(program, {arguments})"),
        format!(
            "file = os.memfd_create('it')\nos.write(file, open(program, 'rb').read())\nos.execve(file, {arguments}, os.environ)"
        ),
        "ctypes.CDLL(None).execl(program.encode(), b'program', b'forks', b'20', None)".to_owned(),
        format!("os.waitpid(os.posix_spawn(program, {arguments}, os.environ), 0)"),
        "os.system(program + ' forks 20')".to_owned(),
    ] {
        let traced = python(&seen);
        let count = traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 }));
        assert!(count >= 200, "{seen} {count}");
        assert_eq!(traced.coverage.notes, [""; 0], "{seen}");
    }
    for (unseen, words) in [
        (format!("os.execve(program, {arguments}, {{}})"), "without the variables"),
        ("os.unsetenv('LD_PRELOAD')\nos.system(program)".to_owned(), "without the variables"),
        (
            format!(
                "file = os.memfd_create('it')\nos.write(file, open(program, 'rb').read())\nos.execve(file, {arguments}, {{}})"
            ),
            "memfd:it",
        ),
        (
            "assert ctypes.CDLL(None).dlmopen(ctypes.c_long(-1), b'libm.so.6', 2)".to_owned(),
            "libm.so.6 was loaded into a namespace",
        ),
        (
            "assert ctypes.CDLL('libm.so.6', mode=8 | ctypes.RTLD_LOCAL)".to_owned(),
            "libm.so.6 was loaded by `dlopen` with RTLD_DEEPBIND",
        ),
    ] {
        let traced = python(&unseen);
        let notes = &traced.coverage.notes;
        assert!(matches!(&notes[..], [note] if note.contains(words)), "{unseen} {notes:?}");
    }
}

#[test]
fn a_program_that_is_not_there_is_not_missed() {
    let traced =
        trace(Command::new("python3").args([
            "-c",
            "import os\ntry: os.execv('/there/is/none', ['x'])\nexcept OSError: pass",
        ]));
    assert_eq!(traced.succeeded().coverage.notes, [""; 0]);
}

//! A program on a terminal of its own, and what a user sees there.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use nix::{
    pty::{Winsize, openpty},
    sys::signal::{Signal, kill},
    unistd::{Pid, ttyname},
};
use vt100::Parser;

use crate::wait::arrives;

/// Lines that are remembered above the screen.
const HISTORY: usize = 1000;

/// A terminal with a program on it. Dropping it kills the program, if it still runs.
pub struct Terminal {
    child: Child,
    keyboard: File,
    device: PathBuf,
    parser: Parser,
}

impl Terminal {
    /// Starts the program with all its streams on a terminal of this size. Ctrl-C reaches a program that `setsid --ctty`
    /// has started.
    #[track_caller]
    pub(crate) fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let device = ttyname(&pty.slave).unwrap();
        let stream = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.stdin(stream(&pty.slave)).stdout(stream(&pty.slave)).stderr(stream(&pty.slave));
        let child = command.spawn().unwrap();
        let parser = Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), HISTORY);
        Self { child, keyboard: pty.master.into(), device, parser }
    }

    /// Waits until the text is on the screen, and returns the screen.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> String {
        while !self.screen().contains(text) {
            assert!(self.read(), "not a word of `{text}`:\n{}", self.screen());
        }
        self.screen()
    }

    /// Returns what is on the screen, without empty lines at its end.
    pub fn screen(&self) -> String {
        self.parser.screen().contents().trim_end().to_owned()
    }

    /// Presses keys.
    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the window larger or smaller.
    #[track_caller]
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let device = OpenOptions::new().read(true).write(true).open(&self.device).unwrap();
        let mut stty = Command::new("stty");
        stty.args(["rows", &rows.to_string(), "columns", &columns.to_string()]);
        assert!(stty.stdin(device).status().unwrap().success());
        let (rows, columns) = (rows.try_into().unwrap(), columns.try_into().unwrap());
        self.parser.screen_mut().set_size(rows, columns);
    }

    /// Waits for the end. Returns the exit code, -1 for a signal, and what the user then sees: the last screen, if the
    /// cursor is visible and at the beginning of a line, as a shell wants it.
    #[track_caller]
    pub fn end(mut self) -> (i32, String) {
        while self.read() {}
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let screen = self.parser.screen();
        assert!(!screen.hide_cursor(), "the cursor is hidden:\n{}", self.screen());
        assert_eq!(screen.cursor_position().1, 0, "within a line:\n{}", self.screen());
        (code, self.screen())
    }

    /// Reads what the program writes, once. False at the end.
    fn read(&mut self) -> bool {
        assert!(arrives(&self.keyboard), "nothing happens any more:\n{}", self.screen());
        let mut bytes = [0; 4096];
        // An error is the end as well: nobody has the other side open.
        let len = self.keyboard.read(&mut bytes).unwrap_or(0);
        self.parser.process(bytes.get(..len).unwrap_or_default());
        len > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let pid = Pid::from_raw(self.child.id().try_into().unwrap());
            // It takes its benchmark along.
            let _ = kill(pid, Signal::SIGTERM);
            drop(self.child.wait());
        }
    }
}

//! Processes that take all the time of a processor that they can get.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
};

/// An endless loop, which ends with this value.
pub(crate) struct Loop(Child);

impl Loop {
    /// Starts this program with the argument `forever`, which has to loop then.
    pub(crate) fn start(own: &Path) -> io::Result<Self> {
        Command::new(own).arg("forever").stdin(Stdio::null()).spawn().map(Self)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // It can only be gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

//! The user for whom commands work under sudo and its like. The program keeps the rights of root for its tools; files
//! and benchmarks are the user's.

use std::{fs, io, path::Path};

use runner_shared::{env_names, run_as::RunAs, text::shown};

use super::Context;
use crate::{
    cli::Command,
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// The place where temporary files go when the folder of root is not for others.
const TEMPORARY: &str = "/tmp";

impl Context {
    /// Makes the context that of whom `command` works for: who called sudo, or whom `--run-as` names. From then on what
    /// this thread makes is theirs. To be called before there are other threads.
    pub(crate) fn work_for_its_user(&mut self, command: &Command) -> Result<(), CliError> {
        let shared = command.shared();
        // What `setup` installs is what the others use, and what they store is what these look for.
        let concerned = shared.is_some()
            || matches!(
                command,
                Command::Setup(_)
                    | Command::Status
                    | Command::Gate(_)
                    | Command::Compare(_)
                    | Command::History(_)
                    | Command::Store(_)
                    | Command::Merge(_)
                    | Command::Import(_)
                    | Command::Inspect(_)
                    | Command::Report(_)
            );
        if !concerned {
            return Ok(());
        }
        let told = shared.and_then(|shared| shared.run_as.as_deref());
        let Some(user) = RunAs::choose(told, |name| self.env.get(name))? else { return Ok(()) };
        user.use_files()?;
        if let Some(shared) = shared {
            usable(shared.working_directory.as_deref().unwrap_or(Path::new(".")), &user)?;
            let text = format!(
                "running the benchmark as {}, who owns the results; profiler and tracer run as root (use `--run-as \
                    root` to run everything as root)",
                user.shown()
            );
            self.ui.event(&RunEvent::Step(text));
        }
        let mut env = self.env.clone();
        for (name, value) in user.environment(|name| self.env.get(name)) {
            env = env.with(name, value);
        }
        let temporary = env.get(env_names::TMPDIR).map(Path::new);
        if temporary.is_some_and(|folder| tempfile::tempfile_in(folder).is_err()) {
            env = env.with(env_names::TMPDIR, TEMPORARY);
            // Fails if somebody has done that before: there is nobody.
            drop(tempfile::env::override_temp_dir(Path::new(TEMPORARY)));
        }
        self.env = env.of_user(user);
        Ok(())
    }
}

/// Returns whether `user`, whose files this thread uses, may use the folder that the benchmark is to run in.
fn usable(folder: &Path, user: &RunAs) -> Result<(), CliError> {
    // A name that is in every folder: to look it up needs the right to use the folder.
    match fs::metadata(folder.join(".")) {
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
            let text =
                format!("the folder `{}` is not accessible to {}", shown(&folder), user.shown());
            let hint = "run it in a folder that they can access, or with `--run-as root`";
            Err(CliError::new(ExitKind::Missing, text).hint(hint))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

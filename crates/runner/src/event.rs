//! What happens during a run that the user may want to see. One closed list: every sink handles all of it.

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunEvent {
    /// Another run holds the machine-wide lock; we wait.
    Waiting {
        /// What is known of the other run.
        holder: String,
    },
    /// The result is worth less, or something is odd.
    Warning(String),
    /// The user wants an end; the benchmark is asked to stop.
    Stopping,
    /// The benchmark did not stop and is killed.
    Killing,
    /// A step of the run, for those who look on.
    Step(String),
}

//! Variables by which git is told how to behave, and of which repository.

use super::{EnvName, env};

/// Git's own: it must not write what it has seen into the index.
pub const GIT_OPTIONAL_LOCKS: EnvName =
    env("GIT_OPTIONAL_LOCKS", "set to `0` for git, which then only reads the user's repository");
/// Git's own: it must not ask for a password.
pub const GIT_TERMINAL_PROMPT: EnvName =
    env("GIT_TERMINAL_PROMPT", "set to `0` for git, so that it asks nobody anything");
/// That of Git LFS: checkouts leave large files as they are in the repository.
pub const GIT_LFS_SKIP_SMUDGE: EnvName = env(
    "GIT_LFS_SKIP_SMUDGE",
    "read by `ab`: each side has the large files that the user's repository has, all the same",
);
/// Git's own: the repository, wherever it is called.
pub const GIT_DIR: EnvName = env("GIT_DIR", "taken away by `ab`: each side has its repository");
/// Git's own: the files of it.
pub const GIT_WORK_TREE: EnvName = env("GIT_WORK_TREE", "as GIT_DIR");
/// Git's own: its index.
pub const GIT_INDEX_FILE: EnvName = env("GIT_INDEX_FILE", "as GIT_DIR");
/// Git's own: where objects are written to.
pub const GIT_OBJECT_DIRECTORY: EnvName = env("GIT_OBJECT_DIRECTORY", "as GIT_DIR");
/// Git's own: where objects are read from.
pub const GIT_ALTERNATE_OBJECT_DIRECTORIES: EnvName =
    env("GIT_ALTERNATE_OBJECT_DIRECTORIES", "as GIT_DIR");
/// Git's own: what worktrees share.
pub const GIT_COMMON_DIR: EnvName = env("GIT_COMMON_DIR", "as GIT_DIR");
/// Git's own: a part of the references.
pub const GIT_NAMESPACE: EnvName = env("GIT_NAMESPACE", "as GIT_DIR");
/// Git's own: the folder within the files.
pub const GIT_PREFIX: EnvName = env("GIT_PREFIX", "as GIT_DIR");

/// Variables that tell git of another repository than the one of the folder it is called in: hooks have them.
pub const OTHER_REPOSITORY: &[EnvName] = &[
    GIT_DIR,
    GIT_WORK_TREE,
    GIT_INDEX_FILE,
    GIT_OBJECT_DIRECTORY,
    GIT_ALTERNATE_OBJECT_DIRECTORIES,
    GIT_COMMON_DIR,
    GIT_NAMESPACE,
    GIT_PREFIX,
];

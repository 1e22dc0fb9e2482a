//! Compiles the programs of this folder; both test binaries use it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A folder with compiled programs.
pub struct Programs {
    folder: TempDir,
}

impl Programs {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Compiles `tests/programs/<name>`, with `c++` when that is its language.
    pub fn compile(&self, name: &str, flags: &[&str]) -> PathBuf {
        let is_cpp = Path::new(name).extension().is_some_and(|extension| extension == "cpp");
        let compiler = if is_cpp { "c++" } else { "cc" };
        self.compile_with(compiler, name, flags)
    }

    pub fn compile_with(&self, compiler: &str, name: &str, flags: &[&str]) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name);
        let program = self.path().join(name.replace('.', "_"));
        let status = Command::new(compiler)
            .args(["-O1", "-fno-builtin", "-pthread", "-o"])
            .arg(&program)
            .arg(&source)
            .args(flags)
            .status()
            .unwrap();
        assert!(status.success(), "{compiler} {name}");
        program
    }
}

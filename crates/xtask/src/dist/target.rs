//! Which target is built, and why: what this machine has a standard library and a C compiler for.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::{self, Cmd};

use crate::say;

/// A target that can be built here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) triple: String,
    /// The reason why it is this one.
    pub(super) why: String,
}

/// Targets that this machine can build.
#[derive(Debug)]
struct Machine {
    /// The target of the compiler itself.
    host: String,
    /// Targets with an installed standard library.
    installed: Vec<String>,
    has_musl_gcc: bool,
}

/// The target that was asked for, or the best one of this machine.
pub(super) fn choose(asked: Option<&str>) -> Result<Target> {
    let version = Cmd::new("rustc").args(["-vV"]).capture()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let sysroot = Cmd::new("rustc").args(["--print", "sysroot"]).capture()?;
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    let list = std::fs::read_dir(&libraries)
        .with_context(|| format!("could not read `{}`", say::path(&libraries)))?;
    let installed = list
        .flatten()
        .filter(|entry| entry.path().join("lib").is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let machine = Machine {
        host: host.context("`rustc -vV` doesn't name the host")?.to_owned(),
        installed,
        has_musl_gcc: shell::find("musl-gcc").is_some(),
    };
    pick(asked, &machine)
}

fn pick(asked: Option<&str>, machine: &Machine) -> Result<Target> {
    if let Some(triple) = asked {
        if !machine.installed.iter().any(|installed| installed == triple) {
            bail!(
                "the standard library for {triple} is not installed here; run `rustup target add {triple}`, or use one of {}",
                machine.installed.join(", ")
            );
        }
        return Ok(Target { triple: triple.to_owned(), why: "requested".to_owned() });
    }
    let musl = machine.host.replace("-gnu", "-musl");
    let lacks = if !machine.installed.contains(&musl) {
        format!("the standard library for {musl} (`rustup target add {musl}`)")
    } else if !machine.has_musl_gcc {
        "`musl-gcc` (Debian: musl-tools)".to_owned()
    } else {
        return Ok(Target { triple: musl, why: "runs with any C library".to_owned() });
    };
    Ok(Target {
        triple: machine.host.clone(),
        why: format!("needs the glibc named below; missing for a static build: {lacks}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GNU: &str = "x86_64-unknown-linux-gnu";
    const MUSL: &str = "x86_64-unknown-linux-musl";

    fn machine(installed: &[&str], has_musl_gcc: bool) -> Machine {
        let installed = installed.iter().map(|&triple| triple.to_owned()).collect();
        Machine { host: GNU.to_owned(), installed, has_musl_gcc }
    }

    #[test]
    fn musl_is_taken_where_it_can_be_built() {
        assert_eq!(pick(None, &machine(&[GNU, MUSL], true)).unwrap().triple, MUSL);
        let without = pick(None, &machine(&[GNU, MUSL], false)).unwrap();
        assert_eq!(without.triple, GNU);
        assert!(without.why.contains("musl-gcc"), "{}", without.why);
        let without = pick(None, &machine(&[GNU], true)).unwrap();
        assert_eq!(without.triple, GNU);
        assert!(without.why.contains("rustup target add"), "{}", without.why);
    }

    #[test]
    fn a_target_without_a_standard_library_is_refused_with_a_hint() {
        let err = pick(Some(MUSL), &machine(&[GNU], true)).unwrap_err().to_string();
        assert!(err.contains(&format!("rustup target add {MUSL}")), "{err}");
        assert_eq!(pick(Some(GNU), &machine(&[GNU], true)).unwrap().why, "requested");
    }
}

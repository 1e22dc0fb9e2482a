//! `cargo xtask demo`: measures a bundled program, then a slower build of the same source, compares both, and shows the
//! other modes.
//! Everything happens in a scratch folder, with a home of its own and, where that is possible, without a network.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::files;
use crate::say;
use crate::setup::{self, MISSING};
use crate::shell::{self, Cmd};
use crate::tools::Task;
use crate::workspace::Workspace;

/// One run of `codspeed`.
struct Scene {
    title: &'static str,
    /// A program without which there is nothing to show.
    needs: Option<&'static str>,
    args: &'static [&'static str],
}

/// To show something else, add a row.
const SCENES: &[Scene] = &[
    Scene {
        title: "one measurement, with a profile if perf may record",
        needs: None,
        args: &["exec", "--", "./wordfreq", "texts"],
    },
    Scene {
        title: "the slower build of the same source",
        needs: None,
        args: &["exec", "--", "./wordfreq-slow", "texts"],
    },
    Scene {
        title: "how much slower is it?",
        needs: None,
        args: &["exec", "--vs", "./wordfreq texts", "--", "./wordfreq-slow", "texts"],
    },
    Scene {
        title: "instructions, counted by Valgrind",
        needs: Some("valgrind"),
        args: &["exec", "-m", "simulation", "--", "./wordfreq", "texts"],
    },
    Scene {
        title: "memory, traced from the kernel if permitted, otherwise with a preloaded library",
        needs: None,
        args: &["exec", "-m", "memory", "--", "./wordfreq", "texts"],
    },
];

/// The command.
pub(crate) fn run() -> Result<ExitCode> {
    if !setup::ensure(Some(Task::Demo)) {
        return Ok(ExitCode::from(MISSING));
    }
    let workspace = Workspace::load()?;
    let ours = ["-p", "runner", "-p", "exec-harness", "-p", "memtrack"];
    workspace.cargo(&[&["build", "--release"], &ours[..]].concat()).run()?;

    let scratch = Scratch::create(&workspace)?;
    build_program(&workspace, &[], &scratch.dir.join("wordfreq"))?;
    build_program(
        &workspace,
        &["--features", "slow-wordfreq"],
        &scratch.dir.join("wordfreq-slow"),
    )?;

    let stage = Stage::set_up(workspace.release("codspeed"), &scratch.dir);
    let (shown, left_out): (Vec<&Scene>, Vec<&Scene>) =
        SCENES.iter().partition(|scene| scene.needs.is_none_or(|tool| shell::find(tool).is_some()));
    for scene in &shown {
        say::note(&format!("\ndemo: {}", scene.title));
        stage.codspeed(scene.args)?;
    }
    for scene in left_out {
        let tool = scene.needs.unwrap_or_default();
        say::note(&format!("\ndemo: NOT SHOWN: {}: needs {tool}", scene.title));
    }

    let network = if stage.offline {
        "without a network"
    } else {
        "with the network, which could not be switched off here"
    };
    say::note(&format!(
        "\ndemo: done; {} runs of codspeed succeeded in a clean home, {network}",
        shown.len()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Builds the bundled program and puts it where the demo wants it.
fn build_program(workspace: &Workspace, features: &[&str], to: &Path) -> Result<()> {
    let base = ["build", "--release", "-p", "xtask", "--example", "wordfreq"];
    workspace.cargo(&[&base, features].concat()).run()?;
    let built = workspace.release("examples/wordfreq");
    files::copy(&built, to).with_context(|| format!("could not copy `{}`", say::path(&built)))?;
    Ok(())
}

/// The place where and how `codspeed` is started.
struct Stage {
    codspeed: PathBuf,
    folder: PathBuf,
    env: Vec<(&'static str, OsString)>,
    offline: bool,
}

impl Stage {
    /// Says what all commands of the demo have in common.
    fn set_up(codspeed: PathBuf, folder: &Path) -> Self {
        let mut env = vec![
            ("HOME", folder.join("home").into_os_string()),
            // Profile folders are made here, so that the demo leaves none behind.
            ("TMPDIR", folder.as_os_str().to_owned()),
        ];
        // What is needed to find programs, and what a terminal needs; nothing else of the caller.
        for name in ["PATH", "TERM", "COLUMNS", "NO_COLOR"] {
            env.extend(shell::env(name).map(|value| (name, value)));
        }
        let stage = Self { codspeed, folder: folder.to_owned(), env, offline: can_cut_network() };
        let names: Vec<&str> = stage.env.iter().map(|(name, _)| *name).collect();
        say::note(&format!(
            "\ndemo: all commands run in {}, with only these variables: {}",
            say::path(&folder),
            names.join(", ")
        ));
        stage
    }

    fn codspeed(&self, args: &[&str]) -> Result<()> {
        let words =
            [OsString::from("unshare"), OsString::from("--net"), self.codspeed.clone().into()];
        let mut words = words.into_iter().skip(if self.offline { 0 } else { 2 });
        let program = words.next().unwrap_or_default();
        let cmd = Cmd::new(program).args(words).args(args).cwd(&self.folder).clean_env();
        self.env.iter().fold(cmd, |cmd, (name, value)| cmd.env(name, value)).run()
    }
}

/// A network namespace of its own needs rights; the demo works without.
fn can_cut_network() -> bool {
    Cmd::new("unshare").args(["--net", "true"]).succeeds()
}

/// The folder of one demo; gone when the demo ends.
struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    fn create(workspace: &Workspace) -> Result<Self> {
        let dir = workspace.target.join(format!("demo-{}", std::process::id()));
        let scratch = Self { dir };
        let texts = scratch.dir.join("texts");
        for folder in [&scratch.dir.join("home"), &texts] {
            fs::create_dir_all(folder)
                .with_context(|| format!("could not create `{}`", say::path(&folder)))?;
        }
        for (name, seed) in [("one.txt", 1), ("two.txt", 2), ("three.txt", 3)] {
            let file = texts.join(name);
            files::write(&file, text(seed))
                .with_context(|| format!("could not write `{}`", say::path(&file)))?;
        }
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(err) = fs::remove_dir_all(&self.dir) {
            say::note(&format!("demo: could not remove `{}`: {err}", say::path(&self.dir)));
        }
    }
}

/// Some hundred kilobytes of words, the same ones at every call.
fn text(seed: u64) -> String {
    const WORDS: u32 = 40_000;
    let mut state = seed;
    let mut text = String::new();
    for number in 1..=WORDS {
        // The multiplier and the increment of Knuth's MMIX.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The product of two even draws makes some words far more frequent than others, as in real texts.
        let (one, other) = (state >> 58, (state >> 40) & 63);
        let end = if number % 12 == 0 { '\n' } else { ' ' };
        text.push_str(&word(one * other));
        text.push(end);
    }
    text
}

/// A pronounceable word for a number below 4096.
fn word(number: u64) -> String {
    let letter = |letters: &str, shift: u64| {
        let place = usize::try_from((number >> shift) & 7).unwrap_or(0);
        letters.chars().nth(place).unwrap_or('x')
    };
    [
        letter("BDFKLMNR", 0),
        letter("aeiouyao", 3),
        letter("bdfklmnr", 6),
        letter("aeiouyao", 9),
        's',
    ]
    .iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_same_at_every_call_and_differs_by_seed() {
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn words_differ_by_their_number() {
        assert_eq!([word(0), word(1), word(4095)], ["Babas", "Dabas", "Roros"]);
    }
}

//! The attack on files: each file that a command reads is replaced in each way, one at a time. Nothing may hang, panic,
//! take much memory or show what is not its user's, and an error names the file.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::probe::{Outcome, probe};
use super::replace::{REPLACEMENTS, Replacement, SECRET, remove};
use super::stage::Stage;
use super::{Findings, Scale, service};
use crate::files;
use crate::say;
use crate::shell::Cmd;

/// The place of each case.
const CASE: &str = "/tmp/case";
/// More memory is a finding.
const MOST_MIB: i64 = 200;
/// Slower ones are listed.
const SLOW_SECONDS: f64 = 2.0;

/// A command of one of our programs, in the folder of the case.
#[derive(Debug)]
struct Command {
    name: &'static str,
    program: &'static str,
    /// Words with spaces between them.
    words: &'static str,
    stdin: Option<&'static str>,
    /// Undisturbed output is the same each time, so that a difference has to be explained.
    is_steady: bool,
    /// It has to read all of a file, however long that is.
    reads_all: bool,
}

const fn command(name: &'static str, program: &'static str, words: &'static str) -> Command {
    Command { name, program, words, stdin: None, is_steady: false, reads_all: false }
}

const fn uploading(words: &'static str) -> Command {
    Command { reads_all: true, ..command("upload", "codspeed", words) }
}

impl Command {
    fn names(&self, file: &str) -> bool {
        self.words.contains(file) || self.stdin == Some(file)
    }
}

const EXPORTS: &str = "inspect real --export json=o.json --export csv=o.csv --export markdown=o.md --export asciidoc=o.adoc --export folded=o.folded --export speedscope=o.speedscope --export firefox=o.firefox --export pprof=o.pprof";

/// Stands for the beginning of an address of the service.
const SERVICE: &str = "SERVICE";

/// Commands that read what a run has left in the folder `real`.
const OF_RUNS: &[Command] = &[
    Command { is_steady: true, ..command("inspect", "codspeed", "inspect real") },
    command("inspect --export", "codspeed", EXPORTS),
    uploading("upload real --token t --repository acme/widgets --upload-url SERVICE/upload"),
    command(
        "exec again",
        "codspeed",
        "exec --no-perf --skip-upload --profile-folder real --warmup-time 0 --max-rounds 1 -- true",
    ),
];

/// Commands that read the project, the user's files, the state of the shell or the lock.
const OF_USERS: &[Command] = &[
    command("status", "codspeed", "status --api-url SERVICE/graphql"),
    command("show", "codspeed", "show"),
    command("use", "codspeed", "use walltime"),
    command("profile list", "codspeed", "profile list"),
    command("auth status", "codspeed", "auth status --api-url SERVICE/graphql"),
    command("auth logout", "codspeed", "auth logout"),
    command("run --list", "codspeed", "run --list"),
    command("run", "codspeed", "run --no-perf --skip-upload --profile-folder new"),
    command(
        "exec",
        "codspeed",
        "exec --no-perf --upload --token t --upload-url SERVICE/upload --api-url SERVICE/graphql --profile-folder new --warmup-time 0 --max-rounds 1 -- true",
    ),
    uploading("upload left --token t --repository acme/widgets --upload-url SERVICE/upload"),
];

/// The files of [`OF_USERS`], besides the state of the shell. Absolute ones are not in the folder of the case.
const FILES_OF_USERS: &[&str] = &[
    "codspeed.yml",
    ".git",
    ".git/HEAD",
    ".git/config",
    ".git/packed-refs",
    ".git/refs/heads/main",
    "home/.config/codspeed/config.yaml",
    "home/.config/codspeed",
    "run",
    "left/.codspeed",
    "/tmp/runner.lock",
];

/// Commands that are given a file by name.
const OF_TOOLS: &[Command] = &[
    Command { stdin: Some("list.json"), ..command("exec-harness -", "exec-harness", "-") },
    command(
        "exec-harness --input",
        "exec-harness",
        "--input list.json --warmup-time 0 --max-rounds 1 -- true",
    ),
    command(
        "memtrack --output",
        "codspeed-memtrack",
        "track --backend preload --output traced -- true",
    ),
    command(
        "memtrack --control",
        "codspeed-memtrack",
        "track --backend preload --output out --control fifo:control,ack -- true",
    ),
    command("exec --config", "codspeed", "run --config given.yml --list"),
];

const FILES_OF_TOOLS: &[&str] = &["list.json", "traced", "control", "ack", "given.yml"];

/// The modes, and what else is said to measure in them.
const MODES: [(&str, &str); 3] =
    [("walltime", ""), ("memory", " --backend preload --stacks"), ("simulation", "")];

/// Files that are replaced, and the commands that may read them.
struct Scene {
    name: String,
    template: PathBuf,
    files: Vec<String>,
    commands: &'static [Command],
    /// A command reads only the files that it names.
    are_named: bool,
}

/// The attack.
pub(super) fn run(stage: &Stage, scale: Scale) -> Result<Findings> {
    let mut attack = FileAttack { stage, service: service::start()?, findings: Vec::new() };
    // The longest ones last.
    for (turn, scene) in scenes(&attack)?.iter().enumerate().rev() {
        attack.scene(scene, turn, scale)?;
    }
    Ok(attack.findings)
}

struct FileAttack<'a> {
    stage: &'a Stage,
    service: String,
    findings: Findings,
}

/// A command with all files whole, as it was seen.
#[derive(Default)]
struct Row {
    tried: usize,
    refused: usize,
    seconds: f64,
    peak_mib: i64,
}

impl FileAttack<'_> {
    /// Tries all commands of a scene. When each is tried once with each kind, the scenes of runs take turns.
    fn scene(&mut self, scene: &Scene, turn: usize, scale: Scale) -> Result<()> {
        say::data(&format!("\n{}: {} files", scene.name, scene.files.len()));
        say::data("command              replacement        tried  refused  slowest s  most MiB");
        for (at, command) in scene.commands.iter().enumerate() {
            let undisturbed = self.undisturbed(scene, command)?;
            for (row, replacement) in REPLACEMENTS.iter().enumerate() {
                let is_runs = turn < MODES.len();
                if scale == Scale::Quick && is_runs && (at + row) % MODES.len() != turn {
                    continue;
                }
                let mut seen = Row::default();
                let read: Vec<&String> = scene
                    .files
                    .iter()
                    .filter(|file| !scene.are_named || command.names(file))
                    .collect();
                for (index, file) in read.iter().enumerate() {
                    let is_turn = index == (at * REPLACEMENTS.len() + row) % read.len();
                    if scale == Scale::Full || is_turn {
                        self.case(scene, command, (replacement, file), &undisturbed, &mut seen)?;
                    }
                }
                say::data(&format!(
                    "{:20} {:18} {:5} {:8} {:10.2} {:9}",
                    command.name,
                    replacement.name,
                    seen.tried,
                    seen.refused,
                    seen.seconds,
                    seen.peak_mib
                ));
            }
        }
        Ok(())
    }

    fn case(
        &mut self,
        scene: &Scene,
        command: &Command,
        (replacement, file): (&Replacement, &str),
        undisturbed: &Outcome,
        seen: &mut Row,
    ) -> Result<()> {
        let path = self.set_up(scene, replacement.as_nobody)?.join(file);
        let is_same = path.is_dir() && replacement.name == "folder";
        if is_same || (command.reads_all && replacement.is_long) {
            return Ok(());
        }
        replacement.put(&path)?;
        let outcome = self.outcome(command, replacement.as_nobody)?;
        remove(&path)?;
        seen.tried += 1;
        seen.refused += usize::from(outcome.code() != 0);
        seen.seconds = seen.seconds.max(outcome.seconds);
        seen.peak_mib = seen.peak_mib.max(outcome.peak_mib);
        let case = format!("{}: {}: `{file}` as {}", scene.name, command.name, replacement.name);
        if let Some(fault) = verdict(command, &path, &outcome, undisturbed) {
            say::note(&format!("finding: {case}: {fault}"));
            self.findings.push(format!("{case}: {fault}"));
        } else if outcome.seconds > SLOW_SECONDS {
            say::note(&format!("slow: {case}: {:.1} s", outcome.seconds));
        }
        Ok(())
    }

    fn undisturbed(&self, scene: &Scene, command: &Command) -> Result<Outcome> {
        self.set_up(scene, false)?;
        let outcome = self.outcome(command, false)?;
        if outcome.code() != 0 {
            bail!("`{}` fails without a replaced file: {}", command.name, outcome.output);
        }
        Ok(outcome)
    }

    /// A fresh copy of the template. Nothing of the last case is left.
    fn set_up(&self, scene: &Scene, for_nobody: bool) -> Result<PathBuf> {
        let case = PathBuf::from(CASE);
        remove(&case)?;
        remove(Path::new("/tmp/runner.lock"))?;
        let here = Path::new("/tmp");
        self.stage.tool("cp", here).args(["-a"]).args([&scene.template, &case]).quietly()?;
        if for_nobody {
            self.stage.give_to_nobody(&case)?;
        }
        Ok(case)
    }

    fn outcome(&self, command: &Command, as_nobody: bool) -> Result<Outcome> {
        let case = Path::new(CASE);
        let cmd = if as_nobody {
            self.stage.program_of_nobody(command.program, case)
        } else {
            self.stage.program(command.program, case)
        };
        let cmd =
            cmd.args(command.words.split(' ').map(|word| word.replace(SERVICE, &self.service)));
        let stdin = command.stdin.map(|name| case.join(name));
        // What can't be opened is no standard input, and to wait for a pipe is right.
        let is_input = |path: &PathBuf| {
            let kind = fs::metadata(path).map(|about| about.file_type());
            kind.is_ok_and(|kind| kind.is_file() || kind.is_dir() || kind.is_char_device())
        };
        let stdin = stdin.filter(is_input);
        probe(&cmd, stdin.as_deref())
    }
}

/// Returns the fault of an outcome, if it has one.
fn verdict(command: &Command, path: &Path, got: &Outcome, undisturbed: &Outcome) -> Option<String> {
    if let Some(fault) = got.fault() {
        return Some(fault);
    }
    if got.output.contains(SECRET) {
        return Some("shows another user's secret".to_owned());
    }
    if got.peak_mib > MOST_MIB {
        return Some(format!("used {} MiB of memory", got.peak_mib));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    // Standard input has no name.
    let is_input = command.stdin.is_some() && got.output.contains("list of benchmarks");
    // What is none is no repository, and that is said.
    let is_git = path.ends_with(".git")
        && ["not in a Git repository", "not in a repository", "doesn't belong to a repository"]
            .iter()
            .any(|words| got.output.contains(words));
    let is_named = is_input || is_git || name.is_some_and(|name| got.output.contains(&name));
    let differs =
        got.code() != undisturbed.code() || (command.is_steady && got.output != undisturbed.output);
    if differs && !is_named {
        return Some(format!(
            "exit code {}, and the message doesn't name the file: {}",
            got.code(),
            got.line()
        ));
    }
    None
}

/// Makes the templates: real runs in all modes, a project, and files for tools.
fn scenes(attack: &FileAttack<'_>) -> Result<Vec<Scene>> {
    let stage = attack.stage;
    let mut scenes = Vec::new();
    for (mode, words) in MODES {
        let template = folder(&format!("/tmp/template-{mode}"))?;
        let words = format!(
            "exec -m {mode} --skip-upload --profile-folder real --warmup-time 0 --max-rounds 3{words} -- seq 100000"
        );
        stage.program("codspeed", &template).args(words.split(' ')).quietly()?;
        let files = listing(&template.join("real"), "real")?;
        scenes.push(Scene {
            name: format!("what a run leaves, {mode}"),
            template,
            files,
            commands: OF_RUNS,
            are_named: false,
        });
    }
    let template = project(attack)?;
    let mut files: Vec<String> = FILES_OF_USERS.iter().map(|&file| file.to_owned()).collect();
    files.extend(listing(&template.join("run"), "run")?);
    scenes.push(Scene {
        name: "project and user".to_owned(),
        template,
        files,
        commands: OF_USERS,
        are_named: false,
    });
    let template = folder("/tmp/template-tools")?;
    files::write(
        template.join("list.json"),
        r#"[{"command": ["true"], "walltime_args": {"warmup_time": "0", "max_rounds": 1}}]"#,
    )?;
    files::write(template.join("given.yml"), "benchmarks: [{exec: 'true'}]\n")?;
    for fifo in ["control", "ack"] {
        nix::unistd::mkfifo(&template.join(fifo), nix::sys::stat::Mode::from_bits_truncate(0o600))?;
    }
    let files = FILES_OF_TOOLS.iter().map(|&file| file.to_owned()).collect();
    scenes.push(Scene {
        name: "files by name".to_owned(),
        template,
        files,
        commands: OF_TOOLS,
        are_named: true,
    });
    Ok(scenes)
}

/// A repository with a project file, a user with a login, a shell that uses something, and a run that was made.
fn project(attack: &FileAttack<'_>) -> Result<PathBuf> {
    let template = folder("/tmp/template-project")?;
    let git = |words: &str| {
        let cmd = attack.stage.tool("git", &template).args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.test",
        ]);
        cmd.args(words.split(' ')).quietly()
    };
    git("init --quiet --initial-branch=main")?;
    git("commit --quiet --allow-empty --message=begin")?;
    git("remote add origin https://github.com/acme/widgets")?;
    git("branch other")?;
    git("pack-refs")?;
    git("commit --quiet --allow-empty --message=next")?;
    files::write(
        template.join("codspeed.yml"),
        "benchmarks:\n- exec: 'true'\n  options: {max-rounds: 1, warmup-time: 0}\n",
    )?;
    let codspeed =
        |words: &str| attack.stage.program("codspeed", &template).args(words.split(' ')).quietly();
    folder("/tmp/template-project/run")?;
    fs::set_permissions(template.join("run"), std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    codspeed("profile set default --upload-url https://a.test/upload")?;
    codspeed("use walltime")?;
    codspeed("profile use default")?;
    codspeed(
        "exec --no-perf --skip-upload --profile-folder left --warmup-time 0 --max-rounds 1 -- true",
    )?;
    Ok(template)
}

fn folder(path: &str) -> Result<PathBuf> {
    fs::create_dir_all(path).with_context(|| format!("could not make `{path}`"))?;
    Ok(PathBuf::from(path))
}

/// Lists all that is below a folder, beginning with `shown`: of the files with one ending, as those of each module are, two.
fn listing(folder: &Path, shown: &str) -> Result<Vec<String>> {
    let all = everything(folder, shown)?;
    let ending = |name: &str| name.rsplit_once('.').map(|(_, ending)| ending.to_owned());
    let mut endings: Vec<String> = Vec::new();
    let mut is_wanted = |name: &String| match ending(name) {
        None => true,
        Some(ending) => {
            endings.push(ending.clone());
            endings.iter().filter(|known| **known == ending).count() <= 2
        }
    };
    Ok(all.into_iter().filter(|name| is_wanted(name)).collect())
}

fn everything(folder: &Path, shown: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{shown}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            found.extend(everything(&entry.path(), &name)?);
        }
        found.push(name);
    }
    found.sort();
    Ok(found)
}

impl Cmd {
    /// Runs it without a word, and demands success.
    fn quietly(&self) -> Result<()> {
        let outcome = probe(self, None)?;
        if outcome.code() != 0 {
            bail!("`{}` failed: {}", self.shown(), outcome.output);
        }
        Ok(())
    }
}

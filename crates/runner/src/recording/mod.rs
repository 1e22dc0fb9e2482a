//! The record of a run: facts about the machine, the sources and the programs, collected where they are cheap to have,
//! and the results of each part as soon as it is measured.
//!
//! | to change | edit |
//! |---|---|
//! | what is known of the machine | `machine.rs`, `variables.rs` (the digest of the environment) |
//! | what is known of programs and libraries | `programs.rs`; how a file is read: `elf.rs`, where libraries are: `libraries.rs` |
//! | what integrations say of themselves | `toolchain.rs` |
//! | the settings that change what numbers mean | `settings.rs` |
//! | commit, project, job | `ci/origin.rs` |

mod elf;
mod libraries;
mod machine;
mod programs;
mod settings;
mod toolchain;
mod variables;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use results::{Report, Suite, SuiteComparison, SuiteSide};
use runner_shared::{
    command_text::CommandText,
    profile_dir::ProfileDir,
    text::{as_text, one_line, shown},
};
use store::{Environment, Kind, Module, Part, PartState, Record, Tool};

use crate::{
    ci::Origin,
    env::Env,
    settings::{RunPart, options::Remember},
    ui::Ui,
    workload::Workload,
};
use libraries::Libraries;
use programs::{Programs, Used};
use toolchain::Said;

/// The record of a run that goes on.
#[derive(Debug)]
pub(crate) struct Recording {
    record: Record,
    programs: Programs,
    /// The programs of the next part, as they were found before it began.
    ahead: Option<Used>,
    /// Tools that integrations and instruments named.
    toolchain: Vec<Tool>,
}

/// A part that was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured<'a> {
    /// The request.
    pub part: &'a RunPart,
    /// Its end.
    pub state: PartState,
    /// Its results.
    pub results: Results<'a>,
    /// The version of perf, if it recorded a profile.
    pub perf: Option<&'a str>,
    /// The folder with the files of the integrations, if it is still there.
    pub folder: Option<&'a ProfileDir>,
    /// That folder stays where it is.
    pub folder_stays: bool,
}

/// The results of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Results<'a> {
    /// Of one run.
    Run(&'a Report),
    /// One of the two states of a suite that was run again and again.
    Runs {
        /// All runs.
        suite: &'a Suite,
        /// The verdicts.
        found: &'a SuiteComparison,
        /// The state.
        side: SuiteSide,
        /// The words of its first run about the measurement; `None` if none went well.
        facts: Option<&'a Facts>,
    },
    /// One of the two states of the command of this name and identity whose rounds took turns.
    Turns {
        /// Both states as benchmarks.
        report: &'a Report,
        /// The verdict.
        found: &'a SuiteComparison,
        /// Name and identity of the command.
        command: (&'a str, &'a str),
        /// The state.
        side: SuiteSide,
    },
}

/// The facts about the measurement itself in the results of a run and the files beside them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The instruments.
    tools: Vec<Tool>,
    settings: BTreeMap<String, String>,
    /// Integrations, as results name them.
    toolchain: BTreeSet<Tool>,
    /// The words of the integrations.
    said: Said,
}

impl Facts {
    /// Reads those of a run, whose folder may be gone.
    pub(crate) fn of(report: &Report, folder: Option<&ProfileDir>) -> Self {
        Self {
            tools: settings::tools(report),
            settings: settings::of_report(report),
            toolchain: toolchain::of_report(report),
            said: folder.map(toolchain::of_folder).unwrap_or_default(),
        }
    }
}

impl Recording {
    /// Begins the record of a run of these parts. `origin` is where its sources come from.
    pub(crate) fn begin(
        kind: Kind,
        parts: &[RunPart],
        wishes: &Remember,
        origin: &Origin,
        env: &Env,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = Record {
            version: Record::VERSION,
            time_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            kind,
            program: concat!("codspeed ", env!("CARGO_PKG_VERSION")).to_owned(),
            command: command(parts),
            name: wishes.name.clone(),
            labels: wishes.labels.iter().cloned().collect(),
            project: origin.project.clone(),
            commit: origin.commit_info(),
            ci: origin.ci_run(),
            ..Record::default()
        };
        Self {
            record,
            programs: Programs::new(Libraries::of(env)),
            ahead: None,
            toolchain: Vec::new(),
        }
    }

    /// Another record of the same run, for another state of its sources, which is the newer one.
    pub(crate) fn after(&self, origin: &Origin, env: &Env) -> Self {
        let mut other = Self {
            record: self.record.clone(),
            programs: Programs::new(Libraries::of(env)),
            ahead: None,
            toolchain: Vec::new(),
        };
        other.record.time_ms += 1;
        other.record.commit = origin.commit_info();
        other
    }

    /// Looks at the programs of a part that is about to be measured: afterwards, there may be others in their place.
    pub(crate) fn look_at(&mut self, part: &RunPart, env: &Env) {
        self.ahead = Some(self.programs.of_workload(part, env));
    }

    /// Adds a part with its results.
    pub(crate) fn add(&mut self, measured: Measured<'_>, env: &Env) {
        let Measured { part, state, results, perf, folder, folder_stays } = measured;
        let report = match results {
            Results::Run(report) | Results::Turns { report, .. } => Some(report),
            Results::Runs { .. } => None,
        };
        let facts = match results {
            Results::Run(report) | Results::Turns { report, .. } => Facts::of(report, folder),
            Results::Runs { facts, .. } => facts.cloned().unwrap_or_default(),
        };
        let Facts { mut tools, settings: told, toolchain, said } = facts;
        let mut settings = settings::of(part);
        settings.extend(told);
        if let Results::Runs { found, .. } = results {
            // They were settled once, for all runs.
            settings.extend(settings::of_conditions(&found.conditions));
        }
        tools.extend(perf.map(|version| tool("perf", version)));
        let used = self.ahead.take().unwrap_or_else(|| self.programs.of_workload(part, env));
        let modules_decide = used.decide && used.is_unchanged();
        let mut modules = used.modules;
        if let Some(report) = report {
            modules.extend(self.programs.of_report(report));
        }
        self.toolchain.extend(toolchain);
        self.toolchain.extend(said.tools);
        let languages = &mut self.record.environment.languages;
        for (language, facts) in said.languages {
            let known = languages.entry(language).or_default();
            for (name, value) in facts {
                known.entry(name).or_insert(value);
            }
        }
        modules.extend(said.modules);
        let place = self.place(modules);
        let recorded = Part {
            environment: None,
            mode: part.mode.into(),
            label: one_line(&part.label),
            state,
            settings,
            tools,
            modules: place,
            modules_decide,
            profile_folder: folder.filter(|_| folder_stays).map(|it| shown(it).into_owned()),
            warnings: Vec::new(),
        };
        match results {
            Results::Run(report) => self.record.add_part(recorded, report),
            Results::Runs { suite, found, side, .. } => {
                self.record.add_suite(recorded, (suite, found), side);
            }
            Results::Turns { report, found, command, side } => {
                self.record.add_turns(recorded, (report, found), command, side);
            }
        }
    }

    /// Adds a part that has no results: the run is not whole.
    pub(crate) fn miss(&mut self, part: &RunPart, state: PartState) {
        self.ahead = None;
        let label = one_line(&part.label);
        self.record.parts.push(Part { mode: part.mode.into(), label, state, ..Part::default() });
    }

    /// Returns the number of its parts.
    pub(crate) const fn parts(&self) -> usize {
        self.record.parts.len()
    }

    /// Ends the last part that was added in another way than it seemed.
    pub(crate) fn end_last(&mut self, state: PartState) {
        if let Some(part) = self.record.parts.last_mut() {
            part.state = state;
        }
    }

    /// Returns the record, without secrets and no larger than may be; `None` if nothing was measured.
    pub(crate) fn finish(mut self, env: &Env, ui: &Ui) -> Option<Record> {
        if !self.record.has_numbers() {
            return None;
        }
        let known = std::mem::take(&mut self.record.environment);
        self.toolchain.sort();
        self.toolchain.dedup();
        self.record.environment = Environment {
            modules: known.modules,
            languages: known.languages,
            toolchain: self.toolchain,
            libc: self.programs.libc(),
            variables: variables::digest(env),
            ..machine::read()
        };
        mask(&mut self.record, ui);
        self.record.fit();
        Some(self.record)
    }

    /// Puts modules, each once, where the record has them, and returns their places.
    fn place(&mut self, modules: Vec<Module>) -> Vec<u32> {
        let known = &mut self.record.environment.modules;
        let mut places = Vec::new();
        for module in modules {
            let at = known.iter().position(|one| *one == module).unwrap_or_else(|| {
                known.push(module);
                known.len() - 1
            });
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            if !places.contains(&at) {
                places.push(at);
            }
        }
        places
    }
}

/// Takes the secrets that are known out of all texts of a record that others have written.
pub(crate) fn mask(record: &mut Record, ui: &Ui) {
    if ui.has_secrets() {
        record.change_texts(&mut |text| ui.without_secrets(text));
    }
}

/// Adds what a profile folder holds to a record. The machine that it comes from is not known.
pub(crate) fn add_folder(record: &mut Record, folder: &ProfileDir, report: &Report) {
    let said = toolchain::of_folder(folder);
    record.environment.toolchain.extend(said.tools);
    record.environment.toolchain.sort();
    record.environment.toolchain.dedup();
    let part = Part {
        mode: report.mode().into(),
        settings: settings::of_report(report),
        tools: settings::tools(report),
        profile_folder: Some(shown(folder).into_owned()),
        ..Part::default()
    };
    record.add_part(part, report);
}

fn tool(name: &str, version: &str) -> Tool {
    Tool { name: one_line(name), version: one_line(version) }
}

/// Returns what is measured, word by word, if all parts measure the same: of commands that are compared, the last one.
fn command(parts: &[RunPart]) -> Vec<String> {
    let Some(first) = parts.first() else { return Vec::new() };
    if parts.iter().any(|part| part.workload != first.workload) {
        return Vec::new();
    }
    let words = match &first.workload {
        Workload::Suite(text) => match CommandText::read(text) {
            Ok(CommandText::Words(words)) => words,
            Ok(CommandText::Shell) | Err(_) => vec![text.clone()],
        },
        Workload::Commands { targets, .. } => {
            targets.last().map(|target| target.command.clone()).unwrap_or_default()
        }
    };
    words.iter().map(|word| as_text(word).into_owned()).collect()
}

/// Returns a path as records have it.
fn path_text(path: &Path) -> String {
    as_text(path).into_owned()
}

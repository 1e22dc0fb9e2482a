//! Settings that come from elsewhere than the command line: the project file, the user's file, the shell.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use api::Secret;
use runner_shared::{
    env_names::{self, EnvName},
    mode::Mode,
    text::shown,
};
use system::lineage::ancestors;

use super::Context;
use crate::{
    cli::{CompatArgs, old_mode, parse_name},
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    settings::{
        RunPlan,
        project_file::ProjectConfig,
        shell_session::{SessionError, SessionStore, Topic},
        user_config::{
            self, DEFAULT, Profile, ProfileSource, Selected, UserConfig, UserConfigError,
        },
    },
    upload,
};

/// A longer token is none.
const MOST_TOKEN: u64 = 16 * 1024;
/// More warnings about one file are only counted.
const MOST_WARNINGS: usize = 20;

/// The project file that the user names, or the nearest one. Says what is odd about it.
pub(super) fn project(context: &Context, here: &Path) -> Result<Option<ProjectConfig>, CliError> {
    let loaded = ProjectConfig::load(context.global.config.as_deref(), here)?;
    let Some((config, warnings)) = loaded else { return Ok(None) };
    let warn = |text| context.ui.event(&RunEvent::warning(text));
    warnings.iter().take(MOST_WARNINGS).for_each(|warning| warn(warning.to_string()));
    if let Some(more) = warnings.len().checked_sub(MOST_WARNINGS).filter(|more| *more > 0) {
        warn(format!("{}: {more} more warnings", config.shown()));
    }
    Ok(Some(config))
}

/// The same for who has no use for what is odd about it: that was said before, or is none of its business.
pub(super) fn project_in_silence(
    context: &Context,
    here: &Path,
) -> Result<Option<ProjectConfig>, CliError> {
    let loaded = ProjectConfig::load(context.global.config.as_deref(), here)?;
    Ok(loaded.map(|(config, _)| config))
}

/// Says what has become of options of other versions.
pub(super) fn warn_of_old_words(args: &CompatArgs, context: &Context) {
    args.warnings().into_iter().for_each(|text| context.ui.event(&RunEvent::warning(text)));
}

/// The party that has chosen the modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChosenBy {
    /// The user, on the command line.
    Option,
    /// The environment.
    Variable,
    /// This shell, by `codspeed use`.
    Shell,
    /// Nobody.
    Default,
}

/// Returns the modes that were given, those that the environment gives, or those that this shell uses; none if nobody
/// has said anything.
pub(super) fn modes(told: Vec<Mode>, context: &Context) -> Result<(Vec<Mode>, ChosenBy), CliError> {
    let (chosen, by) = if !told.is_empty() {
        (told, ChosenBy::Option)
    } else if let Some(modes) = modes_of_environment(context)? {
        (modes, ChosenBy::Variable)
    } else {
        let modes = shell_modes(context)?;
        let by = if modes.is_empty() { ChosenBy::Default } else { ChosenBy::Shell };
        (modes, by)
    };
    let mut modes: Vec<Mode> = Vec::new();
    for mode in chosen {
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    Ok((modes, by))
}

/// Returns the modes that the environment gives, if it does.
pub(super) fn modes_of_environment(context: &Context) -> Result<Option<Vec<Mode>>, CliError> {
    let Some(words) = text(context, env_names::RUNNER_MODE) else { return Ok(None) };
    let words = words.split(',').map(str::trim);
    let old = words.clone().filter_map(old_mode);
    old.for_each(|text| context.ui.event(&RunEvent::warning(text)));
    let modes = words.map(Mode::parse).collect::<Result<_, _>>().map_err(|err| {
        let what = format!("{}: {err}", env_names::RUNNER_MODE.name);
        CliError::new(ExitKind::Usage, what)
    })?;
    Ok(Some(modes))
}

/// Says what is measured, unless the user has just said it.
pub(super) fn say_modes(plan: &RunPlan, by: ChosenBy, context: &Context) {
    let why = match by {
        ChosenBy::Option => return,
        ChosenBy::Variable => "by CODSPEED_RUNNER_MODE",
        ChosenBy::Shell => "as chosen by `codspeed use`",
        ChosenBy::Default => "real time",
    };
    let mut modes: Vec<String> = Vec::new();
    for part in &plan.parts {
        let mode = part.mode.to_string();
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    let text = format!("mode: {} ({why}); use `-m` to choose another", modes.join(", "));
    context.ui.event(&RunEvent::Step(text));
}

/// The modes that this shell uses.
pub(super) fn shell_modes(context: &Context) -> Result<Vec<Mode>, CliError> {
    let store = SessionStore::new(Topic::Modes, &context.env);
    let Some(found) = store.find(&ancestors())? else { return Ok(Vec::new()) };
    let modes = found.words.iter().map(|word| Mode::parse(word)).collect::<Result<_, _>>();
    modes.map_err(|err| SessionError::Corrupt { path: found.path, what: err.to_string() }.into())
}

/// The profile that this shell uses.
pub(super) fn shell_profile(context: &Context) -> Result<Option<String>, CliError> {
    let store = SessionStore::new(Topic::Profile, &context.env);
    let found = store.find(&ancestors())?;
    Ok(found.and_then(|found| found.words.into_iter().next()))
}

/// Returns where the user's file is.
pub(super) fn user_file(context: &Context) -> Result<Option<PathBuf>, CliError> {
    let name = match (&context.global.config_name, text(context, env_names::CONFIG_NAME)) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(name)) => Some(parse_name(&name).map_err(|err| {
            let what = format!("{} is not a valid name: {err}", env_names::CONFIG_NAME.name);
            CliError::new(ExitKind::Usage, what)
        })?),
        (None, None) => None,
    };
    Ok(user_config::path(&context.env, name.as_deref()))
}

/// The account and its service: the selected profile, and what was said instead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Name of the profile.
    pub profile: String,
    /// The party that chose it.
    pub source: ProfileSource,
    /// Login token.
    pub token: Option<Secret>,
    /// The address to ask; without one, the public service.
    pub api_url: Option<String>,
    /// The address to upload to; without one, the public service.
    pub upload_url: Option<String>,
}

/// The account that is used: options win over the environment, which wins over the profile.
pub(crate) fn account(context: &Context) -> Result<Account, CliError> {
    let config = UserConfig::load(user_file(context)?)?;
    let Selected { name, source, profile } = selected(context, &config)?;
    let global = &context.global;
    let told = || Secret::new(&text(context, env_names::OAUTH_TOKEN)?);
    let token = global.oauth_token.clone().or_else(told).or(profile.token);
    if let Some(token) = &token {
        context.ui.keep_secret(token.clone());
    }
    Ok(Account {
        profile: name,
        source,
        token,
        api_url: global
            .api_url
            .clone()
            .or_else(|| text(context, env_names::API_URL))
            .or(profile.api_url),
        upload_url: profile.upload_url,
    })
}

/// The profile that is used.
pub(super) fn selected(context: &Context, config: &UserConfig) -> Result<Selected, CliError> {
    let told = told_profile(context)?;
    let shell = if told.is_some() { None } else { shell_profile(context)? };
    Ok(user_config::select(told.as_deref(), shell.as_deref(), config)?)
}

/// Returns the profile that the command line or the environment names. The name in a variable is checked as the one of
/// an option is: it is a key of the user's file, and is shown.
fn told_profile(context: &Context) -> Result<Option<String>, CliError> {
    if let Some(name) = &context.global.profile {
        return Ok(Some(name.clone()));
    }
    let Some(name) = text(context, env_names::PROFILE) else { return Ok(None) };
    let invalid = |why| {
        let variable = env_names::PROFILE.name;
        let what = format!("invalid value `{}` for `{variable}`: {why}", shown(&name));
        CliError::new(ExitKind::Usage, what)
    };
    parse_name(&name).map(Some).map_err(invalid)
}

/// The token on standard input.
pub(super) fn token_from_stdin() -> Result<Secret, CliError> {
    let failed =
        |what: &str| CliError::new(ExitKind::Usage, format!("no token on standard input: {what}"));
    let mut text = String::new();
    let read = io::stdin().lock().take(MOST_TOKEN + 1).read_to_string(&mut text);
    let length = read.map_err(|err| failed(&err.to_string()))?;
    if u64::try_from(length).is_ok_and(|length| MOST_TOKEN < length) {
        return Err(failed("it is too long"));
    }
    let one_word = text.split_whitespace().count() <= 1;
    let token = Secret::new(&text).ok_or_else(|| failed("it is empty"))?;
    if one_word { Ok(token) } else { Err(failed("it consists of several words")) }
}

/// The account as the service knows it.
pub(super) fn service_account(context: &Context) -> Result<upload::Account, CliError> {
    let Account { token, api_url, upload_url, profile: _, source: _ } = account(context)?;
    Ok(upload::Account::new(token, api_url, upload_url))
}

/// The same for somebody who wants to log in: with no token, and with a profile that need not be there.
pub(super) fn account_to_log_in(context: &Context) -> Result<upload::Account, CliError> {
    let (config, _) = UserConfig::load_or_reset(user_file(context)?);
    let profile = config.profiles().get(&profile_name(context)?).cloned().unwrap_or_default();
    let told = context.global.api_url.clone().or_else(|| text(context, env_names::API_URL));
    Ok(upload::Account::new(None, told.or(profile.api_url), profile.upload_url))
}

/// The profile that is used, whether there is one of that name or not.
pub(super) fn profile_name(context: &Context) -> Result<String, CliError> {
    let told = told_profile(context)?;
    let shell = if told.is_some() { None } else { shell_profile(context)? };
    Ok(told.or(shell).unwrap_or_else(|| DEFAULT.to_owned()))
}

/// Changes the profile that is used. A file that can't be read is kept under another name, and a new one is begun.
pub(super) fn change_profile(
    context: &Context,
    change: impl FnOnce(&mut Profile),
) -> Result<String, CliError> {
    let name = profile_name(context)?;
    let (mut config, broken) = UserConfig::load_or_reset(user_file(context)?);
    let mut profile = config.profiles().get(&name).cloned().unwrap_or_default();
    change(&mut profile);
    config.set(&name, profile);
    let kept = config.save()?;
    warn_of_broken(context, broken, kept);
    Ok(name)
}

/// Says that a file of the user's could not be used, and where it is now.
pub(super) fn warn_of_broken(
    context: &Context,
    broken: Option<UserConfigError>,
    kept: Option<PathBuf>,
) {
    if let (Some(err), Some(kept)) = (broken, kept) {
        let text = format!(
            "{}; it was renamed to `{}`, and a new file was started",
            chain(&err),
            shown(&kept)
        );
        context.ui.event(&RunEvent::warning(text));
    }
}

/// A variable as text.
fn text(context: &Context, name: EnvName) -> Option<String> {
    context.env.get(name).map(|value| value.to_string_lossy().into_owned())
}

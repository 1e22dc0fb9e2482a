//! Settings that come from elsewhere than the command line: the project file, the user's file, the shell.

use std::{path::Path, path::PathBuf};

use api::Secret;
use runner_shared::{
    env_names::{self, EnvName},
    mode::Mode,
};

use super::Context;
use crate::{
    cli::parse_name,
    error::{CliError, ExitKind},
    event::RunEvent,
    process::ancestors,
    settings::{
        project_file::{ConfigError, ProjectConfig},
        shell_session::{SessionError, SessionStore, Topic},
        user_config::{self, ProfileSource, Selected, UnknownProfile, UserConfig, UserConfigError},
    },
};

/// More warnings about one file are only counted.
const MOST_WARNINGS: usize = 20;

/// The project file that the user names, or the nearest one. Says what is odd about it.
pub(super) fn project(context: &Context, here: &Path) -> Result<Option<ProjectConfig>, CliError> {
    let loaded = ProjectConfig::load(context.global.config.as_deref(), here)?;
    let Some((config, warnings)) = loaded else { return Ok(None) };
    let warn = |text| context.ui.event(&RunEvent::warning(text));
    warnings.iter().take(MOST_WARNINGS).for_each(|warning| warn(warning.to_string()));
    if let Some(more) = warnings.len().checked_sub(MOST_WARNINGS).filter(|more| *more > 0) {
        warn(format!("{}: {more} warnings more", config.shown()));
    }
    Ok(Some(config))
}

/// The modes that were given, those that the environment gives, or those that this shell uses. None if nobody has said
/// anything.
pub(super) fn modes(told: Vec<Mode>, context: &Context) -> Result<Vec<Mode>, CliError> {
    let chosen = match (told.is_empty(), text(context, env_names::RUNNER_MODE)) {
        (false, _) => told,
        (true, Some(words)) => {
            let modes = words.split(',').map(|word| Mode::parse(word.trim()));
            modes.collect::<Result<_, _>>().map_err(|err| {
                let what = format!("{}: {err}", env_names::RUNNER_MODE.name);
                CliError::new(ExitKind::Usage, what)
            })?
        }
        (true, None) => shell_modes(context)?,
    };
    let mut modes: Vec<Mode> = Vec::new();
    for mode in chosen {
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    Ok(modes)
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

/// Where the user's file is.
pub(super) fn user_file(context: &Context) -> Result<Option<PathBuf>, CliError> {
    let name = match (&context.global.config_name, text(context, env_names::CONFIG_NAME)) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(name)) => Some(parse_name(&name).map_err(|err| {
            let what = format!("{} is no name: {err}", env_names::CONFIG_NAME.name);
            CliError::new(ExitKind::Usage, what)
        })?),
        (None, None) => None,
    };
    if name.is_some() {
        let text = "`--config-name` is deprecated: `--profile` chooses an account";
        context.ui.event(&RunEvent::warning(text));
    }
    Ok(user_config::path(&context.env, name.as_deref()))
}

/// Who one is at which service: the selected profile, and what was said instead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Name of the profile.
    pub profile: String,
    /// Who chose it.
    pub source: ProfileSource,
    /// Login token.
    pub token: Option<Secret>,
    /// Where to ask; without one, the public service.
    pub api_url: Option<String>,
    /// Where to upload to; without one, the public service.
    pub upload_url: Option<String>,
}

/// The account that is used: options win over the environment, which wins over the profile.
pub(crate) fn account(context: &Context) -> Result<Account, CliError> {
    let config = UserConfig::load(user_file(context)?)?;
    let Selected { name, source, profile } = selected(context, &config)?;
    let global = &context.global;
    let told = || Secret::new(&text(context, env_names::OAUTH_TOKEN)?);
    Ok(Account {
        profile: name,
        source,
        token: global.oauth_token.clone().or_else(told).or(profile.token),
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
    let told = context.global.profile.clone().or_else(|| text(context, env_names::PROFILE));
    let shell = if told.is_some() { None } else { shell_profile(context)? };
    Ok(user_config::select(told.as_deref(), shell.as_deref(), config)?)
}

/// A variable as text.
fn text(context: &Context, name: EnvName) -> Option<String> {
    context.env.get(name).map(|value| value.to_string_lossy().into_owned())
}

impl From<ConfigError> for CliError {
    fn from(err: ConfigError) -> Self {
        Self::new(ExitKind::Usage, err)
    }
}

impl From<UnknownProfile> for CliError {
    fn from(err: UnknownProfile) -> Self {
        let hint = err.hint();
        Self::new(ExitKind::Usage, err).hint(hint)
    }
}

impl From<UserConfigError> for CliError {
    fn from(err: UserConfigError) -> Self {
        let (kind, hint) = match &err {
            UserConfigError::NoPlace => (ExitKind::Usage, None),
            UserConfigError::Read { .. } | UserConfigError::Write { .. } => {
                (ExitKind::Failed, None)
            }
            UserConfigError::Wrong { .. } => (
                ExitKind::Usage,
                Some("this file holds your profiles: put it right, or move it away to begin anew"),
            ),
        };
        let err = Self::new(kind, err);
        match hint {
            Some(hint) => err.hint(hint),
            None => err,
        }
    }
}

impl From<SessionError> for CliError {
    fn from(err: SessionError) -> Self {
        let hint = match &err {
            SessionError::NoShell => "`--mode` and `--profile` choose for one command",
            SessionError::Foreign { .. } => {
                "XDG_RUNTIME_DIR names a folder that is yours alone, where such things belong"
            }
            SessionError::Io { .. } => "what a shell uses is kept there",
            SessionError::Corrupt { .. } => "`codspeed use --clear` or removing the file helps",
        };
        Self::new(ExitKind::Failed, err).hint(hint)
    }
}

//! `codspeed profile`: accounts and services to choose from.

use system::lineage::ancestors;

use super::{
    Context,
    sources::{self, Account},
};
use crate::{
    cli::{ProfileArgs, ProfileCommand, ProfileSetArgs},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{
        shell_session::{SessionStore, Topic},
        user_config::{self, DEFAULT, Profile, ProfileSource, UserConfig},
    },
};

/// Does what the user wants with profiles.
pub(crate) fn run(args: ProfileArgs, context: &Context) -> Result<ExitKind, CliError> {
    match args.command {
        ProfileCommand::List => list(context)?,
        ProfileCommand::Show { name: Some(name) } => {
            let config = load(context)?;
            let profile = user_config::select(Some(&name), None, &config)?.profile;
            context.print(&lines(&name, &profile))?;
        }
        ProfileCommand::Show { name: None } => {
            let Account { profile, source, token, api_url, upload_url } =
                sources::account(context)?;
            let shown = lines(&profile, &Profile { token, api_url, upload_url });
            context.print(&format!("{shown}\n{}", chooser(source)))?;
        }
        ProfileCommand::Set(args) => set(args, context)?,
        ProfileCommand::Use { name } => {
            user_config::select(Some(&name), None, &load(context)?)?;
            let store = SessionStore::new(Topic::Profile, &context.env);
            store.remember(&ancestors(), &[&name])?;
            say(context, format!("this shell uses the profile `{name}`"));
        }
        ProfileCommand::Remove { name } => {
            let mut config = load(context)?;
            user_config::select(Some(&name), None, &config)?;
            config.remove(&name);
            config.save()?;
            if sources::shell_profile(context)?.as_ref() == Some(&name) {
                SessionStore::new(Topic::Profile, &context.env).forget(&ancestors())?;
            }
            let done = if name == DEFAULT { "is empty now" } else { "is gone" };
            say(context, format!("the profile `{name}` {done}"));
        }
    }
    Ok(ExitKind::Ok)
}

fn load(context: &Context) -> Result<UserConfig, CliError> {
    Ok(UserConfig::load(sources::user_file(context)?)?)
}

/// All profiles. One that is chosen but gone is no error here: this is where one looks.
fn list(context: &Context) -> Result<(), CliError> {
    let config = load(context)?;
    let used = match sources::selected(context, &config) {
        Ok(selected) => Some(selected.name),
        Err(err) => {
            context.ui.event(&RunEvent::warning(err.source.to_string()));
            None
        }
    };
    let line = |(name, profile): (&String, &Profile)| {
        let star = if used.as_ref() == Some(name) { "*" } else { " " };
        let state = if profile.token.is_some() { "logged in" } else { "not logged in" };
        let url = profile.api_url.as_deref().map(|url| format!(", {url}")).unwrap_or_default();
        format!("{star} {name}: {state}{url}")
    };
    context.print(&config.profiles().iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn set(args: ProfileSetArgs, context: &Context) -> Result<(), CliError> {
    let ProfileSetArgs { name, api_url, upload_url, token_stdin } = args;
    let path = sources::user_file(context)?;
    // Who logs in is stopped by no broken file; everybody else wants to know first.
    let (mut config, broken) =
        if token_stdin { UserConfig::load_or_reset(path) } else { (UserConfig::load(path)?, None) };
    let existing = config.profiles().get(&name).cloned();
    if existing.is_some() && api_url.is_none() && upload_url.is_none() && !token_stdin {
        let err =
            CliError::new(ExitKind::Usage, format!("nothing to change in the profile `{name}`"));
        return Err(err.hint("give `--api-url`, `--upload-url` or `--token-stdin`"));
    }
    let told = if token_stdin { Some(sources::token_from_stdin()?) } else { None };
    let done = if existing.is_some() { "changed" } else { "made" };
    let Profile { token, api_url: old_api, upload_url: old_upload } = existing.unwrap_or_default();
    let profile = Profile {
        token: told.or(token),
        api_url: api_url.or(old_api),
        upload_url: upload_url.or(old_upload),
    };
    config.set(&name, profile);
    let kept = config.save()?;
    sources::warn_of_broken(context, broken, kept);
    say(context, format!("the profile `{name}` is {done}"));
    Ok(())
}

/// Returns what a profile holds. A token is never shown.
fn lines(name: &str, profile: &Profile) -> String {
    let Profile { token, api_url, upload_url } = profile;
    let token = if token.is_some() { "set" } else { "none" };
    let url = |url: &Option<String>| url.clone().unwrap_or_else(|| "that of CodSpeed".to_owned());
    format!(
        "profile: {name}\ntoken: {token}\napi-url: {}\nupload-url: {}",
        url(api_url),
        url(upload_url)
    )
}

const fn chooser(source: ProfileSource) -> &'static str {
    match source {
        ProfileSource::Told => "set by: `--profile` or CODSPEED_PROFILE",
        ProfileSource::Shell => "set by: `codspeed profile use`, in this shell",
        ProfileSource::Default => "not set",
    }
}

fn say(context: &Context, text: String) {
    context.ui.event(&RunEvent::Step(text));
}

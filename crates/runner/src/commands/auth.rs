//! `codspeed auth`: the login of a profile.

use api::{ApiError, Code, LoginSession, Secret, Service, Session};

use super::{Context, browser, sources};
use crate::{
    cli::{AuthArgs, AuthCommand},
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    upload::{self, Account, refused},
};

/// Logs in or out, or says who is logged in.
pub(crate) fn run(args: &AuthArgs, context: &Context) -> Result<ExitKind, CliError> {
    match args.command {
        AuthCommand::Login { with_token: true, .. } => {
            login_with(sources::token_from_stdin()?, context)
        }
        AuthCommand::Login { no_browser, .. } => login_in_browser(no_browser, context),
        AuthCommand::Status => status(context),
        AuthCommand::Logout => logout(context),
    }
}

fn login_with(token: Secret, context: &Context) -> Result<ExitKind, CliError> {
    context.ui.keep_secret(token.clone());
    let http = upload::http(None)?;
    let account = Account { login: Some(token.clone()), ..sources::account_to_log_in(context)? };
    let session = session(&account.service(&http)?)?.ok_or_else(|| {
        CliError::new(ExitKind::Service, "the service rejected this token")
            .hint("nothing was changed")
    })?;
    keep(token, &session, context)
}

fn login_in_browser(no_browser: bool, context: &Context) -> Result<ExitKind, CliError> {
    let http = upload::http(None)?;
    let account = sources::account_to_log_in(context)?;
    let service = account.service(&http)?;
    let LoginSession { callback_url, session_id } =
        service.create_login_session().map_err(refused)?;
    context.ui.event(&RunEvent::Step(format!("log in here: {callback_url}")));
    if !no_browser {
        browser::open(&callback_url, context);
    }
    context.ui.event(&RunEvent::Step("waiting for your login (5 minutes at most)".to_owned()));
    let token = service.wait_for_login(&session_id, &mut api::unwatched).map_err(refused)?;
    context.ui.keep_secret(token.clone());
    let account = Account { login: Some(token.clone()), ..account };
    let session = session(&account.service(&http)?)?.unwrap_or(Session { user: None });
    keep(token, &session, context)
}

fn keep(token: Secret, session: &Session, context: &Context) -> Result<ExitKind, CliError> {
    let name = sources::change_profile(context, |profile| profile.token = Some(token))?;
    let text = format!("logged in{}, in the profile `{name}`", who(session));
    context.ui.event(&RunEvent::Step(text));
    Ok(ExitKind::Ok)
}

fn logout(context: &Context) -> Result<ExitKind, CliError> {
    let name = sources::change_profile(context, |profile| profile.token = None)?;
    context.ui.event(&RunEvent::Step(format!("logged out of the profile `{name}`")));
    Ok(ExitKind::Ok)
}

/// Succeeds whatever it finds: that is the answer.
fn status(context: &Context) -> Result<ExitKind, CliError> {
    let name = sources::profile_name(context)?;
    let account = sources::service_account(context)?;
    context.print(&format!("profile `{name}`: {}", state(&account)))?;
    Ok(ExitKind::Ok)
}

fn state(account: &Account) -> String {
    const HOW: &str = "\n  -> codspeed auth login";
    if account.login.is_none() {
        return format!("not logged in{HOW}");
    }
    let answer = upload::http(None).and_then(|http| session(&account.service(&http)?));
    match answer {
        Ok(Some(session)) => format!("logged in{}", who(&session)),
        Ok(None) => format!("the login has expired{HOW}"),
        Err(err) => {
            format!("a token is stored, but could not be checked: {}", chain(&*err.source))
        }
    }
}

/// Returns who owns the token; nothing if it isn't good.
fn session(service: &Service<'_>) -> Result<Option<Session>, CliError> {
    match service.session() {
        Ok(session) => Ok(session),
        Err(err) if is_refusal(&err) => Ok(None),
        Err(err) => Err(refused(err)),
    }
}

fn is_refusal(err: &ApiError) -> bool {
    matches!(err.code(), Some(Code::Unauthenticated | Code::Unauthorized))
        || err.status() == Some(401)
}

fn who(session: &Session) -> String {
    session
        .user
        .as_ref()
        .map_or_else(String::new, |user| format!(" as {} ({})", user.login, user.provider))
}

//! `codspeed status`: what each mode finds and lacks, and where and for whom we run. Asks nobody over the network.

use api::Secret;
use runner_shared::{env_names, mode::Mode, text::shown};

use super::{Context, here, sources};
use crate::{
    ci::{self, CiContext, CiError, Situation},
    error::{CliError, ExitKind, chain},
    host::{self, Support},
    mode::{
        readiness::{Lack, ModeStatus},
        status,
    },
    tools,
};

/// Prints the state of these modes, or of all.
pub(super) fn of_modes(modes: &[Mode], context: &Context) -> Result<ExitKind, CliError> {
    let mut all = status::all(&context.env);
    all.retain(|status| modes.is_empty() || modes.contains(&status.mode));
    context.print(&lines(&all).join("\n"))?;
    Ok(ExitKind::Ok)
}

/// Prints the state of all modes, of the machine and of the job.
pub(crate) fn run(context: &Context) -> Result<ExitKind, CliError> {
    let mut lines = lines(&status::all(&context.env));
    if let Some(cache) = tools::cache(&context.env).filter(|cache| cache.is_dir()) {
        lines.push(format!("installed by `codspeed setup`: {}", shown(&cache)));
    }
    lines.extend(machine());
    lines.extend(account(context));
    lines.extend(job(context)?);
    let text = lines.join("\n");
    context.print(&text)?;
    Ok(ExitKind::Ok)
}

fn lines(modes: &[ModeStatus]) -> Vec<String> {
    let mut lines = Vec::new();
    for ModeStatus { mode, ready, found, lacks } in modes {
        let state = if *ready { "ready" } else { "not ready" };
        lines.push(format!("{mode}: {state}"));
        lines.extend(found.iter().map(|what| format!("  {what}")));
        for Lack { what, fix } in lacks {
            lines.push(format!("  missing {what}"));
            lines.extend(fix.iter().map(|fix| format!("    -> {fix}")));
        }
    }
    lines
}

/// Returns what this machine is, and how well it is known.
fn machine() -> Vec<String> {
    let host = host::read();
    let (os, version, arch, cores) = (&host.os, &host.os_version, &host.arch, host.cpu.cores);
    let mut lines = vec![
        format!("system: {os} {version}, {arch}"),
        format!("  {}, {cores} cores, {} GiB", host.cpu.brand, host.memory_gib),
    ];
    lines.extend(match host::support(&host) {
        Support::Full => None,
        Support::BestEffort => Some("  not a tested system; most features work".to_owned()),
        Support::None => Some(format!("  missing instruments for {arch}")),
    });
    lines
}

/// As whom results are sent, as far as that is known without asking.
fn account(context: &Context) -> Vec<String> {
    let account = match sources::account(context) {
        Ok(account) => account,
        Err(err) => return vec![format!("account: unknown: {}", err.source)],
    };
    let name = &account.profile;
    match account.token {
        Some(_) => vec![format!("account: profile `{name}`, logged in")],
        None => vec![
            format!("account: profile `{name}`, not logged in; results are kept locally"),
            "    -> codspeed auth login".to_owned(),
        ],
    }
}

/// Returns who runs us, and which repository it is.
fn job(context: &Context) -> Result<Vec<String>, CliError> {
    let env = &context.env;
    let here = here()?;
    let token = [env_names::TOKEN, env_names::OAUTH_TOKEN]
        .into_iter()
        .find_map(|name| env.get(name).and_then(|text| Secret::new(text.to_str()?)));
    let situation = Situation { env, here: &here, repository: None, token };
    Ok(match ci::detect(env) {
        Ok(provider) => {
            let mut lines = vec![format!("environment: {}", provider.name)];
            lines.extend(provider.context(&situation).map_or_else(|err| broken(&err), found));
            lines
        }
        Err(err) => [vec!["environment: unknown".to_owned()], broken(&err)].concat(),
    })
}

fn found(job: CiContext) -> Vec<String> {
    let first = match job.identity {
        Ok(identity) => match identity.repository {
            Some(repository) => format!("  repository: {repository}"),
            None => "  repository: none".to_owned(),
        },
        Err(obstacle) => format!("  no upload: {obstacle}"),
    };
    let notes = job.notes.into_iter().map(|note| format!("  {note}"));
    std::iter::once(first).chain(notes).collect()
}

fn broken(err: &CiError) -> Vec<String> {
    let mut lines = vec![format!("  no upload: {}", chain(err))];
    lines.extend(err.hint().map(|hint| format!("    -> {hint}")));
    lines
}

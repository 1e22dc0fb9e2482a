//! Decides whether results will be uploaded, as whom, and for which repository. Looks at the environment and at Git
//! only.

use std::path::Path;

use api::{Http, MetadataVersion, Oidc, RepositoryName, Secret, Service, TokenSource};

use super::Account;
use crate::{
    ci::{self, CiContext, CiError, Situation, TokenPolicy},
    env::Env,
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::options::{TargetOptions, UploadOptions, UploadWish},
    ui::Ui,
};

/// The use of the results.
pub(crate) enum Prepared {
    /// They are sent.
    Send(Box<Upload>),
    /// They stay here; the way to send those of the next run, if it is worth a sentence.
    Stay(Option<String>),
}

/// The user's wishes about the service's judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// To wait for it, and to fail with it.
    pub wait: bool,
    /// A run to compare with.
    pub base: Option<String>,
}

/// All that is known before results are sent.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The job.
    pub(super) job: CiContext,
    /// As whom questions are asked.
    pub(super) account: Account,
    /// As whom results are sent.
    pub(super) token: TokenSource,
    /// The user named the repository.
    pub(super) named: bool,
    /// The format of the metadata.
    pub(super) version: MetadataVersion,
    /// The use of the service's judgement.
    pub(super) outlook: Outlook,
}

/// Decides. A wish that can't be fulfilled is an error now rather than after a long measurement.
pub(crate) fn prepare(
    args: &UploadOptions,
    account: impl FnOnce() -> Result<Account, CliError>,
    (env, here): (&Env, &Path),
    ui: &Ui,
) -> Result<Prepared, CliError> {
    if args.wish == UploadWish::Never {
        // It may be shown all the same, by a benchmark that knows it.
        if let Some(token) = args.target.token.clone() {
            ui.keep_secret(token);
        }
        return Ok(Prepared::Stay(None));
    }
    decide(args, &account()?, (env, here), ui)
        .map_err(|err| err.hint("use `--skip-upload` to measure without uploading"))
}

fn decide(
    args: &UploadOptions,
    account: &Account,
    (env, here): (&Env, &Path),
    ui: &Ui,
) -> Result<Prepared, CliError> {
    let job = job(&args.target, account, env, here)?;
    let insists = args.wish == UploadWish::Always
        || args.target.token.is_some()
        || args.target.base.is_some();
    if !(insists || job.provider.uploads || account.login.is_some()) {
        let how = "run `codspeed auth login` to upload future runs";
        return Ok(Prepared::Stay(Some(how.to_owned())));
    }
    if let Some(obstacle) = job.obstacle() {
        if args.wish == UploadWish::Always {
            return Err(CliError::new(ExitKind::Service, obstacle.clone()));
        }
        ui.event(&RunEvent::warning(format!("results will not be uploaded: {obstacle}")));
        return Ok(Prepared::Stay(None));
    }
    let upload = Upload::new(job, &args.target, account, ui)?;
    if upload.lacks_a_repository() {
        return Err(unknown(CiError::NoRepository));
    }
    Ok(Prepared::Send(Box::new(upload)))
}

impl Upload {
    /// An upload that the user asks for, from a folder.
    pub(crate) fn asked_for(
        args: &TargetOptions,
        account: &Account,
        (env, here): (&Env, &Path),
        ui: &Ui,
    ) -> Result<Self, CliError> {
        let job = job(args, account, env, here)?;
        if let Some(obstacle) = job.obstacle() {
            return Err(CliError::new(ExitKind::Service, obstacle.clone()));
        }
        Self::new(job, args, account, ui)
    }

    fn new(
        job: CiContext,
        args: &TargetOptions,
        account: &Account,
        ui: &Ui,
    ) -> Result<Self, CliError> {
        for note in &job.notes {
            ui.event(&RunEvent::Step(note.clone()));
        }
        let token = token(&job.token, ui)?;
        announce(&job, &token, ui);
        let mut account = account.clone();
        if let Some(url) = &args.upload_url {
            account.upload_url.clone_from(url);
        }
        let named = args.repository.is_some();
        Ok(Self {
            job,
            account,
            token,
            named,
            version: args.metadata_version.unwrap_or_default(),
            outlook: Outlook { wait: args.wait, base: args.base.clone() },
        })
    }
}

impl Upload {
    /// The service, asked as the user.
    pub(crate) fn service<'a>(&self, http: &'a Http) -> Result<Service<'a>, CliError> {
        let token = match &self.token {
            TokenSource::Known(token) => Some(token.clone()),
            TokenSource::Oidc(_) | TokenSource::Tokenless => self.account.login.clone(),
        };
        Account { login: token, ..self.account.clone() }.service(http)
    }
}

/// Returns what the CI provider says of this job. A login counts on the user's own machine only: a provider has better
/// tokens.
fn job(
    args: &TargetOptions,
    account: &Account,
    env: &Env,
    here: &Path,
) -> Result<CiContext, CliError> {
    let provider = ci::detect(env).map_err(unknown)?;
    let login = || account.login.clone().filter(|_| !provider.uploads);
    let token = args.token.clone().or_else(login);
    let repository = repository(args)?;
    provider.context(&Situation { env, here, repository, token }).map_err(unknown)
}

fn repository(args: &TargetOptions) -> Result<Option<RepositoryName>, CliError> {
    let Some(text) = &args.repository else { return Ok(None) };
    let host = args.provider.unwrap_or(api::RepositoryProvider::GitHub);
    RepositoryName::parse(text, host).map(Some).ok_or_else(|| {
        let what = format!("`--repository {text}` is not a repository name");
        CliError::new(ExitKind::Usage, what)
            .hint("give the owner and the name, as in `--repository acme/widgets`")
    })
}

/// Says what could be better about the token, where that is worth a line.
fn announce(job: &CiContext, token: &TokenSource, ui: &Ui) {
    match token {
        TokenSource::Tokenless if job.is_fork => {
            let text = "the code comes from a fork: uploading results without a token";
            ui.event(&RunEvent::Step(text.to_owned()));
        }
        TokenSource::Known(_) => {
            if let Some(text) = job.provider.keyless {
                ui.event(&RunEvent::Announcement {
                    title: "No secret is needed".to_owned(),
                    text: text.to_owned(),
                });
            }
        }
        TokenSource::Tokenless | TokenSource::Oidc(_) => {}
    }
}

fn token(policy: &TokenPolicy, ui: &Ui) -> Result<TokenSource, CliError> {
    let keep = |secret: &Secret| ui.keep_secret(secret.clone());
    match policy {
        TokenPolicy::Static(token) => {
            keep(token);
            Ok(TokenSource::Known(token.clone()))
        }
        TokenPolicy::Oidc { url, request, required } => {
            keep(request);
            let (url, token, is_required) = (url.clone(), request.clone(), *required);
            Ok(TokenSource::Oidc(Oidc { url, token, is_required }))
        }
        TokenPolicy::Tokenless => Ok(TokenSource::Tokenless),
        TokenPolicy::Missing { reason, hint } => {
            Err(CliError::new(ExitKind::Service, format!("results can't be uploaded: {reason}"))
                .hint(hint.clone()))
        }
    }
}

/// The job can't be understood.
fn unknown(err: CiError) -> CliError {
    let hint = err.hint();
    let err = CliError::new(ExitKind::Service, err);
    match hint {
        Some(hint) => err.hint(hint),
        None => err,
    }
}

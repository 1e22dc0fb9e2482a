//! `codspeed update`: finds another release, and lets the installer put it in place, the way it was installed before.

use std::{
    ffi::OsStr,
    io::{self, Read, Seek, Write},
};

use api::{Http, HttpSettings};
use runner_shared::text::shown;
use semver::Version;
use system::temporary::NamedFile;

use super::Context;
use crate::{
    cli::UpdateArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    process::{Ended, run_visibly},
    tools::{
        self,
        release::{self, Receipt, ReceiptError},
        transfer,
    },
};

/// The installer. It is ours, and not one that was downloaded; its own release is not written into it, so that it verifies
/// every archive by the hashes of its release.
const INSTALLER: &str = include_str!("../../../../.github/install/codspeed-installer.sh");
/// A list of hashes is a few lines.
const MOST_BYTES: usize = 64 << 10;
/// The way to get programs that can be updated.
const REINSTALL: &str = "update with your package manager or `cargo` if that installed codspeed; otherwise run \
    codspeed-installer.sh of a release, which writes a receipt";

/// Says what there is, and installs it.
pub(crate) fn run(args: &UpdateArgs, context: &Context) -> Result<ExitKind, CliError> {
    let receipt = Receipt::read(&context.env).map_err(no_receipt)?;
    is_ours(&receipt)?;
    if !receipt.is_safe() {
        let text = format!("the releases are at the insecure address `{}`", receipt.base_url);
        return Err(CliError::new(ExitKind::Usage, text)
            .hint("reinstall with a `--base-url` that uses https, or http on this machine"));
    }
    let now = &receipt.version;
    let wanted = match &args.version {
        Some(version) => version.clone(),
        None => newest(&receipt, context)?,
    };
    if args.version.is_none() && wanted <= *now {
        let than = if wanted == *now { String::new() } else { format!(", newer than {wanted}") };
        context.print(&format!("codspeed {now} is the newest version{than}"))?;
        return Ok(ExitKind::Ok);
    }
    if args.check {
        context.print(&format!("codspeed {wanted} is available; {now} is installed"))?;
        return Ok(ExitKind::Ok);
    }
    install(&receipt, &wanted, context)?;
    let is = Receipt::read(&context.env).map_err(no_receipt)?.version;
    let done = if is == *now {
        format!("codspeed {now} is already installed")
    } else {
        format!("codspeed was updated from {now} to {is}")
    };
    context.print(&done)?;
    Ok(ExitKind::Ok)
}

/// Returns whether the programs of the receipt are those that run here: others may lie elsewhere.
fn is_ours(receipt: &Receipt) -> Result<(), CliError> {
    let installed = receipt.dir.join("codspeed");
    let own = std::env::current_exe().and_then(|own| own.canonicalize());
    match (own, installed.canonicalize()) {
        (Ok(own), Ok(installed)) if own != installed => {
            let (own, installed) = (shown(&own), shown(&installed));
            let text = format!("this is `{own}`, but the installer installed `{installed}`");
            Err(CliError::new(ExitKind::Missing, text).hint(format!("run `{installed} update`")))
        }
        // Without them, there is nothing that could be mistaken.
        _ => Ok(()),
    }
}

/// The version of the newest release.
fn newest(receipt: &Receipt, context: &Context) -> Result<Version, CliError> {
    let url = receipt.latest_sums();
    let unkept = |err: io::Error| CliError::new(ExitKind::Failed, err);
    let refused = |err| {
        CliError::new(ExitKind::Service, err).hint(format!(
            "could not get {url}; use `--version` to name a version without looking it up"
        ))
    };
    let mut file = tempfile::tempfile().map_err(unkept)?;
    let http = Http::new(HttpSettings::default()).map_err(refused)?;
    http.download(&url, &file, MOST_BYTES, &mut |step| transfer::tell(&context.ui, &step))
        .map_err(refused)?;
    let mut sums = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut sums)).map_err(unkept)?;
    release::version(&String::from_utf8_lossy(&sums)).ok_or_else(|| {
        CliError::new(ExitKind::Service, format!("{url} lists no archive of codspeed, or several"))
            .hint("use `--version` to name a version without looking it up")
    })
}

/// Runs the installer, which changes all or nothing, and says what it does.
fn install(receipt: &Receipt, version: &Version, context: &Context) -> Result<(), CliError> {
    let shell = tools::find("sh", &context.env).ok_or_else(|| {
        CliError::new(ExitKind::Missing, "`sh`, needed to run the installer, was not found in PATH")
    })?;
    let mut script = NamedFile::create().map_err(|err| CliError::new(ExitKind::Failed, err))?;
    script
        .as_file_mut()
        .write_all(INSTALLER.as_bytes())
        .map_err(|err| CliError::new(ExitKind::Failed, err))?;
    let version = version.to_string();
    let words = [
        script.path().as_os_str(),
        OsStr::new("--version"),
        OsStr::new(&version),
        OsStr::new("--dir"),
        receipt.dir.as_os_str(),
        OsStr::new("--base-url"),
        OsStr::new(&receipt.base_url),
    ];
    let said = words.map(|word| shown(word).into_owned()).join(" ");
    context.ui.event(&RunEvent::Debug(format!("runs the installer: {said}")));
    let env = context.env.clone();
    let ended = run_visibly(&shell, &words, &env, &context.signals)
        .map_err(|err| CliError::new(ExitKind::Missing, err))?;
    if ended == Ended::Code(0) {
        return Ok(());
    }
    let text = format!("codspeed {version} was not installed; {} is unchanged", receipt.version);
    Err(CliError::new(ExitKind::Failed, text))
}

fn no_receipt(err: ReceiptError) -> CliError {
    let hint = match &err {
        ReceiptError::NoHome | ReceiptError::None(_) => REINSTALL,
        ReceiptError::Read { .. } => "is it yours?",
        ReceiptError::Damaged { .. } | ReceiptError::Format { .. } => {
            "run codspeed-installer.sh of the newest release to write a new receipt"
        }
    };
    CliError::new(ExitKind::Missing, err).hint(hint)
}

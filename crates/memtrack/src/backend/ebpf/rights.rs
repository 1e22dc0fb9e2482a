//! Explains why the kernel doesn't let us trace, and what would help.

use std::io;

use system::files;

/// The rights that tracing from the kernel needs, by the number of the capability (`include/uapi/linux/capability.h`).
const CAPABILITIES: &[(u32, &str)] = &[
    (39, "CAP_BPF"),
    (38, "CAP_PERFMON"),
    // Programs of other users are followed as well; seccomp without `no_new_privs`.
    (21, "CAP_SYS_ADMIN"),
];

/// The reason for which the kernel can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Missing {
    text: String,
    /// It is a matter of rights.
    pub rights: bool,
}

impl Missing {
    /// The rights that this process lacks. With all of them, the kernel may still refuse.
    pub(crate) fn rights() -> Option<Self> {
        let status = files::read_kernel_text("/proc/self/status").unwrap_or_default();
        let missing = missing_capabilities(&status);
        let text = || format!("missing permission to use eBPF: {}", missing.join(", "));
        (!missing.is_empty()).then(|| Self { text: text(), rights: true })
    }
}

impl From<Vec<(&'static str, io::Error)>> for Missing {
    fn from(reasons: Vec<(&'static str, io::Error)>) -> Self {
        let denied = |err: &io::Error| err.kind() == io::ErrorKind::PermissionDenied;
        if reasons.iter().any(|(_, err)| denied(err))
            && let Some(missing) = Self::rights()
        {
            return missing;
        }
        let tried: Vec<String> =
            reasons.iter().map(|(method, err)| format!("{method}: {err}")).collect();
        Self {
            rights: reasons.iter().any(|(_, err)| denied(err)),
            text: format!("the kernel refused to trace ({})", tried.join("; ")),
        }
    }
}

/// Those of the capabilities that a process with this `/proc/self/status` doesn't have.
fn missing_capabilities(status: &str) -> Vec<&'static str> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective =
        effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    let missing = CAPABILITIES.iter().filter(|(bit, _)| effective >> bit & 1 == 0);
    missing.map(|(_, name)| *name).collect()
}

/// The advice that would help.
pub(crate) const HOW_TO_PERMIT: &str = "\
hint: run as root, or run once `sudo setcap cap_bpf,cap_perfmon,cap_sys_admin+ep \"$(command -v codspeed-memtrack)\"`; \
or use `--backend preload`, which needs no permissions. Run `codspeed-memtrack doctor` to see what works here.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let status = |bits: &str| format!("Name:\tx\nCapEff:\t{bits}\nSeccomp:\t0\n");
        assert_eq!(missing_capabilities(&status("000001ffffffffff")), Vec::<&str>::new());
        assert_eq!(missing_capabilities(&status("0000004000000000")), ["CAP_BPF", "CAP_SYS_ADMIN"]);
        assert_eq!(missing_capabilities("").len(), 3);
    }

    #[test]
    fn rights_are_told_from_an_old_kernel() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let old = || io::Error::from(io::ErrorKind::InvalidInput);
        assert!(Missing::from(vec![("a", denied()), ("b", old())]).rights);
        let missing = Missing::from(vec![("a", old())]);
        assert!(!missing.rights);
        assert!(missing.to_string().contains("a: "), "{missing}");
    }
}

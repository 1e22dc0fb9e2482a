//! The user that a benchmark runs as when it is started by root: under sudo and its like, the one who called it.
//!
//! Asks the system for users and groups, by name service.

use std::{
    ffi::{CString, OsStr, OsString},
    io,
    path::PathBuf,
};

use nix::unistd::{
    Gid, Group, Uid, User, geteuid, getgrouplist, setfsgid, setfsuid, setgroups, setresgid,
    setresuid,
};

use crate::env_names::{self, EnvName};

/// A user with everything that makes a process theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
    /// Name and home folder, if the system knows the user.
    known: Option<(String, PathBuf)>,
    /// The program that they called to become root.
    called: Option<&'static str>,
}

/// The reason why a benchmark can't run as the wanted user.
#[derive(Debug, thiserror::Error)]
pub enum RunAsError {
    /// The system doesn't know them.
    #[error("there is no user `{0}`")]
    Unknown(String),
    /// Only root can become somebody else.
    #[error("only root can run a benchmark as `{0}`")]
    NotRoot(String),
    /// The system can't say which groups they are in.
    #[error("could not determine the groups of `{user}`")]
    Groups {
        /// The user.
        user: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// We may not become them: a container or a user namespace.
    #[error("this process has no permission to become {0}")]
    Refused(String),
}

impl RunAs {
    /// Decides for whom a process works: the one that is told (a name, a number, or `UID:GID`), else the caller of
    /// sudo, doas or pkexec. `None` stands for the user that the process has already. `get` reads the environment.
    ///
    /// # Errors
    ///
    /// If somebody is told who isn't known, or whom this process can't become.
    pub fn choose<'a>(
        told: Option<&str>,
        get: impl Fn(EnvName) -> Option<&'a OsStr>,
    ) -> Result<Option<Self>, RunAsError> {
        let we = geteuid();
        let user = match told {
            Some(told) => find(told)?,
            None if !we.is_root() => return Ok(None),
            None => match caller(get) {
                Some(user) => user,
                None => return Ok(None),
            },
        };
        if user.uid == we {
            return Ok(None);
        }
        if !we.is_root() {
            return Err(RunAsError::NotRoot(told.unwrap_or_default().to_owned()));
        }
        let groups = user.groups()?;
        Ok(Some(Self { groups, ..user }))
    }

    /// Returns whether the environment, which `get` reads, names somebody who has become root to start this process.
    #[must_use]
    pub fn has_caller<'a>(get: impl Fn(EnvName) -> Option<&'a OsStr>) -> bool {
        caller(get).is_some()
    }

    /// User and group.
    #[must_use]
    pub fn ids(&self) -> (u32, u32) {
        (self.uid.as_raw(), self.gid.as_raw())
    }

    /// The same user as a word for [`RunAs::choose`]: `UID:GID`.
    #[must_use]
    pub fn word(&self) -> String {
        format!("{}:{}", self.uid, self.gid)
    }

    /// Says who it is, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = match &self.known {
            Some((name, _)) => format!("`{name}`"),
            None => format!("user {}", self.uid),
        };
        match self.called {
            Some(program) => format!("{name} (who called {program})"),
            None => name,
        }
    }

    /// Makes the files of this thread, and of those that it starts from now on, the user's: what it makes belongs to
    /// them, and it can only use what they may use. All other rights stay, and programs that are started have them
    /// again. The groups are those of the whole process.
    ///
    /// # Errors
    ///
    /// If this process may not do that.
    pub fn use_files(&self) -> Result<(), RunAsError> {
        let grouped = setgroups(&self.groups);
        setfsgid(self.gid);
        setfsuid(self.uid);
        // The kernel reports the one before, whether it has changed something or not.
        let ours = setfsuid(self.uid) == self.uid && setfsgid(self.gid) == self.gid;
        if grouped.is_ok() && ours { Ok(()) } else { Err(RunAsError::Refused(self.shown())) }
    }

    /// Makes the files of this thread the user's, until the guard is dropped.
    #[must_use]
    pub fn own_files(&self) -> OwnFiles {
        let gid = setfsgid(self.gid);
        OwnFiles { uid: setfsuid(self.uid), gid }
    }

    /// Makes this process theirs, for good. Plain system calls, for a process between fork and exec: a signal for the
    /// death of the parent has to be set afterwards.
    ///
    /// # Errors
    ///
    /// If this process may not do that.
    pub fn become_them(&self) -> io::Result<()> {
        setgroups(&self.groups)?;
        setresgid(self.gid, self.gid, self.gid)?;
        Ok(setresuid(self.uid, self.uid, self.uid)?)
    }

    /// Variables that differ for them. `get` reads those that sudo has kept: a home folder that isn't root's stays.
    pub fn environment<'a>(
        &self,
        get: impl Fn(EnvName) -> Option<&'a OsStr>,
    ) -> Vec<(EnvName, OsString)> {
        let Some((name, home)) = &self.known else { return Vec::new() };
        let roots = User::from_uid(Uid::from_raw(0)).ok().flatten().map(|root| root.dir);
        let kept = get(env_names::HOME).filter(|kept| roots.as_ref().is_none_or(|it| it != *kept));
        let home = kept.map_or_else(|| home.clone().into_os_string(), OsStr::to_os_string);
        vec![
            (env_names::HOME, home),
            (env_names::USER, name.into()),
            (env_names::LOGNAME, name.into()),
        ]
    }

    /// Group numbers: those of the user database, with the user's own.
    fn groups(&self) -> Result<Vec<Gid>, RunAsError> {
        let Some((name, _)) = &self.known else { return Ok(vec![self.gid]) };
        let failed = |source| RunAsError::Groups { user: name.clone(), source };
        let c_name = CString::new(name.as_str()).map_err(|err| failed(err.into()))?;
        getgrouplist(&c_name, self.gid).map_err(|errno| failed(errno.into()))
    }
}

/// Makes files belong to the user before again when it is dropped.
#[derive(Debug)]
pub struct OwnFiles {
    uid: Uid,
    gid: Gid,
}

impl Drop for OwnFiles {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
    }
}

/// Returns who has become root, as the program says that they called: sudo by numbers, doas by name, pkexec by the
/// number of the user.
fn caller<'a>(get: impl Fn(EnvName) -> Option<&'a OsStr>) -> Option<RunAs> {
    let text = |name| get(name)?.to_str();
    let number = |name| text(name)?.parse::<u32>().ok();
    let by = |program, user| Some(RunAs { called: Some(program), ..user });
    if let (Some(uid), Some(gid)) = (number(env_names::SUDO_UID), number(env_names::SUDO_GID)) {
        return by("sudo", numbered(Uid::from_raw(uid), Gid::from_raw(gid)));
    }
    if let Some(name) = text(env_names::DOAS_USER) {
        return by("doas", known(User::from_name(name).ok()??));
    }
    let uid = Uid::from_raw(number(env_names::PKEXEC_UID)?);
    by("pkexec", known(User::from_uid(uid).ok()??))
}

/// The user of a name or a number.
fn find(told: &str) -> Result<RunAs, RunAsError> {
    let unknown = || RunAsError::Unknown(told.to_owned());
    if let Ok(Some(user)) = User::from_name(told) {
        return Ok(known(user));
    }
    let (uid, gid) = match told.split_once(':') {
        Some((uid, gid)) => (uid, Some(gid)),
        None => (told, None),
    };
    let Ok(uid) = uid.parse().map(Uid::from_raw) else { return Err(unknown()) };
    if let Some(gid) = gid {
        let named = || Group::from_name(gid).ok().flatten().map(|group| group.gid);
        let gid = gid.parse().ok().map(Gid::from_raw).or_else(named).ok_or_else(unknown)?;
        return Ok(numbered(uid, gid));
    }
    User::from_uid(uid).ok().flatten().map(known).ok_or_else(unknown)
}

fn known(user: User) -> RunAs {
    let User { uid, gid, name, dir, .. } = user;
    RunAs { uid, gid, groups: Vec::new(), known: Some((name, dir)), called: None }
}

fn numbered(uid: Uid, gid: Gid) -> RunAs {
    let found = User::from_uid(uid).ok().flatten();
    let known = found.map(|user| (user.name, user.dir));
    RunAs { uid, gid, groups: Vec::new(), known, called: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_who_is_told_is_an_error_and_root_is_known() {
        let none = |_| None;
        let err = RunAs::choose(Some("no such user"), none).unwrap_err();
        assert_eq!(err.to_string(), "there is no user `no such user`");
        assert!(RunAs::choose(Some("12:x y"), none).is_err());
        assert!(RunAs::choose(Some(&geteuid().to_string()), none).unwrap().is_none());
        assert!(RunAs::choose(None, none).unwrap().is_none());
    }

    #[test]
    fn each_way_to_become_root_tells_who_called_it() {
        let root = User::from_uid(Uid::from_raw(0)).unwrap().unwrap().name;
        let root = OsStr::new(&root);
        let said = |variables: &[(EnvName, &'static str)]| {
            let get = |name| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| if *value == "ROOT" { root } else { OsStr::new(value) })
            };
            caller(get).and_then(|user| Some((user.called?, user.uid.as_raw(), user.gid.as_raw())))
        };
        let sudo = [(env_names::SUDO_UID, "4123456"), (env_names::SUDO_GID, "77")];
        assert_eq!(said(&sudo), Some(("sudo", 4_123_456, 77)));
        assert_eq!(said(&[(env_names::DOAS_USER, "ROOT")]), Some(("doas", 0, 0)));
        assert_eq!(said(&[(env_names::PKEXEC_UID, "0")]), Some(("pkexec", 0, 0)));
        for nobody in [env_names::DOAS_USER, env_names::PKEXEC_UID, env_names::SUDO_UID] {
            assert_eq!(said(&[(nobody, "no such user")]), None);
            assert_eq!(said(&[]), None);
        }
    }

    #[test]
    fn an_unknown_number_needs_a_group_and_is_shown_as_it_is() {
        assert!(find("4123456").is_err());
        let user = find("4123456:77").unwrap();
        assert_eq!(user.ids(), (4_123_456, 77));
        assert_eq!((user.word(), user.shown()), ("4123456:77".into(), "user 4123456".into()));
        assert_eq!(user.groups().unwrap(), [Gid::from_raw(77)]);
        assert!(user.environment(|_| None).is_empty());
    }

    #[test]
    fn the_home_that_sudo_has_kept_stays_and_root_s_does_not() {
        let root = User::from_uid(Uid::from_raw(0)).unwrap().unwrap();
        let user =
            RunAs { known: Some(("alice".into(), "/home/alice".into())), ..find("77:77").unwrap() };
        let home = |kept: Option<&OsStr>| {
            let get = |name: EnvName| kept.filter(|_| name == env_names::HOME);
            user.environment(get).remove(0).1
        };
        assert_eq!(home(None), "/home/alice");
        assert_eq!(home(Some(root.dir.as_os_str())), "/home/alice");
        assert_eq!(home(Some(OsStr::new("/elsewhere"))), "/elsewhere");
    }
}

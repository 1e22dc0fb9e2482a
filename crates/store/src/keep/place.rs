//! The place of the store: in the project where that has one or wants one, else among the user's data.

use std::path::{Path, PathBuf};

use runner_shared::{profile_dir::PROJECT_FOLDER, text::shown};

/// The folder of the store in one of ours.
const FOLDER: &str = "store";
/// The folder of our data among those of other programs.
const OURS: &str = "codspeed";

/// Everything that the place depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// The folder that the environment names.
    pub told: Option<&'a Path>,
    /// The folder of the project: that of its repository, or of its `codspeed.yml`.
    pub project: Option<&'a Path>,
    /// The settings of the project: to keep the store there (true) or among the user's data (false).
    pub in_project: Option<bool>,
    /// The folder for the user's data, where it is set.
    pub data_home: Option<&'a Path>,
    /// The user's folder.
    pub home: Option<&'a Path>,
}

/// The place of a store, and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The environment names it.
    Told(PathBuf),
    /// It is in the project.
    Project(PathBuf),
    /// It is among the user's data.
    User(PathBuf),
}

/// The reason why there is no place.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    /// Nothing says where the user's data are.
    #[error("there is no folder for stored runs: neither HOME nor XDG_DATA_HOME is set")]
    NoHome,
    /// A link in the project leads elsewhere.
    #[error("`{}` is a symbolic link, which is not followed", shown(.0))]
    Link(PathBuf),
}

impl Place {
    /// Returns the place of the store.
    ///
    /// # Errors
    ///
    /// If there is none, or a link of the project leads elsewhere: a project may come from others.
    pub fn find(surroundings: &Surroundings<'_>) -> Result<Self, NoPlace> {
        let Surroundings { told, project, in_project, data_home, home } = *surroundings;
        if let Some(told) = told {
            return Ok(Self::Told(told.to_owned()));
        }
        if let Some(project) = project.filter(|_| in_project != Some(false)) {
            let ours = project.join(PROJECT_FOLDER);
            let store = ours.join(FOLDER);
            // The folder around it is also made for other things.
            if in_project == Some(true) || store.is_dir() {
                for path in [&ours, &store] {
                    if path.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
                        return Err(NoPlace::Link(path.clone()));
                    }
                }
                return Ok(Self::Project(store));
            }
        }
        // A relative one is to be ignored (XDG Base Directory Specification).
        let data = data_home.filter(|data| data.is_absolute()).map(Path::to_owned);
        let data = data.or_else(|| Some(home?.join(".local/share"))).ok_or(NoPlace::NoHome)?;
        Ok(Self::User(data.join(OURS).join(FOLDER)))
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Told(folder) | Self::Project(folder) | Self::User(folder) => folder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_wins_where_it_has_a_folder_or_wants_one() {
        let project = tempfile::tempdir().unwrap();
        let base = Surroundings {
            project: Some(project.path()),
            home: Some(Path::new("/home/me")),
            ..Default::default()
        };
        let user = |path: &str| Place::User(path.into());
        let in_project = Place::Project(project.path().join(".codspeed/store"));
        assert_eq!(Place::find(&base).unwrap(), user("/home/me/.local/share/codspeed/store"));
        let wants = Surroundings { in_project: Some(true), ..base };
        assert_eq!(Place::find(&wants).unwrap(), in_project);
        std::fs::create_dir(project.path().join(".codspeed")).unwrap();
        assert_eq!(Place::find(&base).unwrap(), user("/home/me/.local/share/codspeed/store"));
        std::fs::create_dir(project.path().join(".codspeed/store")).unwrap();
        assert_eq!(Place::find(&base).unwrap(), in_project);
        let data = Some(Path::new("/data"));
        let refuses = Surroundings { in_project: Some(false), data_home: data, ..base };
        assert_eq!(Place::find(&refuses).unwrap(), user("/data/codspeed/store"));
        let told = Surroundings { told: Some(Path::new("here")), ..base };
        assert_eq!(Place::find(&told).unwrap(), Place::Told("here".into()));
        let relative = Surroundings { data_home: Some(Path::new("data")), project: None, ..base };
        assert_eq!(Place::find(&relative).unwrap(), user("/home/me/.local/share/codspeed/store"));
        assert!(Place::find(&Surroundings::default()).is_err());
    }

    #[test]
    fn a_link_in_a_project_is_not_followed() {
        let project = tempfile::tempdir().unwrap();
        std::fs::create_dir(project.path().join("store")).unwrap();
        std::os::unix::fs::symlink(".", project.path().join(".codspeed")).unwrap();
        let surroundings = Surroundings { project: Some(project.path()), ..Default::default() };
        assert!(matches!(Place::find(&surroundings), Err(NoPlace::Link(_))));
    }
}

//! Shapes of the file old and new, what becomes of it, and who may read it.

use runner_shared::text::shown;

use super::*;

fn place(folder: &Path) -> PathBuf {
    folder.join("codspeed/config.yaml")
}

/// Makes a file that everybody may read.
fn write(folder: &Path, text: &str) -> PathBuf {
    let path = place(folder);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    path
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn token(config: &UserConfig, name: &str) -> Option<String> {
    Some(config.profiles().get(name)?.token.as_ref()?.expose().to_owned())
}

/// The error, without the folder.
fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), text);
    let err = UserConfig::load(Some(path.clone())).unwrap_err().to_string();
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "the file stays");
    err.replace(&shown(&path).into_owned(), "config.yaml")
}

#[test]
fn the_place_follows_the_environment() {
    let env = Env::default().with(env_names::HOME, "/h");
    assert_eq!(path(&env, None).unwrap(), Path::new("/h/.config/codspeed/config.yaml"));
    let env = env.with(env_names::XDG_CONFIG_HOME, "/x");
    assert_eq!(path(&env, Some("work")).unwrap(), Path::new("/x/codspeed/work.yaml"));
    let env = env.with(env_names::XDG_CONFIG_HOME, "relative");
    assert_eq!(path(&env, None).unwrap(), Path::new("/h/.config/codspeed/config.yaml"));
    assert_eq!(path(&Env::default(), None), None);
    let mut nowhere = UserConfig::load(None).unwrap();
    assert!(matches!(nowhere.save(), Err(UserConfigError::NoPlace)));
}

#[test]
fn no_file_and_an_empty_one_are_the_default_profile_alone() {
    let folder = tempfile::tempdir().unwrap();
    let missing = UserConfig::load(Some(place(folder.path()))).unwrap();
    assert_eq!(missing.profiles(), &BTreeMap::from([(DEFAULT.to_owned(), Profile::default())]));
    assert!(!place(folder.path()).exists());
    for text in ["", "# nothing\n", "version: 1\n", "profiles:\n", "{}"] {
        let path = write(folder.path(), text);
        let config = UserConfig::load(Some(path.clone())).unwrap();
        assert_eq!(config.profiles(), missing.profiles(), "{text:?}");
        assert_eq!(fs::read_to_string(path).unwrap(), text, "nothing to rewrite");
    }
}

#[test]
fn a_new_file_and_its_folder_are_for_the_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = UserConfig::load(Some(place(folder.path()))).unwrap();
    let profile = Profile {
        token: Secret::new("s3cret"),
        api_url: Some("https://a/".to_owned()),
        upload_url: None,
    };
    config.set("work", profile.clone());
    assert_eq!(config.save().unwrap(), None);
    let path = place(folder.path());
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
    version: 1
    profiles:
      default: {}
      work:
        auth:
          token: "s3cret"
        api-url: "https://a/"
    "#);
    let again = UserConfig::load(Some(path)).unwrap();
    assert_eq!(again.profiles().get("work"), Some(&profile));
    assert!(!format!("{again:?}").contains("s3cret"), "a token is never shown");
}

#[test]
fn a_file_that_others_may_read_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "version: 1\nprofiles: {default: {auth: {token: t}}}\n");
    fs::set_permissions(path.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut config = UserConfig::load(Some(path.clone())).unwrap();
    assert_eq!(mode(&path), 0o600);
    config.save().unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn the_oldest_format_is_rewritten_as_the_default_profile() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "auth:\n  token: \"old\"\nother: [1, two]\n");
    let config = UserConfig::load(Some(path.clone())).unwrap();
    assert_eq!(token(&config, DEFAULT).as_deref(), Some("old"));
    insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
    other:
      - 1
      - two
    profiles:
      default:
        auth:
          token: "old"
    version: 1
    "#);
    assert_eq!(UserConfig::load(Some(path)).unwrap().profiles(), config.profiles());

    let both = "auth: {token: old, kept: 1}\nprofiles: {default: {auth: {token: new}}}\n";
    let path = write(folder.path(), both);
    let config = UserConfig::load(Some(path.clone())).unwrap();
    assert_eq!(token(&config, DEFAULT).as_deref(), Some("new"));
    assert!(!fs::read_to_string(&path).unwrap().contains("old"));

    for none in ["auth: {token: null}\n", "auth:\n"] {
        let path = write(folder.path(), none);
        assert_eq!(token(&UserConfig::load(Some(path)).unwrap(), DEFAULT), None);
    }
}

#[test]
fn what_is_not_known_is_kept_when_something_changes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version: 1\nprofiles:\n  a: {auth: {token: 123, kind: oidc}, colour: red}\n  b: {}\nnew: yes\n";
    let mut config = UserConfig::load(Some(write(folder.path(), text))).unwrap();
    assert_eq!(token(&config, "a").as_deref(), Some("123"), "also if it looks like a number");
    config.remove("b");
    config.remove(DEFAULT);
    config.set("a", Profile { upload_url: Some("https://u".to_owned()), ..Profile::default() });
    config.save().unwrap();
    insta::assert_snapshot!(fs::read_to_string(place(folder.path())).unwrap(), @r#"
    version: 1
    profiles:
      a:
        auth:
          kind: oidc
        colour: red
        upload-url: "https://u"
      default: {}
    new: yes
    "#);
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_without_secrets() {
    let all = [
        "version: 2\n",
        "version: one\n",
        "version: 0\n",
        "[]",
        "profiles: [a]\n",
        "profiles:\n  a: hush\n",
        "profiles:\n  a: {auth: hush}\n",
        "profiles:\n  a: {auth: {token: [hush]}}\n",
        "profiles:\n  a: {api-url: 7}\n",
        "auth: hush\n",
        "auth: {token: a}\nauth: {token: b}\n",
    ];
    let text = all.map(refused).join("\n");
    assert!(!text.contains("hush"));
    insta::assert_snapshot!(text, @"
    config.yaml:1:10: version 2 is newer than the 1 that this program supports
    config.yaml:1:10: `version` must be 1, but is the string `one`
    config.yaml:1:10: `version` must be 1, but is the number `0`
    config.yaml:1:1: the file must be a mapping
    config.yaml:1:11: `profiles` must be a mapping
    config.yaml:2:6: the profile `a` must be a mapping
    config.yaml:2:13: `auth` must be a mapping
    config.yaml:2:21: `token` must be a string
    config.yaml:2:16: `api-url` must be a string, but is the number `7`
    config.yaml:1:7: `auth` must be a mapping
    config.yaml:2:1: duplicate key `auth`; first at 1:1
    ");
}

#[test]
fn a_broken_file_is_kept_when_a_new_one_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for expected in ["config.yaml.broken", "config.yaml.broken-2"] {
        let path = write(folder.path(), "version: 9\n");
        let (mut config, err) = UserConfig::load_or_reset(Some(path.clone()));
        assert!(matches!(err, Some(UserConfigError::Wrong { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "version: 9\n", "nothing is saved yet");
        config.set(DEFAULT, Profile { token: Secret::new("t"), ..Profile::default() });
        let kept = config.save().unwrap().unwrap();
        assert_eq!(kept, path.with_file_name(expected));
        assert_eq!(fs::read_to_string(kept).unwrap(), "version: 9\n");
        assert_eq!(token(&UserConfig::load(Some(path)).unwrap(), DEFAULT).as_deref(), Some("t"));
        assert_eq!(config.save().unwrap(), None);
    }
}

#[test]
fn a_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "");
    let target = folder.path().join("dotfiles.yaml");
    fs::rename(&path, &target).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let mut config = UserConfig::load(Some(path.clone())).unwrap();
    config.save().unwrap();
    assert!(path.symlink_metadata().unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().contains("version: 1"));
}

#[test]
fn the_profile_that_was_asked_for_wins_and_has_to_be_there() {
    let mut config = UserConfig::load(None).unwrap();
    config.set("work", Profile::default());
    let chosen = |told, shell| {
        let Selected { name, source, .. } = select(told, shell, &config)?;
        Ok::<_, UnknownProfile>((name, source))
    };
    let is = |name: &str, source| Ok((name.to_owned(), source));
    assert_eq!(chosen(None, None), is("default", ProfileSource::Default));
    assert_eq!(chosen(None, Some("work")), is("work", ProfileSource::Shell));
    assert_eq!(chosen(Some("default"), Some("work")), is("default", ProfileSource::Told));
    let said = |told, shell| chosen(told, shell).unwrap_err().to_string();
    assert_eq!(said(Some("wrok"), None), "there is no profile `wrok`; did you mean `work`?");
    assert_eq!(said(None, Some("x")), "there is no profile `x`; available: `default`, `work`");
}

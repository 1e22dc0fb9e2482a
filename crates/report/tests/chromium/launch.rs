//! Starts Chromium without a window.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use headless_chrome::{Browser, LaunchOptions};

/// The programs, the first that is there.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Nothing of a page takes so long, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Returns the program, if there is one.
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut places = PROGRAMS.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    places.find(|place| place.is_file())
}

/// Starts it; all that it writes is in this folder.
pub(crate) fn start(
    program: PathBuf,
    folder: &Path,
) -> Result<Browser, Box<dyn std::error::Error>> {
    let options = LaunchOptions::default_builder()
        .path(Some(program))
        // The tests run as root in places where no sandbox can be made.
        .sandbox(false)
        .enable_gpu(false)
        .window_size(Some((1280, 900)))
        .user_data_dir(Some(folder.join("profile")))
        // It leaves files there.
        .process_envs(Some([("TMPDIR".to_owned(), folder.display().to_string())].into()))
        .idle_browser_timeout(PATIENCE)
        .build()?;
    Ok(Browser::new(options)?)
}

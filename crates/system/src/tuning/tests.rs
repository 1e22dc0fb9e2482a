//! Changes and their way back in a tree of files, with a crash at every place.

use std::fs;

use super::*;

/// Settings as they are at first, and as they shall be.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("/sys/cpu0/governor", "powersave", "performance"),
    ("/sys/no_turbo", "0", "1"),
    ("/proc/irq/7/smp_affinity_list", "0-3", "0,1"),
    ("/sys/cpu3/online", "1", "0"),
];

fn tree() -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let tree = Tree::at(folder.path());
    for (path, old, _) in SETTINGS {
        put(&tree, path, old);
    }
    put(&tree, "/proc/sys/kernel/random/boot_id", "b");
    (folder, tree)
}

fn put(tree: &Tree, path: &str, value: &str) {
    let place = tree.place(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, format!("{value}\n")).unwrap();
}

fn values(tree: &Tree) -> Vec<String> {
    SETTINGS.iter().map(|(path, ..)| tree.read(path).unwrap()).collect()
}

fn old() -> Vec<String> {
    SETTINGS.iter().map(|(_, old, _)| (*old).to_owned()).collect()
}

fn new() -> Vec<String> {
    SETTINGS.iter().map(|(.., new)| (*new).to_owned()).collect()
}

fn changes() -> Vec<Change> {
    let change = |(path, _, new): &(&str, &str, &str)| Change {
        path: (*path).to_owned(),
        wanted: (*new).to_owned(),
    };
    SETTINGS.iter().map(change).collect()
}

fn change_all(tree: &Tree) -> Vec<Row> {
    change(tree, &Processors::from([2]), &changes()).unwrap()
}

fn journal(tree: &Tree) -> PathBuf {
    tree.place("/run/codspeed-tuning.journal")
}

#[test]
fn settings_are_changed_told_and_brought_back_in_reverse_order() {
    let (_folder, tree) = tree();
    assert!(matches!(state(&tree).unwrap(), State::Off));
    assert!(change_all(&tree).iter().all(|row| matches!(row.outcome, Outcome::Changed(_))));
    assert_eq!(values(&tree), new());
    let State::Changed(told) = state(&tree).unwrap() else { panic!("it is changed") };
    assert_eq!((told.processors, told.stage), (Processors::from([2]), Stage::On));
    assert!(recover(&tree).is_none(), "it is as it shall be");
    let rows = restore(&tree).unwrap();
    assert_eq!(values(&tree), old());
    assert_eq!(rows[0].shown(), "/sys/cpu3/online: restored to 1");
    assert_eq!(rows[3].shown(), "/sys/cpu0/governor: restored to powersave");
    assert!(!journal(&tree).exists());
    assert!(restore(&tree).unwrap().is_empty());
}

#[test]
fn twice_changes_nothing_and_keeps_the_first_values() {
    let (_folder, tree) = tree();
    change_all(&tree);
    let again = change_all(&tree);
    assert!(again.iter().all(|row| matches!(row.outcome, Outcome::AlreadyThere)));
    restore(&tree).unwrap();
    assert_eq!(values(&tree), old());
}

#[test]
fn what_others_change_meanwhile_stays_and_is_told() {
    let (_folder, tree) = tree();
    change_all(&tree);
    put(&tree, "/sys/cpu0/governor", "ondemand");
    let again = change_all(&tree);
    assert!(matches!(&again[0].outcome, Outcome::Foreign { now, .. } if now == "ondemand"));
    let rows = restore(&tree).unwrap();
    assert_eq!(
        rows[3].shown(),
        "/sys/cpu0/governor: keeps the value ondemand that somebody else set; the original was powersave (to restore it: `echo powersave > /sys/cpu0/governor`)"
    );
    assert_eq!(tree.read("/sys/cpu0/governor").unwrap(), "ondemand");
    assert_eq!(values(&tree)[1..], old()[1..]);
    assert!(!journal(&tree).exists());
}

#[test]
fn a_crash_at_any_line_of_the_journal_is_recovered_from() {
    let (_folder, tree) = tree();
    change_all(&tree);
    let whole = fs::read(journal(&tree)).unwrap();
    let end = whole.len() - "on\n".len();
    // Before, within and after the end of each line.
    let is_end = |at: &usize| whole.get(*at).is_none_or(|byte| *byte == b'\n');
    let ends: Vec<usize> = (0..=end).filter(is_end).collect();
    let cuts = ends.into_iter().flat_map(|end| [end - 2, end, end + 1]);
    for cut in [0, 1].into_iter().chain(cuts.filter(|cut| *cut <= end)) {
        // Noted are those whose line is whole; the last of these may have been made or not. One line is the head.
        let lines = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
        let noted = lines.saturating_sub(1);
        for made in [noted, noted.saturating_sub(1)] {
            for (index, (path, old, new)) in SETTINGS.iter().enumerate() {
                put(&tree, path, if index < made { new } else { old });
            }
            fs::write(journal(&tree), &whole[..cut]).unwrap();
            // Without root it is for nobody to recover.
            if geteuid().is_root() {
                if let Some(rows) = recover(&tree) {
                    rows.unwrap();
                }
            } else {
                restore(&tree).unwrap();
            }
            assert_eq!(values(&tree), old(), "cut at {cut}, {made} made");
            assert!(!journal(&tree).exists());
        }
    }
}

#[test]
fn a_crash_while_restoring_is_recovered_from() {
    let (_folder, tree) = tree();
    change_all(&tree);
    let mut text = fs::read_to_string(journal(&tree)).unwrap();
    put(&tree, "/sys/cpu3/online", "1");
    text.push_str("restoring\nback\t/sys/cpu3/online\nback\t/proc/ir");
    fs::write(journal(&tree), text).unwrap();
    // By somebody else, after it was brought back.
    put(&tree, "/sys/cpu3/online", "0");
    restore(&tree).unwrap();
    assert_eq!(values(&tree)[..3], old()[..3]);
    assert_eq!(tree.read("/sys/cpu3/online").unwrap(), "0");
}

#[test]
fn what_is_not_there_or_refuses_is_told_and_keeps_nothing_else() {
    let (_folder, tree) = tree();
    fs::remove_file(tree.place("/sys/no_turbo")).unwrap();
    // Nothing can be written to a folder, not even by root.
    fs::remove_file(tree.place("/sys/cpu0/governor")).unwrap();
    fs::create_dir(tree.place("/sys/cpu0/governor")).unwrap();
    let rows = change_all(&tree);
    let failed = |row: &Row| matches!(row.outcome, Outcome::Failed(_));
    assert_eq!(rows.iter().map(failed).collect::<Vec<_>>(), [true, true, false, false]);
    restore(&tree).unwrap();
    assert_eq!(tree.read("/sys/cpu3/online").unwrap(), "1");
}

#[test]
fn a_file_that_is_gone_needs_no_way_back() {
    let (_folder, tree) = tree();
    change_all(&tree);
    fs::remove_file(tree.place("/proc/irq/7/smp_affinity_list")).unwrap();
    let rows = restore(&tree).unwrap();
    assert!(matches!(rows[1].outcome, Outcome::Gone), "{rows:?}");
    assert!(!rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))));
    assert!(!journal(&tree).exists());
}

#[test]
fn without_a_change_there_is_no_new_journal() {
    let (_folder, tree) = tree();
    assert!(change(&tree, &Processors::from([2]), &[]).unwrap().is_empty());
    assert!(!journal(&tree).exists());
    let absent = [Change { path: "/sys/absent".to_owned(), wanted: "1".to_owned() }];
    change(&tree, &Processors::from([2]), &absent).unwrap();
    assert!(!journal(&tree).exists());
    change_all(&tree);
    for changes in [&absent[..], &[]] {
        change(&tree, &Processors::from([2]), changes).unwrap();
        assert_eq!(values(&tree), new());
        assert!(journal(&tree).exists());
    }
}

#[test]
fn a_journal_that_is_too_long_stays_as_it_is() {
    let (_folder, tree) = tree();
    change_all(&tree);
    let line = format!("set\t/sys/{}\t0\t1\n", "a".repeat(1 << 20));
    let mut text = fs::read_to_string(journal(&tree)).unwrap();
    text.push_str(&line.repeat(8));
    fs::write(journal(&tree), &text).unwrap();
    assert!(restore(&tree).unwrap_err().to_string().contains("longer than 8 MiB"));
    assert_eq!(fs::metadata(journal(&tree)).unwrap().len(), u64::try_from(text.len()).unwrap());
    assert_eq!(values(&tree), new());
}

#[test]
fn the_lines_about_a_recovery_name_the_command_and_how_it_went() {
    let first = |stage, outcome| {
        let rows = vec![Row { path: "/sys/a".to_owned(), outcome }];
        told(&Ok(Recovered { stage, rows })).remove(0)
    };
    let killed = first(Stage::Changing, Outcome::Restored("0".to_owned()));
    assert!(killed.starts_with("`codspeed isolate on` was interrupted"), "{killed}");
    assert!(killed.ends_with("are restored"), "{killed}");
    let again = first(Stage::Restoring, Outcome::Failed(io::Error::other("no")));
    assert!(!again.contains("was interrupted"), "{again}");
    assert!(again.ends_with("will try again"), "{again}");
}

#[test]
fn a_journal_of_an_earlier_start_of_the_machine_changes_nothing() {
    let (_folder, tree) = tree();
    change_all(&tree);
    put(&tree, "/proc/sys/kernel/random/boot_id", "another");
    assert!(matches!(state(&tree).unwrap(), State::Off));
    assert_eq!(values(&tree), new());
    assert!(!journal(&tree).exists());
}

#[test]
fn a_journal_that_others_may_write_or_use_is_not_believed() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, tree) = tree();
    change_all(&tree);
    let mode = |mode| fs::set_permissions(journal(&tree), fs::Permissions::from_mode(mode));
    mode(0o622).unwrap();
    assert!(state(&tree).is_err() && restore(&tree).is_err());
    mode(0o600).unwrap();
    let Found::There(_journal, _) = Journal::find(&tree).unwrap() else { panic!("it is there") };
    assert!(matches!(state(&tree).unwrap(), State::Busy));
    assert!(change(&tree, &Processors::new(), &changes()).is_err());
    assert_eq!(values(&tree), new());
}

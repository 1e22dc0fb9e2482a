//! Rule: no file names a folder of the machine it was written on.

use super::{File, Finding};

/// Written in parts, because this file counts too.
const FOLDERS: [&str; 3] = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/fa", "rm/")];

pub(super) fn check(file: &File) -> Vec<Finding> {
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    let hit = |line: &str| FOLDERS.into_iter().find(|folder| line.contains(folder));
    let lines =
        (1..).zip(file.text.lines()).filter_map(|(number, line)| Some((number, hit(line)?)));
    let advice = |folder: &str| format!("don't name {folder}: it exists on one machine only");
    lines.map(|(number, folder)| file.finding(number, "host-paths", advice(folder))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_one_machine_are_found_in_any_file() {
        let text = format!("a\nb {}c\n", FOLDERS[0]);
        let lines =
            |path: &str| check(&File::new(path, &text)).iter().map(|f| f.line).collect::<Vec<_>>();
        assert_eq!(lines("a.snap"), [2]);
        assert_eq!(lines("Cargo.lock"), [0_usize; 0]);
    }
}

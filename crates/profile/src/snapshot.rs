//! The state of a process while it waited: its mappings, and the files behind them.

use std::fs::File;

/// The code of a process at a point in time.
#[derive(Debug)]
pub struct Snapshot {
    /// The process.
    pub pid: i32,
    /// The time when it was taken, nanoseconds on `CLOCK_MONOTONIC`.
    pub time: u64,
    /// Its executable mappings.
    pub mappings: Vec<Mapping>,
    /// Files that were opened then, and are the right ones whatever has become of their names.
    pub files: Vec<PinnedFile>,
}

/// A line of `/proc/<pid>/maps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Its offset in the file.
    pub offset: u64,
    /// Major and minor number of the file's device.
    pub device: (u32, u32),
    /// The file's inode.
    pub inode: u64,
    /// The file's name, or a name in brackets.
    pub path: String,
}

/// An open file, by what the kernel calls it in a mapping.
#[derive(Debug)]
pub struct PinnedFile {
    /// Major and minor number of its device, as in [`Mapping::device`].
    pub device: (u32, u32),
    /// Its inode, as in [`Mapping::inode`].
    pub inode: u64,
    /// Its name, as in [`Mapping::path`].
    pub path: String,
    /// The file, open for reading.
    pub file: File,
}

/// The executable mappings in the text of `/proc/<pid>/maps`; a line that is none is left out.
pub fn executable_mappings(maps: &str) -> Vec<Mapping> {
    maps.lines().filter_map(parse_line).collect()
}

/// `start-end rwxp offset major:minor inode      path`
fn parse_line(line: &str) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (range, rights, offset) = (words.next()?, words.next()?, words.next()?);
    let (device, inode) = (words.next()?, words.next()?);
    let path = words.next().unwrap_or_default().trim_start();
    let (start, end) = range.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let small = |digits: &str| u32::from_str_radix(digits, 16).ok();
    rights.contains('x').then_some(())?;
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        offset: hex(offset)?,
        device: (small(major)?, small(minor)?),
        inode: inode.parse().ok()?,
        path: path.strip_suffix(" (deleted)").unwrap_or(path).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps() {
        let maps = "\
55d0-55d1 r--p 00000000 fe:00 42                     /bin/a b
55d1-55d2 r-xp 00001000 fe:01 42                     /bin/a b (deleted)
7ffe-7fff r-xp 00000000 00:00 0                      [vdso]
7f00-7f01 rwxp 00000000 00:00 0
garbage
";
        let mappings = executable_mappings(maps);
        let paths: Vec<&str> = mappings.iter().map(|mapping| &*mapping.path).collect();
        assert_eq!(paths, ["/bin/a b", "[vdso]", ""]);
        let first = mappings.first().unwrap();
        assert_eq!((first.start, first.end, first.offset), (0x55d1, 0x55d2, 0x1000));
        assert_eq!((first.device, first.inode), ((0xfe, 1), 42));
    }
}

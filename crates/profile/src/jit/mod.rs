//! Functions that a process generated for itself, by what it wrote about them to `/tmp`.

mod dump;
mod harvest;
mod perf_map;

pub use dump::JitUnwindForm;
pub(crate) use dump::{parse_dump, rejoin, resplit};
pub(crate) use harvest::{Harvest, JitDir, harvest};
pub(crate) use perf_map::PerfMap;

//! The functions of a benchmark as a reader knows them: what each costs, and the tree of their calls. Pure.

mod costs;
mod readable;
mod tree;
mod unnamed;

pub use costs::{FunctionCost, function_costs};
pub(crate) use costs::{by_self, by_total};
pub use readable::{FrameView, readable};
pub(crate) use tree::{Call, CallTree};
pub(crate) use unnamed::unnamed_python;

//! Reads the debug information of programs and libraries: the source line of an address, and the functions that were inlined
//! there. Files may be anything: what can't be understood is not known.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod image;
mod inlines;
mod lines;
mod names;

pub use image::Image;
pub use inlines::{Inlines, Lines};
pub use lines::{Line, has_lines, look_up};
pub use names::demangled;

//! Makes pairs with the allocator of the program, through a vector that grows and a string, too.

use std::{hint::black_box, io::Write};

#[repr(align(64))]
struct Wide([u8; 832]);

/// Prints `done` after a thousand rounds between two marks.
pub(crate) fn run() {
    drop(black_box(Vec::<u8>::with_capacity(7_700_001)));
    for byte in (0..=u8::MAX).cycle().take(1000) {
        drop(black_box(Box::new([byte; 777])));
        drop(black_box(vec![0_u8; 555]));
        let wide = black_box(Box::new(Wide([byte; 832])));
        black_box(wide.0.first());
        drop(wide);
        let mut bytes: Vec<u8> = black_box(Vec::with_capacity(300));
        bytes.reserve_exact(900);
        drop(black_box(bytes));
    }
    drop(black_box(Vec::<u8>::with_capacity(7_700_002)));
    drop(std::io::stdout().write_all(b"done\n"));
}

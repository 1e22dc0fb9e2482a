//! Makes pairs with the allocator of the program, through a vector that grows and a string, too.

use std::hint::black_box;

#[repr(align(64))]
struct Wide([u8; 832]);

/// Prints `done` after a thousand rounds between two marks.
pub(crate) fn run() {
    drop(black_box(Vec::<u8>::with_capacity(7_700_001)));
    for at in 0..1000 {
        drop(black_box(Box::new([at as u8; 777])));
        drop(black_box(vec![0_u8; 555]));
        drop(black_box(Box::new(Wide([at as u8; 832]))));
        let mut bytes: Vec<u8> = black_box(Vec::with_capacity(300));
        bytes.reserve_exact(900);
        drop(black_box(bytes));
    }
    drop(black_box(Vec::<u8>::with_capacity(7_700_002)));
    println!("done");
}

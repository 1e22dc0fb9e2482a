//! Makes pairs with the allocator that it was built with, through a vector that grows and a string, too.

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::hint::black_box;

#[repr(align(64))]
struct Wide([u8; 832]);

fn main() {
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

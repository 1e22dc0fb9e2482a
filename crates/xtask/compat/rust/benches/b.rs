//! A benchmark of `codspeed-bencher-compat`.

use std::hint::black_box;

use bencher::{benchmark_group, benchmark_main, Bencher};

fn work_2k(b: &mut Bencher) {
    b.iter(|| interop_rs::work(black_box(2_000)));
}

benchmark_group!(grp, work_2k);
benchmark_main!(grp);

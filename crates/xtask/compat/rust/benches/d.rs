//! Benchmarks of `codspeed-divan-compat`.

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 2)]
fn small() -> u64 {
    interop_rs::work(divan::black_box(1_000))
}

#[divan::bench(args = [10, 20], sample_count = 3, sample_size = 1)]
fn sized(n: u64) -> u64 {
    interop_rs::work(divan::black_box(n * 1_000))
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn allocates() -> Vec<u8> {
    vec![divan::black_box(1); 3_000_000]
}

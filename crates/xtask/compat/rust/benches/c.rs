//! A benchmark of `codspeed-criterion-compat`.

use std::{hint::black_box, time::Duration};

use criterion::{criterion_group, criterion_main, Criterion};

fn one(c: &mut Criterion) {
    c.bench_function("work_5k", |b| b.iter(|| interop_rs::work(black_box(5_000))));
}

criterion_group! {
    name = grp;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500));
    targets = one
}
criterion_main!(grp);

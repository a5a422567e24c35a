//! The operations of `overhead` under criterion, to compare two versions of the code:
//! `--save-baseline`, `--baseline`.
//!
//! To compare a lock with the bare one, use `overhead`: this bench measures them one after the
//! other.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexus_lockprof_benches::modes::{self, MODES};
use nexus_lockprof_benches::paths;

/// Operations per call; the paths contain the loop.
const OPERATIONS: u64 = 1_000;

fn locks(criterion: &mut Criterion) {
    for path in paths::COMMON {
        let mut group = criterion.benchmark_group(path.name);
        group.throughput(Throughput::Elements(OPERATIONS));
        group.bench_function("bare", |bencher| bencher.iter(|| (path.bare)(OPERATIONS)));
        for mode in MODES {
            group.bench_function(BenchmarkId::new("ours", mode), |bencher| {
                if let Err(error) = modes::switch_to(mode) {
                    panic!("{mode}: {error}");
                }
                bencher.iter(|| (path.ours)(OPERATIONS));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, locks);
criterion_main!(benches);

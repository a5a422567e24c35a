//! Random numbers, from a state kept in a shard.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Uniform in (0, 1]. It excludes 0, whose logarithm would be infinite.
pub(crate) fn open_unit(rng: &mut fastrand::Rng) -> f64 {
    1.0 - rng.f64()
}

/// Runs `f` with the generator whose state is `seed`, and stores the new state.
#[inline]
pub(crate) fn with_rng<T>(seed: &AtomicU64, f: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
    let mut rng = fastrand::Rng::with_seed(seed.load(Relaxed));
    let out = f(&mut rng);
    seed.store(rng.get_seed(), Relaxed);
    out
}

//! Random numbers, from a state that a shard keeps.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Uniform in (0, 1]: the logarithm of 0 would be infinite.
pub(crate) fn open_unit(rng: &mut fastrand::Rng) -> f64 {
    1.0 - rng.f64()
}

/// Runs `f` with the generator whose state is `seed`, and keeps the state.
#[inline]
pub(crate) fn with_rng<T>(seed: &AtomicU64, f: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
    let mut rng = fastrand::Rng::with_seed(seed.load(Relaxed));
    let out = f(&mut rng);
    seed.store(rng.get_seed(), Relaxed);
    out
}

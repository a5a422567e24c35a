//! Locks a thousand times.

fn main() {
    let lock = parking_lot::Mutex::new(0);
    for _ in 0..1_000 {
        *lock.lock() += 1;
    }
    assert_eq!(lock.into_inner(), 1_000);
}

//! The `deadlock` module of the feature `deadlock_detection`.

use super::locks::{Mutex, deadlock};

/// Two threads that wait for each other are found. They stay blocked until the process ends,
/// because the detector leaves them so.
#[test]
fn two_threads_that_wait_for_each_other() {
    let _alone = crate::api::DETECTOR.lock();
    let locks: &'static [Mutex<()>; 2] = Box::leak(Box::new([Mutex::new(()), Mutex::new(())]));
    let both_hold: &'static _ = Box::leak(Box::new(std::sync::Barrier::new(2)));
    for (mine, other) in [(0, 1), (1, 0)] {
        std::thread::spawn(move || {
            let _mine = locks[mine].lock();
            both_hold.wait();
            drop(locks[other].lock());
        });
    }
    loop {
        let deadlocks = deadlock::check_deadlock();
        if let [threads] = &deadlocks[..] {
            assert_eq!(threads.len(), 2);
            break;
        }
        assert!(deadlocks.is_empty());
        std::thread::yield_now();
    }
}

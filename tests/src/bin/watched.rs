//! A program to watch: three threads keep each other waiting, with little processor time, until it
//! is killed. LOCKPROF_SERVE sets the address.

use std::thread;
use std::time::Duration;

use nexus_lockprof::{Mutex, RwLock};

static HOT: Mutex<u64> = Mutex::named("hot", 0);
static WARM: RwLock<u64> = RwLock::named("warm", 0);
static WIDE: Mutex<u64> = Mutex::named("日本語", 0);

fn main() {
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    work();
                }
            });
        }
    });
}

/// The second hold of `HOT` is the one that the first ones wait for.
fn work() {
    *HOT.lock() += 1;
    {
        let mut hot = HOT.lock();
        thread::sleep(Duration::from_millis(3));
        *hot += 1;
    }
    for i in 0..100 {
        *WIDE.lock() += 1;
        if i % 2 == 0 {
            drop(WARM.read());
        }
    }
    {
        let mut warm = WARM.write();
        thread::sleep(Duration::from_micros(200));
        *warm += 1;
    }
    thread::sleep(Duration::from_millis(3));
}

//! Every kind of future, dropped at every possible point: before its first poll, while it waits,
//! and after the lock was handed to it. The next in line gets the lock then.

use super::super::super::{Task, now};
use super::locks::{Mutex, RwLock, Semaphore};
use std::sync::Arc;

macro_rules! futures {
    ($($name:ident: $new:expr, |$lock:ident| $hold:expr, $acquire:expr;)*) => {$(
        #[test]
        fn $name() {
            for polls in 0..3 {
                for handed_over in [false, true] {
                    let $lock = Arc::new($new);
                    let mut held = Some(now($hold));
                    let (mut gone, mut next) = (Task::new($acquire), Task::new($acquire));
                    for _ in 0..polls {
                        gone.pending();
                    }
                    next.pending();
                    if handed_over {
                        held = None;
                        assert_eq!(gone.woken(), usize::from(polls > 0));
                    }
                    drop(gone);
                    drop(held);
                    assert_eq!(next.woken(), 1);
                    drop(next.ready());
                    // Everything is free again.
                    drop(now($hold));
                }
            }
        }
    )*};
}

futures! {
    lock: Mutex::new(()), |it| it.lock(), it.lock();
    lock_owned: Mutex::new(()), |it| it.lock(), Arc::clone(&it).lock_owned();
    read: RwLock::new(()), |it| it.write(), it.read();
    read_owned: RwLock::new(()), |it| it.write(), Arc::clone(&it).read_owned();
    write: RwLock::new(()), |it| it.write(), it.write();
    write_owned: RwLock::new(()), |it| it.write(), Arc::clone(&it).write_owned();
    write_behind_a_reader: RwLock::new(()), |it| it.read(), it.write();
    acquire: Semaphore::new(1), |it| it.acquire(), it.acquire();
    acquire_owned: Semaphore::new(1), |it| it.acquire(), Arc::clone(&it).acquire_owned();
    acquire_many: Semaphore::new(3), |it| it.acquire_many(3), it.acquire_many(2);
    acquire_many_owned: Semaphore::new(3), |it| it.acquire_many(3), Arc::clone(&it).acquire_many_owned(2);
}

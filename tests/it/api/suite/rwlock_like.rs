//! Shared by `RwLock` and `RecursiveRwLock`, for the `Lock`, `ReadGuard`, `WriteGuard`,
//! `UpgradableGuard`, `MappedRead`, `MappedWrite` and `Raw` of the module above.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::locks::lock_api::{RawRwLock as _, RawRwLockUpgrade as _};

use super::super::{quiet_panic, unwinds};
use super::{Lock, MappedRead, MappedWrite, Raw, ReadGuard, UpgradableGuard, WriteGuard};

#[path = "rwlock_upgrade.rs"]
mod upgrade;

#[cfg(feature = "arc_lock")]
#[path = "rwlock_arc.rs"]
mod arc;

static IN_A_STATIC: Lock<u32> = Lock::new(1);

const fn made_in_const() -> Lock<u32> {
    Lock::new(2)
}

fn a_moment() -> Duration {
    Duration::from_millis(1)
}

fn ages() -> Duration {
    Duration::from_secs(600)
}

#[test]
fn create() {
    assert_eq!(*IN_A_STATIC.read(), 1);
    assert_eq!(made_in_const().into_inner(), 2);
    assert_eq!(Lock::<u32>::default().into_inner(), 0);
    assert_eq!(Lock::from(3).into_inner(), 3);
    since_0_13! {
        assert_eq!(Lock::from_raw(<Raw>::INIT, 4).into_inner(), 4);
        let (raw, value) = Lock::new(5).into_inner_with_raw();
        assert!(!raw.is_locked());
        assert_eq!(value, 5);
    }
    before_0_13! {
        assert_eq!(Lock::const_new(<Raw>::INIT, 4).into_inner(), 4);
    }
}

#[test]
fn modes_exclude_each_other() {
    let lock = Lock::new(0);
    let read = lock.read();
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_some());
    assert!(lock.try_write().is_none());
    drop(read);

    let upgradable = lock.upgradable_read();
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    assert!(lock.try_read().is_some());
    assert!(lock.try_upgradable_read().is_none() && lock.try_write().is_none());
    drop(upgradable);

    let mut write = lock.write();
    *write += 1;
    assert!(lock.is_locked() && lock.is_locked_exclusive());
    assert!(lock.try_read().is_none() && lock.try_upgradable_read().is_none());
    assert!(lock.try_write().is_none());
    drop(write);

    assert!(!lock.is_locked());
    assert_eq!(lock.try_write().as_deref(), Some(&1));
}

#[test]
fn time_out() {
    let lock = Lock::new(0);
    let later = Instant::now() + ages();
    assert!(lock.try_read_for(Duration::MAX).is_some() && lock.try_read_until(later).is_some());
    assert!(lock.try_write_for(Duration::MAX).is_some() && lock.try_write_until(later).is_some());
    assert!(lock.try_upgradable_read_for(Duration::MAX).is_some());
    assert!(lock.try_upgradable_read_until(later).is_some());

    let write = lock.write();
    let now = Instant::now();
    assert!(lock.try_read_for(a_moment()).is_none() && lock.try_read_until(now).is_none());
    assert!(lock.try_write_for(a_moment()).is_none() && lock.try_write_until(now).is_none());
    assert!(lock.try_upgradable_read_for(a_moment()).is_none());
    assert!(lock.try_upgradable_read_until(now).is_none());
    drop(write);

    let read = lock.read();
    assert!(lock.try_write_for(a_moment()).is_none());
    assert!(
        lock.try_read_for(a_moment()).is_some(),
        "the writer left no trace"
    );
    drop(read);
    assert!(!lock.is_locked());
}

#[test]
fn timed_waiters_get_the_lock() {
    let lock = Lock::new(0);
    let guard = lock.write();
    let later = Instant::now() + ages();
    std::thread::scope(|scope| {
        let waiters = [
            scope.spawn(|| lock.try_read_for(ages()).is_some()),
            scope.spawn(|| lock.try_read_until(later).is_some()),
            scope.spawn(|| lock.try_write_for(ages()).is_some()),
            scope.spawn(|| lock.try_write_until(later).is_some()),
            scope.spawn(|| lock.try_upgradable_read_for(ages()).is_some()),
            scope.spawn(|| lock.try_upgradable_read_until(later).is_some()),
        ];
        WriteGuard::unlock_fair(guard);
        for waiter in waiters {
            assert!(waiter.join().is_ok_and(|got| got));
        }
    });
    assert!(!lock.is_locked());
}

#[test]
fn writers_are_alone() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 500;
    let lock = Lock::new(0);
    let writers = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (lock, writers) = (&lock, &writers);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mut count = match (thread + round) % 4 {
                        0 => {
                            let read = lock.read();
                            assert_eq!(writers.load(Ordering::Relaxed), 0);
                            assert!(*read <= THREADS * ROUNDS);
                            continue;
                        }
                        1 => UpgradableGuard::upgrade(lock.upgradable_read()),
                        _ => lock.write(),
                    };
                    assert_eq!(writers.fetch_add(1, Ordering::Relaxed), 0);
                    *count += 1;
                    writers.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(lock.into_inner(), THREADS * ROUNDS / 4 * 3);
}

#[test]
fn raw_parts() {
    let lock = Lock::new(7);
    // SAFETY: each state of the raw lock goes into one guard or one `force_unlock` of its mode, and
    // no other guard lives.
    unsafe {
        since_0_13! {
            drop(lock.make_read_guard_unchecked(lock.raw().lock_shared()));
            drop(lock.make_write_guard_unchecked(lock.raw().lock_exclusive()));
            drop(lock.make_upgradable_guard_unchecked(lock.raw().lock_upgradable()));
            assert!(!lock.is_locked());

            lock.force_unlock_read(lock.raw().lock_shared());
            lock.force_unlock_read_fair(lock.raw().lock_shared());
            let state = lock.raw().lock_exclusive();
            *lock.data_ptr() = 8;
            lock.force_unlock_write(state);
            lock.force_unlock_write_fair(lock.raw().lock_exclusive());
        }
        before_0_13! {
            lock.raw().lock_shared();
            drop(lock.make_read_guard_unchecked());
            lock.raw().lock_exclusive();
            drop(lock.make_write_guard_unchecked());
            lock.raw().lock_upgradable();
            drop(lock.make_upgradable_guard_unchecked());
            assert!(!lock.is_locked());

            lock.raw().lock_shared();
            lock.force_unlock_read();
            lock.raw().lock_shared();
            lock.force_unlock_read_fair();
            lock.raw().lock_exclusive();
            *lock.data_ptr() = 8;
            lock.force_unlock_write();
            lock.raw().lock_exclusive();
            lock.force_unlock_write_fair();
        }
        assert!(!lock.is_locked());
    }
    assert_eq!(lock.into_inner(), 8);
}

#[test]
fn guard_to_lock() {
    let lock = Lock::new(0);
    assert_eq!(ReadGuard::rwlock(&lock.read()).data_ptr(), lock.data_ptr());
    assert_eq!(
        WriteGuard::rwlock(&lock.write()).data_ptr(),
        lock.data_ptr()
    );
    assert_eq!(
        UpgradableGuard::rwlock(&lock.upgradable_read()).data_ptr(),
        lock.data_ptr()
    );
}

#[test]
fn map_read() {
    let lock = Lock::new((1, String::from("one")));
    let name: MappedRead<'_, String> = ReadGuard::map(lock.read(), |pair| &pair.1);
    let first: MappedRead<'_, str> = MappedRead::map(name, |name| &name[..1]);
    assert_eq!(format!("{first} {first:?}"), "o \"o\"");
    let Err(first) = MappedRead::try_map(first, |_| None::<&str>) else {
        panic!("it is none")
    };
    let Ok(first) = MappedRead::try_map(first, |first| Some(first)) else {
        panic!("it is some")
    };
    since_0_13! {
        let Err((first, why)) = MappedRead::try_map_or_err(first, |_| Err::<&str, _>(4)) else {
            panic!("it is an error")
        };
        assert_eq!((&*first, why), ("o", 4));
        let Ok(first) = MappedRead::try_map_or_err(first, |o| Ok::<_, ()>(o)) else {
            panic!("it is ok")
        };
    }
    assert!(lock.is_locked() && lock.try_write().is_none());
    MappedRead::unlock_fair(first);
    assert!(!lock.is_locked());

    let Err(read) = ReadGuard::try_map(lock.read(), |_| None::<&i32>) else {
        panic!("it is none")
    };
    let Err((read, why)) = ReadGuard::try_map_or_err(read, |_| Err::<&i32, _>("why")) else {
        panic!("it is an error")
    };
    assert_eq!((read.0, why), (1, "why"));
    let Ok(one) = ReadGuard::try_map(read, |pair| Some(&pair.0)) else {
        panic!("it is some")
    };
    assert_eq!(*one, 1);
    drop(one);
    let mapped = ReadGuard::try_map_or_err(lock.read(), |pair| Ok::<_, ()>(&pair.0));
    assert!(mapped.is_ok_and(|one| *one == 1));
    assert!(!lock.is_locked());
}

#[test]
fn map_write() {
    let lock = Lock::new((1, String::from("one")));
    let mut name: MappedWrite<'_, String> = WriteGuard::map(lock.write(), |pair| &mut pair.1);
    name.push('!');
    let first: MappedWrite<'_, str> = MappedWrite::map(name, |name| &mut name[..1]);
    assert_eq!(format!("{first} {first:?}"), "o \"o\"");
    let Err(first) = MappedWrite::try_map(first, |_| None::<&mut str>) else {
        panic!("it is none")
    };
    let Ok(first) = MappedWrite::try_map(first, |first| Some(first)) else {
        panic!("it is some")
    };
    let Err((first, why)) = MappedWrite::try_map_or_err(first, |_| Err::<&mut str, _>(4)) else {
        panic!("it is an error")
    };
    assert_eq!((&*first, why), ("o", 4));
    let Ok(first) = MappedWrite::try_map_or_err(first, |o| Ok::<_, ()>(&mut o[..])) else {
        panic!("it is ok")
    };
    assert!(lock.is_locked_exclusive());
    MappedWrite::unlock_fair(first);
    assert!(!lock.is_locked());

    let Err(write) = WriteGuard::try_map(lock.write(), |_| None::<&mut i32>) else {
        panic!("it is none")
    };
    let Err((write, why)) = WriteGuard::try_map_or_err(write, |_| Err::<&mut i32, _>("why")) else {
        panic!("it is an error")
    };
    assert_eq!((write.0, why), (1, "why"));
    let Ok(mut one) = WriteGuard::try_map(write, |pair| Some(&mut pair.0)) else {
        panic!("it is some")
    };
    *one = 2;
    drop(one);
    let mapped = WriteGuard::try_map_or_err(lock.write(), |pair| Ok::<_, ()>(&mut pair.0));
    assert!(mapped.is_ok_and(|one| *one == 2));
    assert_eq!(lock.into_inner(), (2, String::from("one!")));
}

#[test]
fn unlocked() {
    let lock = Lock::new(1);
    let mut read = lock.read();
    ReadGuard::unlocked(&mut read, || *lock.write() = 2);
    ReadGuard::unlocked_fair(&mut read, || *lock.write() *= 5);
    ReadGuard::bump(&mut read);
    assert_eq!(*read, 10);
    ReadGuard::unlock_fair(read);

    let mut write = lock.write();
    WriteGuard::unlocked(&mut write, || *lock.write() += 1);
    WriteGuard::unlocked_fair(&mut write, || *lock.write() += 1);
    WriteGuard::bump(&mut write);
    assert_eq!(*write, 12);
    WriteGuard::unlock_fair(write);

    let mut upgradable = lock.upgradable_read();
    UpgradableGuard::unlocked(&mut upgradable, || *lock.write() += 1);
    UpgradableGuard::unlocked_fair(&mut upgradable, || *lock.write() += 1);
    UpgradableGuard::bump(&mut upgradable);
    assert_eq!(*upgradable, 14);
    UpgradableGuard::unlock_fair(upgradable);
    assert!(!lock.is_locked());
}

#[test]
fn a_panic_releases() {
    let lock = Lock::new(1);
    unwinds(|| {
        let mut write = lock.write();
        *write = 2;
        quiet_panic()
    });
    assert_eq!(*lock.read(), 2, "no poison");
    unwinds(|| {
        let (_read, _upgradable) = (lock.read(), lock.upgradable_read());
        quiet_panic()
    });
    unwinds(|| ReadGuard::map(lock.read(), |_| -> &i32 { quiet_panic() }));
    unwinds(|| WriteGuard::map(lock.write(), |_| -> &mut i32 { quiet_panic() }));
    assert!(!lock.is_locked());

    let mut read = lock.read();
    unwinds(|| ReadGuard::unlocked(&mut read, || quiet_panic()));
    assert!(lock.is_locked(), "locked again while unwinding");
    drop(read);
    let mut write = lock.write();
    unwinds(|| WriteGuard::unlocked_fair(&mut write, || quiet_panic()));
    assert!(lock.is_locked_exclusive());
    drop(write);
    assert!(!lock.is_locked());
}

#[test]
fn unsized_data() {
    let array = Lock::new([1, 2, 3]);
    let slice: &Lock<[i32]> = &array;
    slice.write()[0] = 9;
    assert_eq!(*ReadGuard::map(slice.read(), |slice| &slice[1..]), [2, 3]);
    assert_eq!(slice.upgradable_read().len(), 3);
    assert_eq!(format!("{slice:?}"), "RwLock { data: [9, 2, 3] }");

    let display: Box<Lock<dyn Display>> = Box::new(Lock::new(5));
    assert_eq!(display.read().to_string(), "5");
}

#[test]
fn debug() {
    let lock = Lock::new("x");
    assert_eq!(format!("{lock:?}"), "RwLock { data: \"x\" }");
    assert_eq!(format!("{lock:#?}"), "RwLock {\n    data: \"x\",\n}");
    let read = lock.read();
    assert_eq!(format!("{lock:?}"), "RwLock { data: \"x\" }");
    assert_eq!(format!("{read:?} {read}"), "\"x\" x");
    drop(read);
    let upgradable = lock.upgradable_read();
    assert_eq!(format!("{upgradable:?} {upgradable}"), "\"x\" x");
    drop(upgradable);
    let write = lock.write();
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked> }");
    assert_eq!(format!("{write:?} {write}"), "\"x\" x");
}

#[cfg(feature = "serde")]
#[test]
fn serde() {
    let lock = Lock::new(vec![1, 2]);
    assert!(serde_json::to_string(&lock).is_ok_and(|json| json == "[1,2]"));
    let back = serde_json::from_str::<Lock<Vec<i32>>>("[1,2]");
    assert!(back.is_ok_and(|lock| *lock.read() == [1, 2]));
    assert!(serde_json::from_str::<Lock<Vec<i32>>>("{}").is_err());
    let slice: &Lock<[i32]> = &Lock::new([3]);
    assert!(serde_json::to_string(slice).is_ok_and(|json| json == "[3]"));
}

//! The guards that own an `Arc` of the lock.

use std::sync::Arc;

use super::super::super::locks::lock_api::{
    ArcRwLockReadGuard as ArcRead, ArcRwLockUpgradableReadGuard as ArcUpgradable,
    ArcRwLockWriteGuard as ArcWrite, RawRwLock as _, RawRwLockUpgrade as _,
};

use super::{Display, Instant, Lock, Raw, a_moment, ages, quiet_panic, unwinds};

#[test]
fn modes_and_tries() {
    let lock = Arc::new(Lock::new(1));
    let later = Instant::now() + ages();
    let read: ArcRead<Raw, i32> = lock.read_arc();
    assert_eq!(Arc::strong_count(&lock), 2);
    assert!(lock.try_write_arc().is_none() && lock.try_write_arc_for(a_moment()).is_none());
    assert!(lock.try_write_arc_until(Instant::now()).is_none());
    assert_eq!(Arc::strong_count(&lock), 2, "a failed try keeps no count");
    assert!(lock.try_read_arc().is_some() && lock.try_upgradable_read_arc().is_some());
    drop(read);

    let mut write: ArcWrite<Raw, i32> = lock.write_arc();
    *write += 1;
    assert!(lock.try_read_arc().is_none() && lock.try_read_arc_for(a_moment()).is_none());
    assert!(lock.try_read_arc_until(Instant::now()).is_none());
    assert!(lock.try_upgradable_read_arc().is_none());
    assert!(lock.try_upgradable_read_arc_for(a_moment()).is_none());
    assert!(lock.try_upgradable_read_arc_until(Instant::now()).is_none());
    drop(write);

    assert!(lock.try_read_arc_for(ages()).is_some() && lock.try_read_arc_until(later).is_some());
    assert!(lock.try_write_arc_for(ages()).is_some() && lock.try_write_arc_until(later).is_some());
    assert!(lock.try_upgradable_read_arc_for(ages()).is_some());
    assert!(lock.try_upgradable_read_arc_until(later).is_some());
    assert!(lock.try_write_arc().is_some_and(|write| *write == 2));
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn the_guard_keeps_the_lock() {
    let lock = Arc::new(Lock::new(String::from("kept")));
    let guard = lock.read_arc();
    drop(lock);
    assert_eq!(format!("{guard} {guard:?}"), "kept \"kept\"");
    let lock = ArcRead::into_arc(guard);
    let guard = lock.write_arc();
    assert!(Arc::ptr_eq(ArcWrite::rwlock(&guard), &lock));
    assert_eq!(format!("{guard} {guard:?}"), "kept \"kept\"");
    assert!(Arc::ptr_eq(&ArcWrite::into_arc(guard), &lock));
    let guard = lock.upgradable_read_arc();
    assert!(Arc::ptr_eq(ArcUpgradable::rwlock(&guard), &lock));
    assert_eq!(format!("{guard} {guard:?}"), "kept \"kept\"");
    assert!(Arc::ptr_eq(&ArcUpgradable::into_arc(guard), &lock));
    assert!(Arc::ptr_eq(&ArcRead::into_arc_fair(lock.read_arc()), &lock));
    assert!(Arc::ptr_eq(
        &ArcWrite::into_arc_fair(lock.write_arc()),
        &lock
    ));
    assert!(Arc::ptr_eq(
        &ArcUpgradable::into_arc_fair(lock.upgradable_read_arc()),
        &lock
    ));
    assert!(Arc::ptr_eq(ArcRead::rwlock(&lock.read_arc()), &lock));
    assert!(!lock.is_locked());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn change_mode() {
    let lock = Arc::new(Lock::new(1));
    let later = Instant::now() + ages();
    let read = ArcWrite::downgrade(lock.write_arc());
    let upgradable = lock.upgradable_read_arc();
    let Err(upgradable) = ArcUpgradable::try_upgrade(upgradable) else {
        panic!("it is read")
    };
    let Err(upgradable) = ArcUpgradable::try_upgrade_for(upgradable, a_moment()) else {
        panic!("it is read")
    };
    let Err(mut upgradable) = ArcUpgradable::try_upgrade_until(upgradable, Instant::now()) else {
        panic!("it is read")
    };
    assert_eq!(upgradable.try_with_upgraded(|value| *value), None);
    assert_eq!(
        upgradable.try_with_upgraded_for(a_moment(), |value| *value),
        None
    );
    assert_eq!(
        upgradable.try_with_upgraded_until(Instant::now(), |value| *value),
        None
    );
    drop(read);

    upgradable.with_upgraded(|value| *value = 2);
    assert_eq!(upgradable.try_with_upgraded(|value| *value), Some(2));
    assert_eq!(
        upgradable.try_with_upgraded_for(ages(), |value| *value),
        Some(2)
    );
    assert_eq!(
        upgradable.try_with_upgraded_until(later, |value| *value),
        Some(2)
    );
    unwinds(|| upgradable.with_upgraded(|_| quiet_panic()));
    let Ok(write) = ArcUpgradable::try_upgrade(upgradable) else {
        panic!("it is free")
    };
    let upgradable = ArcWrite::downgrade_to_upgradable(write);
    let Ok(write) = ArcUpgradable::try_upgrade_for(upgradable, ages()) else {
        panic!("it is free")
    };
    let upgradable = ArcWrite::downgrade_to_upgradable(write);
    let Ok(write) = ArcUpgradable::try_upgrade_until(upgradable, later) else {
        panic!("it is free")
    };
    let upgradable = ArcWrite::downgrade_to_upgradable(write);
    let upgradable = ArcWrite::downgrade_to_upgradable(ArcUpgradable::upgrade(upgradable));
    let read = ArcUpgradable::downgrade(upgradable);
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    drop(read);
    assert!(!lock.is_locked());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn unlocked() {
    let lock = Arc::new(Lock::new(1));
    let mut read = lock.read_arc();
    ArcRead::unlocked(&mut read, || *lock.write() += 1);
    ArcRead::unlocked_fair(&mut read, || *lock.write() += 1);
    ArcRead::bump(&mut read);
    ArcRead::unlock_fair(read);
    let mut write = lock.write_arc();
    ArcWrite::unlocked(&mut write, || *lock.write() += 1);
    ArcWrite::unlocked_fair(&mut write, || *lock.write() += 1);
    ArcWrite::bump(&mut write);
    ArcWrite::unlock_fair(write);
    let mut upgradable = lock.upgradable_read_arc();
    ArcUpgradable::unlocked(&mut upgradable, || *lock.write() += 1);
    ArcUpgradable::unlocked_fair(&mut upgradable, || *lock.write() += 1);
    ArcUpgradable::bump(&mut upgradable);
    assert_eq!(*upgradable, 7);
    ArcUpgradable::unlock_fair(upgradable);
    assert!(!lock.is_locked());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn raw_parts() {
    let lock = Arc::new(Lock::new(1));
    // SAFETY: each state of the raw lock goes into one guard of its mode; no other guard lives.
    unsafe {
        since_0_13! {
            drop(lock.make_arc_read_guard_unchecked(lock.raw().lock_shared()));
            drop(lock.make_arc_write_guard_unchecked(lock.raw().lock_exclusive()));
            drop(lock.make_upgradable_arc_guard_unchecked(lock.raw().lock_upgradable()));
        }
        before_0_13! {
            lock.raw().lock_shared();
            drop(lock.make_arc_read_guard_unchecked());
            lock.raw().lock_exclusive();
            drop(lock.make_arc_write_guard_unchecked());
            lock.raw().lock_upgradable();
            drop(lock.make_upgradable_arc_guard_unchecked());
        }
    }
    assert!(!lock.is_locked());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn unsized_data() {
    let lock: Arc<Lock<dyn Display + Send + Sync>> = Arc::new(Lock::new(5));
    assert_eq!(lock.read_arc().to_string(), "5");
    assert_eq!(lock.upgradable_read_arc().to_string(), "5");
    let slice: Arc<Lock<[i32]>> = Arc::new(Lock::new([1, 2]));
    slice.write_arc()[1] = 3;
    assert_eq!(*slice.read(), [1, 3]);
    assert_eq!(Arc::strong_count(&slice), 1);
}

//! Upgrades and downgrades.

use super::{
    Instant, Lock, ReadGuard, UpgradableGuard, WriteGuard, a_moment, ages, quiet_panic, unwinds,
};

#[test]
fn downgrade() {
    let lock = Lock::new(1);
    let mut write = lock.write();
    *write = 2;
    let read: ReadGuard<'_, i32> = WriteGuard::downgrade(write);
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_some());
    assert_eq!(*read, 2);
    drop(read);

    let upgradable: UpgradableGuard<'_, i32> = WriteGuard::downgrade_to_upgradable(lock.write());
    assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_none());
    let read: ReadGuard<'_, i32> = UpgradableGuard::downgrade(upgradable);
    assert!(lock.try_upgradable_read().is_some());
    drop(read);
    assert!(!lock.is_locked());
}

#[test]
fn a_downgrade_lets_waiting_readers_in() {
    let lock = Lock::new(0);
    std::thread::scope(|scope| {
        let mut write = lock.write();
        let reader = scope.spawn(|| *lock.read());
        *write = 1;
        let read = WriteGuard::downgrade(write);
        assert!(reader.join().is_ok_and(|seen| seen == 1));
        assert_eq!(*read, 1);
    });
}

#[test]
fn upgrade() {
    let lock = Lock::new(1);
    let write: WriteGuard<'_, i32> = UpgradableGuard::upgrade(lock.upgradable_read());
    assert!(lock.is_locked_exclusive());
    drop(write);
    assert!(!lock.is_locked());
}

#[test]
fn try_upgrade() {
    let lock = Lock::new(1);
    let read = lock.read();
    let later = Instant::now() + ages();
    let upgradable = lock.upgradable_read();
    let Err(upgradable) = UpgradableGuard::try_upgrade(upgradable) else {
        panic!("it is read")
    };
    let Err(upgradable) = UpgradableGuard::try_upgrade_for(upgradable, a_moment()) else {
        panic!("it is read")
    };
    let Err(upgradable) = UpgradableGuard::try_upgrade_until(upgradable, Instant::now()) else {
        panic!("it is read")
    };
    assert!(lock.try_read().is_some(), "a failed upgrade left no trace");
    assert!(
        lock.try_upgradable_read().is_none(),
        "and the lock is held upgradably"
    );
    drop(read);

    let Ok(mut write) = UpgradableGuard::try_upgrade(upgradable) else {
        panic!("it is free")
    };
    *write += 1;
    let upgradable = WriteGuard::downgrade_to_upgradable(write);
    let Ok(write) = UpgradableGuard::try_upgrade_for(upgradable, ages()) else {
        panic!("it is free")
    };
    let upgradable = WriteGuard::downgrade_to_upgradable(write);
    let Ok(write) = UpgradableGuard::try_upgrade_until(upgradable, later) else {
        panic!("it is free")
    };
    assert!(lock.is_locked_exclusive());
    drop(write);
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn an_upgrade_waits_for_readers() {
    let lock = Lock::new(0);
    std::thread::scope(|scope| {
        let (entered, is_in) = std::sync::mpsc::channel();
        let (leave, may_leave) = std::sync::mpsc::channel::<()>();
        let reader = {
            let lock = &lock;
            scope.spawn(move || {
                let read = lock.read();
                assert!(entered.send(()).is_ok());
                assert!(may_leave.recv().is_ok());
                *read
            })
        };
        assert!(is_in.recv().is_ok());
        let upgradable = lock.upgradable_read();
        let Err(upgradable) = UpgradableGuard::try_upgrade(upgradable) else {
            panic!("it is read")
        };
        assert!(leave.send(()).is_ok());
        *UpgradableGuard::upgrade(upgradable) = 1;
        assert!(
            reader.join().is_ok_and(|seen| seen == 0),
            "the writer came after the reader"
        );
    });
}

#[test]
fn with_upgraded() {
    let lock = Lock::new(1);
    let later = Instant::now() + ages();
    let mut upgradable = lock.upgradable_read();
    let written = upgradable.with_upgraded(|value| {
        assert!(lock.is_locked_exclusive());
        *value += 1;
        *value
    });
    assert_eq!(written, 2);
    assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_none());
    assert_eq!(
        upgradable.try_with_upgraded(|value| std::mem::replace(value, 3)),
        Some(2)
    );
    assert_eq!(
        upgradable.try_with_upgraded_for(ages(), |value| *value),
        Some(3)
    );
    assert_eq!(
        upgradable.try_with_upgraded_until(later, |value| *value),
        Some(3)
    );

    let read = lock.read();
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

    unwinds(|| upgradable.with_upgraded(|_| quiet_panic()));
    assert!(
        lock.is_locked() && !lock.is_locked_exclusive(),
        "downgraded while unwinding"
    );
    assert!(lock.try_upgradable_read().is_none());
    drop(upgradable);
    assert!(!lock.is_locked());
}

//! Who waits now, and who holds what they wait for.
#![cfg(target_os = "linux")]

// With `send_guard`, a thread that exits may have given its guard to another one.
#[cfg(not(feature = "send_guard"))]
mod exited;

use nexus_lockprof::{AcquireMode, Lock, Mutex, RwLock, Snapshot, Waiter, snapshot};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The waiters at locks called `name`, as soon as there are `count`.
fn waiters_at(name: &str, count: usize) -> Vec<Waiter> {
    // A minute and more: nobody hurries, but a wait that is never seen must not hang the test.
    for _ in 0..60_000 {
        let snapshot = snapshot();
        let mut waiters = snapshot.waiters().to_vec();
        waiters.retain(|waiter| waiter.lock == Lock::Named(name.into()));
        // A holder is not named while the lock changes hands.
        if waiters.len() == count && waiters.iter().all(|waiter| waiter.holder.is_some()) {
            return waiters;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("no {count} waiters at `{name}`: {:?}", snapshot().waiters());
}

fn is_gone(name: &str) -> bool {
    let at = |snapshot: &Snapshot| snapshot.waiters().iter().any(|w| w.lock.name() == name);
    !at(&snapshot())
}

fn system_number() -> u64 {
    // SAFETY: returns a number.
    unsafe { libc::gettid() as u64 }
}

#[test]
fn a_waiter_and_its_holder_are_seen_and_then_gone() {
    static LOCK: Mutex<()> = Mutex::named("waited for", ());
    let (guard, held_at) = (LOCK.lock(), line!());
    let waiting = thread::Builder::new().name("patient".to_owned());
    let waiting = waiting.spawn(|| {
        drop(LOCK.lock());
        system_number()
    });
    let waiters = waiters_at("waited for", 1);
    drop(guard);
    let number = waiting.unwrap().join().unwrap();
    let [waiter] = waiters.as_slice() else {
        panic!("{waiters:?}")
    };
    let thread = waiter.thread.as_ref().unwrap();
    assert_eq!(
        (thread.id, thread.name.as_deref()),
        (number, Some("patient"))
    );
    assert_eq!(waiter.mode, AcquireMode::Exclusive);
    assert_eq!(
        (&*waiter.site.file, waiter.site.line),
        (file!(), held_at + 3)
    );
    assert!(!waiter.handed);
    let holder = waiter.holder.as_ref().unwrap();
    assert_eq!(
        holder.thread.as_ref().map(|thread| thread.id),
        Some(system_number())
    );
    assert!(!holder.exited);
    assert_eq!(holder.mode, AcquireMode::Exclusive);
    assert_eq!((&*holder.site.file, holder.site.line), (file!(), held_at));
    assert!(is_gone("waited for"));
}

#[test]
fn a_writer_waits_for_the_last_reader() {
    static LOCK: RwLock<()> = RwLock::named("read while waited for", ());
    let first = LOCK.read();
    let (say, hear) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let reader = thread::spawn(move || {
        let _second = LOCK.read();
        let _ = say.send(system_number());
        let _ = stopped.recv();
    });
    let reading = hear.recv().unwrap();
    let writer = thread::spawn(|| drop(LOCK.write()));
    let waiters = waiters_at("read while waited for", 1);
    drop((first, stop));
    reader.join().unwrap();
    writer.join().unwrap();
    let holder = waiters[0].holder.as_ref().unwrap();
    assert_eq!(holder.mode, AcquireMode::Shared);
    assert_eq!(
        holder.thread.as_ref().map(|thread| thread.id),
        Some(reading)
    );
}

/// Another reader may have stayed.
#[test]
fn a_reader_that_has_exited_is_not_told_as_such() {
    static LOCK: RwLock<()> = RwLock::named("read and left", ());
    let stays = LOCK.read();
    thread::spawn(|| drop(LOCK.read())).join().unwrap();
    let writer = thread::spawn(|| drop(LOCK.write()));
    let waiters = waiters_at("read and left", 1);
    drop(stays);
    writer.join().unwrap();
    let holder = waiters[0].holder.as_ref().unwrap();
    assert_eq!(holder.mode, AcquireMode::Shared);
    assert_eq!((holder.thread.as_ref(), holder.exited), (None, false));
}

/// It may have given its guard to another thread.
#[cfg(feature = "send_guard")]
#[test]
fn no_holder_is_told_as_exited_if_guards_may_move() {
    static LOCK: Mutex<()> = Mutex::named("given away", ());
    let holder = thread::spawn(|| std::mem::forget(LOCK.lock()));
    holder.join().unwrap();
    // It waits until the process ends.
    drop(thread::spawn(|| drop(LOCK.lock())));
    // Without the feature, the second snapshot says that it has exited.
    for _ in 0..3 {
        let waiters = waiters_at("given away", 1);
        assert!(
            waiters[0]
                .holder
                .as_ref()
                .is_some_and(|holder| !holder.exited)
        );
    }
}

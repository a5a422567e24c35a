//! Who waits now, and who holds what they wait for.
#![cfg(target_os = "linux")]

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

/// The waiter at the lock called `name`, as soon as its holder is known to have exited. That takes
/// two snapshots.
fn behind_an_exited_holder(name: &str) -> Waiter {
    for _ in 0..60_000 {
        let mut waiters = waiters_at(name, 1);
        if let Some(waiter) = waiters.pop()
            && waiter.holder.as_ref().is_some_and(|holder| holder.exited)
        {
            return waiter;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the holder of `{name}` has not exited");
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

#[test]
fn a_holder_that_has_exited_is_told_as_such() {
    static LOCK: Mutex<()> = Mutex::named("never released", ());
    let holder = thread::spawn(|| std::mem::forget(LOCK.lock()));
    holder.join().unwrap();
    // It waits until the process ends.
    drop(thread::spawn(|| drop(LOCK.lock())));
    let waiter = behind_an_exited_holder("never released");
    assert_eq!(waiter.holder.and_then(|holder| holder.thread), None);
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

/// Then the lock's word is that from the beginning of the wait, and another one may hold it now.
#[test]
fn nobody_has_exited_where_the_system_does_not_read_words() {
    static LOCK: Mutex<()> = Mutex::named("not read", ());
    let holder = thread::spawn(|| std::mem::forget(LOCK.lock()));
    holder.join().unwrap();
    // It waits until the process ends.
    drop(thread::spawn(|| drop(LOCK.lock())));
    let _ = behind_an_exited_holder("not read");
    let there = thread::spawn(|| forbid_reading().then(|| waiters_at("not read", 1)));
    // Where filters are forbidden, there is nothing to test.
    let Some(waiters) = there.join().unwrap() else {
        return;
    };
    let holder = waiters[0].holder.as_ref().unwrap();
    assert_eq!((holder.thread.as_ref(), holder.exited), (None, false));
}

/// Refuses `process_vm_readv` to this thread from now on. `false` if the system does not let it.
fn forbid_reading() -> bool {
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let mut steps = [
        // The number of the system call.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::SYS_process_vm_readv as u32,
        ),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the program and its steps live throughout the calls. They affect this thread only.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            ) == 0
    }
}

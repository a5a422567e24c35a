//! Holders that have exited without a release.

use super::waiters_at;
use nexus_lockprof::{Mutex, Waiter};
use std::thread;
use std::time::Duration;

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

//! The profiled programs: this test program, called again. Each makes threads wait for a lock a
//! known number of times. It then prints one line per place: `truth MODE LINE WAITS NS`, where NS
//! is the least total time of those waits.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, Once, RwLock, mpsc};
use std::thread;
use std::time::Duration;

/// Prints a line.
macro_rules! tell {
    ($($text:tt)*) => {
        writeln!(std::io::stdout(), $($text)*).unwrap()
    };
}

mod as_without;

/// Names the program to be.
pub(super) const VARIABLE: &str = "LOCKPROF_TEST_PROGRAM";
/// How long to hold a lock while others sleep waiting for it.
const HOLD: Duration = Duration::from_millis(20);
/// Threads that wait at each place.
const WAITERS: usize = 3;

#[test]
#[ignore = "a program that other tests run"]
fn program() {
    // Run directly, it is no program.
    let name = std::env::var(VARIABLE).unwrap_or_default();
    match name.as_str() {
        "" => {}
        "std" => std_locks(),
        "parking_lot" => parking_lot_locks(),
        "pthread" => pthread_locks(),
        "idle" => idle(),
        "fork" => fork(),
        "exec" => exec(),
        "errno" => as_without::errno(),
        "again" => again(),
        "killed" => {
            std_locks();
            // SAFETY: it has no effect on memory.
            unsafe { libc::raise(libc::SIGKILL) };
        }
        "sleeps" => {
            std_locks();
            tell!("ready");
            thread::sleep(Duration::from_secs(60));
        }
        other => panic!("{other}"),
    }
}

/// Lets threads wait for a lock held by `guard` until all are asleep. Holds it for a while, and
/// releases it.
fn contend<G>(mode: &str, line: u32, at: Option<Range<usize>>, guard: G, take: impl Fn() + Sync) {
    contend_as(mode, line, WAITERS, at, guard, take);
}

fn contend_as<G>(
    mode: &str,
    line: u32,
    waiters: usize,
    at: Option<Range<usize>>,
    guard: G,
    take: impl Fn() + Sync,
) {
    let ids: Vec<AtomicI32> = (0..waiters).map(|_| AtomicI32::new(0)).collect();
    thread::scope(|scope| {
        for id in &ids {
            let take = &take;
            scope.spawn(move || {
                // SAFETY: it has no arguments.
                id.store(unsafe { libc::gettid() }, Relaxed);
                take();
            });
        }
        for id in &ids {
            while !is_asleep(id.load(Relaxed), at.as_ref()) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        thread::sleep(HOLD);
        drop(guard);
    });
    let ns = HOLD.as_nanos() * waiters as u128;
    tell!("truth {mode} {line} {waiters} {ns}");
}

/// Whether a thread sleeps in a futex call, on one of these addresses if they are known.
fn is_asleep(id: i32, at: Option<&Range<usize>>) -> bool {
    let call = std::fs::read_to_string(format!("/proc/self/task/{id}/syscall"));
    let call = call.unwrap_or_default();
    let mut words = call.split(' ');
    if words.next() != Some(libc::SYS_futex.to_string().as_str()) {
        return false;
    }
    let address = words.next().and_then(|word| word.strip_prefix("0x"));
    let address = address.and_then(|word| usize::from_str_radix(word, 16).ok());
    at.is_none_or(|at| address.is_some_and(|address| at.contains(&address)))
}

fn place<T>(lock: &T) -> Option<Range<usize>> {
    let begin = std::ptr::from_ref(lock).addr();
    Some(begin..begin + size_of::<T>())
}

static SHARED: Mutex<u32> = Mutex::new(0);

fn std_locks() {
    let (line, take) = (line!(), || drop(SHARED.lock().unwrap()));
    contend(
        "exclusive",
        line,
        place(&SHARED),
        SHARED.lock().unwrap(),
        take,
    );
    let lock = RwLock::new(0);
    let (line, take) = (line!(), || drop(lock.read().unwrap()));
    contend("shared", line, place(&lock), lock.write().unwrap(), take);
    // Only one: if several were woken together, they might have to wait again.
    let (line, take) = (line!(), || drop(lock.write().unwrap()));
    contend_as(
        "exclusive",
        line,
        1,
        place(&lock),
        lock.read().unwrap(),
        take,
    );
}

/// Woken threads find the lock taken again, and sleep once more. Each still counts as one wait.
fn again() {
    const ATTEMPTS: u32 = 100;
    let (line, take) = (line!(), || drop(SHARED.lock().unwrap()));
    for attempt in 1..=ATTEMPTS {
        let guard = SHARED.lock().unwrap();
        if is_woken_in_vain(guard, &take) {
            tell!("truth exclusive {line} {attempt} 0");
            return;
        }
    }
    panic!("the woken thread was always faster");
}

/// Lets a thread wait for the lock, and takes it again before the woken thread does. Returns
/// whether that worked.
fn is_woken_in_vain(guard: MutexGuard<'_, u32>, take: &(impl Fn() + Sync)) -> bool {
    let (id, had_it) = (AtomicI32::new(0), AtomicBool::new(false));
    let until_asleep = || {
        while !is_asleep(id.load(Relaxed), place(&SHARED).as_ref()) {
            thread::sleep(Duration::from_millis(1));
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: it has no arguments.
            id.store(unsafe { libc::gettid() }, Relaxed);
            take();
            had_it.store(true, Relaxed);
        });
        until_asleep();
        drop(guard);
        let Ok(_guard) = SHARED.try_lock() else {
            return false;
        };
        // Either it had the lock before, or it finds it taken and sleeps again.
        thread::sleep(HOLD);
        while !had_it.load(Relaxed) {
            if is_asleep(id.load(Relaxed), place(&SHARED).as_ref()) {
                return true;
            }
            thread::yield_now();
        }
        false
    })
}

fn parking_lot_locks() {
    let lock = parking_lot_0_12::Mutex::new(0);
    let (line, take) = (line!(), || drop(lock.lock()));
    contend("exclusive", line, None, lock.lock(), take);
    let lock = parking_lot_0_12::ReentrantMutex::new(0);
    let (line, take) = (line!(), || drop(lock.lock()));
    contend("exclusive", line, None, lock.lock(), take);
    let lock = parking_lot_0_12::RwLock::new(0);
    let (line, take) = (line!(), || drop(lock.read()));
    contend("shared", line, None, lock.write(), take);
    let (line, take) = (line!(), || drop(lock.upgradable_read()));
    contend_as("upgradable", line, 1, None, lock.write(), take);
    let (line, take) = (line!(), || drop(lock.write()));
    contend_as("exclusive", line, 1, None, lock.write(), take);
}

/// A glibc lock, shared by its address.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: only the C library's functions use its content.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn call(&self, function: unsafe extern "C" fn(*mut T) -> c_int) {
        // SAFETY: the lock was initialised, and the function fits its kind.
        assert_eq!(unsafe { function(self.0.get()) }, 0);
    }
}

/// Calls a function when it is dropped.
struct Later<F: Fn()>(F);

impl<F: Fn()> Drop for Later<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn pthread_locks() {
    static LOCK: Shared<libc::pthread_mutex_t> =
        Shared(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
    static RW: Shared<libc::pthread_rwlock_t> =
        Shared(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER));
    let unlock = || LOCK.call(libc::pthread_mutex_unlock);
    LOCK.call(libc::pthread_mutex_lock);
    let take = || {
        take_mutex(&LOCK);
        unlock();
    };
    contend("exclusive", MUTEX_LINE, place(&LOCK), Later(unlock), take);
    let unlock = || RW.call(libc::pthread_rwlock_unlock);
    RW.call(libc::pthread_rwlock_wrlock);
    let take = || {
        take_read(&RW);
        unlock();
    };
    contend("shared", READ_LINE, place(&RW), Later(unlock), take);
    RW.call(libc::pthread_rwlock_rdlock);
    let take = || {
        take_write(&RW);
        unlock();
    };
    contend_as("exclusive", WRITE_LINE, 1, place(&RW), Later(unlock), take);
}

const MUTEX_LINE: u32 = line!() + 4;
#[inline(never)]
fn take_mutex(lock: &Shared<libc::pthread_mutex_t>) {
    // SAFETY: the lock was initialised.
    assert_eq!(unsafe { libc::pthread_mutex_lock(lock.0.get()) }, 0);
}

const READ_LINE: u32 = line!() + 4;
#[inline(never)]
fn take_read(lock: &Shared<libc::pthread_rwlock_t>) {
    // SAFETY: the lock was initialised.
    assert_eq!(unsafe { libc::pthread_rwlock_rdlock(lock.0.get()) }, 0);
}

const WRITE_LINE: u32 = line!() + 4;
#[inline(never)]
fn take_write(lock: &Shared<libc::pthread_rwlock_t>) {
    // SAFETY: the lock was initialised.
    assert_eq!(unsafe { libc::pthread_rwlock_wrlock(lock.0.get()) }, 0);
}

/// Waits that are for no lock: each thread is asleep before it is woken.
fn idle() {
    fn until_asleep(id: &AtomicI32) {
        while !is_asleep(id.load(Relaxed), None) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    fn asleep_in(wait: impl FnOnce() + Send, wake: impl FnOnce(&thread::Thread)) {
        let id = AtomicI32::new(0);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                // SAFETY: it has no arguments.
                id.store(unsafe { libc::gettid() }, Relaxed);
                wait();
            });
            until_asleep(&id);
            wake(waiter.thread());
        });
    }
    let (flag, changed) = (Mutex::new(false), Condvar::new());
    let wait = || drop(changed.wait_while(flag.lock().unwrap(), |flag| !*flag));
    asleep_in(wait, |_| {
        *flag.lock().unwrap() = true;
        changed.notify_all();
    });
    asleep_in(thread::park, thread::Thread::unpark);
    let (sender, receiver) = mpsc::channel();
    asleep_in(
        move || receiver.recv().unwrap(),
        |_| sender.send(()).unwrap(),
    );
    // No barrier: it wakes its threads while it holds a lock, which they then want.
    let (once, other) = (Once::new(), AtomicI32::new(0));
    thread::scope(|scope| {
        once.call_once(|| {
            scope.spawn(|| {
                // SAFETY: it has no arguments.
                other.store(unsafe { libc::gettid() }, Relaxed);
                once.call_once(|| {});
            });
            until_asleep(&other);
        });
    });
    let lock = parking_lot_0_12::Mutex::new(false);
    let changed = parking_lot_0_12::Condvar::new();
    asleep_in(
        || {
            let mut flag = lock.lock();
            while !*flag {
                changed.wait(&mut flag);
            }
        },
        |_| {
            *lock.lock() = true;
            // Not while it is locked, because the thread would have to wait for it.
            changed.notify_all();
        },
    );
}

fn fork() {
    std_locks();
    // SAFETY: the child only uses what works after a fork: its memory, and threads of its own.
    match unsafe { libc::fork() } {
        0 => {
            std_locks();
            // SAFETY: the child is done, and runs no destructors.
            unsafe { libc::_exit(0) }
        }
        child => {
            let mut status = 0;
            // SAFETY: there is room for the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
        }
    }
}

fn exec() {
    use std::os::unix::process::CommandExt;
    std_locks();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, "std");
    panic!("{}", command.exec());
}

//! The threads of a round: those that lock, those that look, and those that disturb.

use crate::children::{self, Child};
use crate::faces;
use crate::plan::{COUNTING, Kind, Plan};
use crate::truth::{self, Book, HANDLED, SIGNALLED, SIGNALS};
use crate::watchdog::{Actor, die};
use nexus_lockprof::engine::Engine;
pub(crate) use nexus_lockprof::engine::Global;
use nexus_lockprof::{Condvar, Event, HandlerId, Mutex, Profiled, ProfiledGuard, RwLock};
use nexus_lockprof_adaptor::HoldMode;
use nexus_lockprof_tests::workload::{Ledger, Locks};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::hint::spin_loop;
use std::panic::{Location, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// The payload of an intended panic.
pub(crate) struct Quiet;

/// The same, and its drop panics once more.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic_any(Quiet);
        }
    }
}

const MANY: usize = 96;
static CONDVAR: (Mutex<u64>, Condvar) = (Mutex::named("condvar", 0), Condvar::new());
static DYING: Mutex<u64> = Mutex::named("dying", 0);
static READ: RwLock<u64> = RwLock::named("read", 0);
static IN_SIGNAL: [Mutex<u64>; SIGNALS.len()] = {
    let mut all = [const { Mutex::named("", 0) }; SIGNALS.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = Mutex::named(SIGNALS[index], 0);
        index += 1;
    }
    all
};
static IN_HANDLER: Mutex<u64> = Mutex::named("handler", 0);
/// A lock whose guards any thread may release.
static SENT: (Profiled<()>, AtomicBool) =
    (Profiled::from_raw_named((), "sent"), AtomicBool::new(false));

type Permit = ProfiledGuard<()>;

/// The locks of many names.
fn many() -> &'static [Mutex<u64>] {
    static LOCKS: OnceLock<Vec<Mutex<u64>>> = OnceLock::new();
    LOCKS.get_or_init(|| (0..MANY).map(|i| Mutex::named(many_name(i), 0)).collect())
}

fn many_name(index: usize) -> &'static str {
    static TEXT: OnceLock<Vec<String>> = OnceLock::new();
    &TEXT.get_or_init(|| (0..MANY).map(|i| format!("many {i}")).collect())[index]
}

/// What the actors of an act share.
pub(crate) struct Act<'a> {
    pub(crate) plan: &'a Plan,
    /// `None` if each actor has its own.
    pub(crate) locks: Option<&'a Locks<Global>>,
    pub(crate) stop: &'a AtomicBool,
    /// Whether the mode may change; not while it is off.
    pub(crate) switch: bool,
}

impl Act<'_> {
    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.load(Relaxed)
    }

    /// Locks at random, until told to stop.
    pub(crate) fn work(&self, mut rng: fastrand::Rng, permits: &mpsc::Sender<Permit>) {
        let actor = Actor::named("worker");
        let mut book = Book::default();
        if self.plan.kind == Kind::Signals {
            if !self.plan.faults.first_use_in_handler {
                // Use the handler's points first, because a first use allocates.
                for (lock, name) in IN_SIGNAL.iter().zip(SIGNALS) {
                    book.tried(name, try_as_in_signal(lock));
                }
            }
            take_signals();
        }
        while self.goes_on() {
            match rng.u8(..12) {
                0..4 => {
                    actor.does("lock");
                    if let Some(locks) = self.locks {
                        book.add(locks.work(24, &mut rng));
                    }
                }
                4..6 => {
                    actor.does("many");
                    for _ in 0..rng.usize(1..64) {
                        let index = rng.usize(..MANY);
                        *many()[index].lock() += 1;
                        book.locked(many_name(index));
                    }
                }
                6 => {
                    actor.does("face");
                    for _ in 0..8 {
                        faces::lock_one(&mut rng, &mut book);
                    }
                }
                7 => {
                    actor.does("condvar");
                    let mut guard = CONDVAR.0.lock();
                    book.locked("condvar");
                    CONDVAR
                        .1
                        .wait_for(&mut guard, Duration::from_micros(rng.u64(..50)));
                    book.locked("condvar");
                    CONDVAR.1.notify_all();
                }
                8 => {
                    actor.does("read");
                    let (one, two) = (READ.read(), READ.try_read());
                    book.shared("read");
                    let got_it = two.is_some();
                    drop((one, two));
                    if got_it {
                        book.shared("read");
                    }
                }
                9 => {
                    actor.does("forget");
                    // Its measurement is lost with it, but it still counts.
                    let lock = Mutex::named("forgotten", 0);
                    std::mem::forget(lock.lock());
                    book.locked("forgotten");
                }
                10 => {
                    actor.does("send");
                    let guard = take_permit();
                    book.locked("sent");
                    if let Err(refused) = permits.send(guard) {
                        give_permit(refused.0);
                    }
                }
                _ => {
                    actor.does("yield");
                    thread::yield_now();
                }
            }
        }
    }

    /// Locks only its own locks.
    pub(crate) fn work_alone(&self, mut rng: fastrand::Rng) {
        let actor = Actor::named("loner");
        let mut book = Book::default();
        while self.goes_on() {
            actor.does("lock");
            let mine: Vec<_> = (0..rng.usize(1..40))
                .map(|i| Mutex::named(many_name(i), 0))
                .collect();
            for _ in 0..8 {
                for (index, lock) in mine.iter().enumerate() {
                    if rng.bool() {
                        *lock.lock() += 1;
                        book.locked(many_name(index));
                    } else {
                        let guard = lock.try_lock();
                        let refused = lock.try_lock();
                        book.tried(many_name(index), guard.is_some());
                        book.tried(many_name(index), refused.is_some());
                    }
                }
            }
        }
    }

    /// Starts short-lived threads, which end in one of several ways.
    pub(crate) fn spawn(&self, mut rng: fastrand::Rng) {
        let actor = Actor::named("spawner");
        while self.goes_on() {
            actor.does("spawn");
            let seed = rng.u64(..);
            let alone = self.plan.kind == Kind::Private;
            let late = self.plan.kind == Kind::Full;
            let signals = self.plan.kind == Kind::Signals && self.plan.faults.first_use_in_handler;
            let life = move || {
                if signals {
                    take_signals();
                    // The handler's first try in this thread is likely to find it in the allocator.
                    for size in 1..5000 {
                        drop(std::hint::black_box(vec![0_u8; size]));
                    }
                }
                short_life(fastrand::Rng::with_seed(seed), alone, late);
            };
            match thread::Builder::new().spawn(life) {
                Ok(child) => {
                    actor.does("join");
                    // How it ended does not matter.
                    let _ = child.join();
                }
                Err(error) => die!("no thread: {error}"),
            }
        }
    }

    /// Takes snapshots of all kinds.
    pub(crate) fn look(&self, mut rng: fastrand::Rng) {
        let actor = Actor::named("puller");
        while self.goes_on() {
            match rng.u8(..8) {
                0 => {
                    actor.does("reset");
                    truth::reset();
                }
                1 => {
                    actor.does("tick");
                    nexus_lockprof::tick();
                    if let Some(published) = nexus_lockprof::published() {
                        truth::check(&published);
                    }
                }
                2 => {
                    actor.does("write");
                    truth::check_bytes(&nexus_lockprof::snapshot());
                }
                3 if self.switch => {
                    actor.does("switch");
                    self.switch_to(COUNTING[rng.usize(..COUNTING.len())]);
                }
                4 | 5 => {
                    actor.does("peek");
                    truth::check(&Engine::global().peek());
                }
                _ => {
                    actor.does("snapshot");
                    truth::check(&nexus_lockprof::snapshot());
                }
            }
            thread::sleep(Duration::from_micros(rng.u64(..300)));
        }
    }

    pub(crate) fn switch_to(&self, mode: nexus_lockprof::Mode) {
        if let Err(error) = nexus_lockprof::configure(self.plan.config(mode)) {
            die!("{error}");
        }
    }

    /// Releases what others acquired.
    pub(crate) fn release(&self, permits: mpsc::Receiver<Permit>) {
        let actor = Actor::named("releaser");
        for permit in permits {
            actor.does("release");
            give_permit(permit);
        }
    }

    /// Forks, and waits for the child.
    pub(crate) fn fork(&self, mut rng: fastrand::Rng) {
        let actor = Actor::named("forker");
        while self.goes_on() {
            actor.does("fork");
            let child = Child::fork(|| children::lock_alone(truth::is_counting()));
            actor.does("wait");
            child.expect_success();
            thread::sleep(Duration::from_micros(rng.u64(..2000)));
        }
    }

    /// Sends signals to threads that take them.
    pub(crate) fn signal(&self, mut rng: fastrand::Rng) {
        let actor = Actor::named("signaller");
        while self.goes_on() {
            actor.does("signal");
            // SAFETY: its handler stays installed.
            unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) };
            thread::sleep(Duration::from_micros(rng.u64(10..200)));
        }
    }
}

/// A short-lived thread.
fn short_life(mut rng: fastrand::Rng, alone: bool, late: bool) {
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    /// Locks when the thread's other thread-locals may be gone.
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let mut book = Book::default();
            drop(Mutex::named("late", ()).lock());
            book.locked("late");
        }
    }
    let mut book = Book::default();
    if late && rng.bool() {
        LATE.set(Some(Late));
    }
    for _ in 0..rng.usize(..20) {
        let index = rng.usize(..MANY);
        if alone {
            drop(Mutex::named(many_name(index), ()).lock());
        } else {
            *many()[index].lock() += 1;
        }
        book.locked(many_name(index));
    }
    if !alone && rng.u8(..3) == 0 {
        let _guard = DYING.lock();
        book.locked("dying");
        if rng.bool() {
            panic_any(Quiet);
        }
    }
    if !alone && rng.u8(..4) == 0 {
        // Released after its thread is gone, with only the lock's help.
        let permit = take_permit();
        book.locked("sent");
        give_permit(permit);
    }
}

fn take_permit() -> Permit {
    let try_ = |(): &()| (!SENT.1.swap(true, std::sync::atomic::Ordering::Acquire)).then_some(());
    let block = |(): &()| loop {
        if try_(&()).is_some() {
            return Ok::<_, Infallible>(());
        }
        spin_loop();
        thread::yield_now();
    };
    let is_free = |(): &()| !SENT.1.load(Relaxed);
    let mode = HoldMode::Exclusive;
    let Ok(permit) = SENT
        .0
        .acquire(Location::caller(), mode, is_free, try_, block);
    permit
}

fn give_permit(permit: Permit) {
    let unlock = |(): &(), ()| SENT.1.store(false, std::sync::atomic::Ordering::Release);
    // SAFETY: it belongs to the only lock, and is released once.
    unsafe { SENT.0.release(permit, unlock) };
}

/// One point per lock, whoever calls.
fn try_as_in_signal(lock: &Mutex<u64>) -> bool {
    lock.try_lock().is_some()
}

extern "C" fn on_signal(_: libc::c_int) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let index = NEXT.fetch_add(1, Relaxed) % SIGNALS.len();
    SIGNALLED[index].tried(try_as_in_signal(&IN_SIGNAL[index]));
}

/// Installs the handler, for threads that [take signals](take_signals).
pub(crate) fn handle_signals() {
    // SAFETY: the handler has the right type, and a zeroed struct is one without flags.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut());
    }
    block_signals(libc::SIG_BLOCK);
}

fn block_signals(how: libc::c_int) {
    // SAFETY: an empty set, one signal, and this thread's mask.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGUSR1);
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
    }
}

/// Lets this thread take signals from now on.
fn take_signals() {
    block_signals(libc::SIG_UNBLOCK);
}

/// Handlers that do what no handler should.
pub(crate) fn add_handlers() -> Vec<HandlerId> {
    thread_local! {
        static WITHIN: Cell<bool> = const { Cell::new(false) };
    }
    let once = |f: fn()| {
        move |_: &Event| {
            // A handler that collects is called again by its own collection.
            if !WITHIN.replace(true) {
                f();
                WITHIN.set(false);
            }
        }
    };
    let bomb = Bomb;
    let locks = |_: &Event| {
        *IN_HANDLER.lock() += 1;
        HANDLED.tried(true);
    };
    static MINE: std::sync::Mutex<Option<HandlerId>> = std::sync::Mutex::new(None);
    let removes_itself = nexus_lockprof::on_event(move |_| {
        let _ = &bomb;
        let id = MINE.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(id) = id {
            nexus_lockprof::remove_handler(id);
        }
    });
    *MINE.lock().unwrap_or_else(|e| e.into_inner()) = Some(removes_itself);
    vec![
        nexus_lockprof::on_event(|_| panic_any(Bomb)),
        nexus_lockprof::on_event(locks),
        nexus_lockprof::on_event(once(truth::reset)),
        nexus_lockprof::on_event(once(|| truth::check(&nexus_lockprof::snapshot()))),
        nexus_lockprof::on_event(once(|| thread::sleep(Duration::from_micros(100)))),
        removes_itself,
    ]
}

/// Records what [`Locks::new`] did.
pub(crate) fn first_locks() -> Locks<Global> {
    let mut ledger = Ledger::default();
    let locks = Locks::new(&Global, &mut ledger);
    let mut book = Book::default();
    book.add(ledger);
    locks
}

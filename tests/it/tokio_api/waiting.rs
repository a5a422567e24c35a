//! Which tasks wait now, and which were given a lock and have not been polled since.

use super::{Task, now};
use nexus_lockprof::engine::{Config, Engine, ManualClock, Mode};
use nexus_lockprof::tokio::{Mutex, RwLock, Semaphore};
use nexus_lockprof::{AcquireMode, Event, Holder, Profiled, Waiter};
use nexus_lockprof_adaptor::HoldMode;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// The waiters at locks called `name`, by line.
fn waiters(name: &str) -> Vec<Waiter> {
    let snapshot = nexus_lockprof::snapshot();
    let mut waiters = snapshot.waiters().to_vec();
    waiters.retain(|waiter| waiter.lock.name() == name);
    waiters.sort_by_key(|waiter| waiter.site.line);
    waiters
}

/// The line of a waiter, whether it was given the lock, and the line of the holder.
fn lines(waiters: &[Waiter]) -> Vec<(u32, bool, Option<u32>)> {
    let holder = |waiter: &Waiter| waiter.holder.as_ref().map(|holder| holder.site.line);
    waiters
        .iter()
        .map(|waiter| (waiter.site.line, waiter.handed, holder(waiter)))
        .collect()
}

#[test]
fn a_task_waits_from_its_first_poll_to_its_last() {
    static LOCK: Mutex<u32> = Mutex::named("waiting.task", 0);
    let (held, held_at) = (now(LOCK.lock()), line!());
    let (mut task, at) = (Task::new(LOCK.lock()), line!());
    assert!(waiters("waiting.task").is_empty(), "not polled");
    task.pending();
    task.pending();
    let all = waiters("waiting.task");
    let [waiter] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(waiter.thread, None);
    assert_eq!(&*waiter.site.file, file!());
    assert_eq!(waiter.mode, AcquireMode::Exclusive);
    assert_eq!(lines(&all), [(at, false, Some(held_at))]);
    assert!(
        waiter
            .holder
            .as_ref()
            .is_some_and(|holder| holder.thread.is_none())
    );
    drop(held);
    assert_eq!(task.woken(), 1);
    drop(task.ready());
    assert!(waiters("waiting.task").is_empty());
}

/// The task that was given the lock is its holder, also for those behind it.
#[test]
fn a_task_that_was_given_the_lock_is_told_until_it_is_polled() {
    static LOCK: Mutex<u32> = Mutex::named("waiting.given", 0);
    let held = now(LOCK.lock());
    let (mut first, first_at) = (Task::new(LOCK.lock()), line!());
    first.pending();
    let (mut next, next_at) = (Task::new(LOCK.lock()), line!());
    next.pending();
    drop(held);
    for _ in 0..2 {
        let all = waiters("waiting.given");
        let expected = [
            (first_at, true, Some(first_at)),
            (next_at, false, Some(first_at)),
        ];
        assert_eq!(lines(&all), expected);
        let given = all[0].holder.as_ref().and_then(|holder| holder.held_ns);
        assert!(given.is_some_and(|given| given <= all[0].waited_ns));
        // It is not its turn yet.
        next.pending();
    }
    let guard = first.ready();
    assert_eq!(
        lines(&waiters("waiting.given")),
        [(next_at, false, Some(first_at))]
    );
    drop(guard);
    drop(first);
    assert_eq!(
        lines(&waiters("waiting.given")),
        [(next_at, true, Some(next_at))]
    );
    drop(next);
    assert!(waiters("waiting.given").is_empty());
    drop(now(LOCK.lock()));
}

/// A future that was given the lock and is dropped passes it on.
#[test]
fn a_lock_that_nobody_took_goes_to_the_next() {
    static LOCK: RwLock<u32> = RwLock::named("waiting.passed", 0);
    let held = now(LOCK.read());
    let mut writer = Task::new(LOCK.write());
    writer.pending();
    let (mut reader, reader_at) = (Task::new(LOCK.read()), line!());
    reader.pending();
    drop(held);
    let handed = |all: Vec<Waiter>| all.iter().map(|waiter| waiter.handed).collect::<Vec<_>>();
    assert_eq!(handed(waiters("waiting.passed")), [true, false]);
    drop(writer);
    let all = waiters("waiting.passed");
    assert_eq!(lines(&all), [(reader_at, true, Some(reader_at))]);
    assert_eq!(all[0].mode, AcquireMode::Shared);
    drop(reader.ready());
}

#[test]
fn each_kind_of_future_is_told() {
    macro_rules! check {
        ($name:literal, $lock:expr, |$it:ident| $hold:expr, $acquire:expr) => {
            let $it = Arc::new($lock);
            let held = now($hold);
            let mut task = Task::new($acquire);
            task.pending();
            let seen = |all: Vec<Waiter>| all.iter().map(|it| it.handed).collect::<Vec<_>>();
            assert_eq!(seen(waiters($name)), [false], "{}", $name);
            drop(held);
            assert_eq!(seen(waiters($name)), [true], "{}", $name);
            drop(task.ready());
            assert!(seen(waiters($name)).is_empty(), "{}", $name);
        };
    }
    check!(
        "told.lock",
        Mutex::named("told.lock", ()),
        |it| it.lock(),
        it.lock()
    );
    check!(
        "told.owned",
        Mutex::named("told.owned", ()),
        |it| it.lock(),
        Arc::clone(&it).lock_owned()
    );
    check!(
        "told.read",
        RwLock::named("told.read", ()),
        |it| it.write(),
        it.read()
    );
    check!(
        "told.reads",
        RwLock::named("told.reads", ()),
        |it| it.write(),
        Arc::clone(&it).read_owned()
    );
    check!(
        "told.write",
        RwLock::named("told.write", ()),
        |it| it.read(),
        it.write()
    );
    check!(
        "told.writes",
        RwLock::named("told.writes", ()),
        |it| it.read(),
        Arc::clone(&it).write_owned()
    );
    check!(
        "told.permit",
        Semaphore::named("told.permit", 1),
        |it| it.acquire(),
        it.acquire()
    );
    check!(
        "told.permits",
        Semaphore::named("told.permits", 3),
        |it| it.acquire_many(3),
        Arc::clone(&it).acquire_many_owned(2)
    );
}

/// All who wait for a semaphore are woken when it is closed, and none gets a permit.
#[test]
fn a_closed_semaphore_gives_nothing() {
    static PERMITS: Semaphore = Semaphore::named("waiting.closed", 0);
    let mut task = Task::new(PERMITS.acquire());
    task.pending();
    PERMITS.close();
    assert_eq!(task.woken(), 1);
    assert!(!waiters("waiting.closed")[0].handed);
    assert!(task.ready().is_err());
    assert!(waiters("waiting.closed").is_empty());
}

/// A task may be polled with another waker each time. The last one is woken.
#[test]
fn the_last_waker_is_woken() {
    #[derive(Default)]
    struct Alarm(std::sync::atomic::AtomicUsize);
    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    static LOCK: Mutex<u32> = Mutex::named("waiting.wakers", 0);
    let held = now(LOCK.lock());
    let mut future = Box::pin(LOCK.lock());
    let alarms: Vec<Arc<Alarm>> = (0..3).map(|_| Arc::default()).collect();
    for alarm in &alarms {
        let waker = Waker::from(Arc::clone(alarm));
        for _ in 0..70 {
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        assert_eq!(waiters("waiting.wakers").len(), 1);
        assert!(!waiters("waiting.wakers")[0].handed);
    }
    drop(held);
    let woken = |alarm: &Arc<Alarm>| alarm.0.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(alarms.iter().map(woken).collect::<Vec<_>>(), [0, 0, 1]);
    assert!(waiters("waiting.wakers")[0].handed);
    drop(future);
    let users: Vec<usize> = alarms.iter().map(Arc::strong_count).collect();
    assert_eq!(users, [1, 1, 1], "the wakers are gone");
}

/// A program may forget a future and free its lock. What is in the lock's memory then is not
/// believed.
/// It goes on in another slot.
#[test]
fn a_wait_is_told_once_though_its_waker_changes() -> Result<(), nexus_lockprof::ConfigError> {
    let clock = ManualClock::new();
    let engine = Engine::with_clock(&clock);
    engine.configure(Config::default().stuck(Duration::from_secs(1)))?;
    let told = Arc::new(AtomicU64::new(0));
    engine.on_event({
        let told = Arc::clone(&told);
        move |event| {
            told.fetch_add(u64::from(matches!(event, Event::Stuck(_))), Relaxed);
        }
    });
    let lock = Profiled::named_in(engine.clone(), (), "lock");
    let waits = std::future::pending::<Result<(), ()>>();
    let future = lock.acquire_task(Location::caller(), HoldMode::Exclusive, waits, || true);
    let mut future = std::pin::pin!(future);
    for _ in 0..3 {
        let waker = Waker::from(Arc::new(super::Alarm::default()));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        clock.advance_idle(Duration::from_secs(1));
        assert_eq!(engine.snapshot().waiters().len(), 1);
        assert_eq!(told.load(Relaxed), 1);
    }
    Ok(())
}

#[test]
fn a_forgotten_future_does_not_make_a_snapshot_read_the_lock() {
    let lock = Box::new(Mutex::named("waiting.forgotten", 0));
    let held = now(lock.lock());
    let mut future = Box::pin(lock.lock());
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    std::mem::forget(future);
    drop(held);
    drop(lock);
    let mut garbage = vec![vec![usize::MAX >> 17; 8]; 64];
    garbage.iter_mut().for_each(|block| block[0] = 24);
    let _told = waiters("waiting.forgotten");
    drop(garbage);
}

/// A task that yields because it used up its share of the processor was not given a lock.
#[test]
fn a_share_of_the_processor_that_is_used_up_is_no_handing() {
    static LOCK: Mutex<u32> = Mutex::named("waiting.budget", 0);
    static OTHER: Mutex<u32> = Mutex::named("waiting.budget.other", 0);
    let runtime = ::tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let held = LOCK.lock().await;
        let mut waiting = Box::pin(LOCK.lock());
        let mut turns = 0;
        std::future::poll_fn(|context| {
            assert!(waiting.as_mut().poll(context).is_pending());
            // Uses the share up, and then polls the future again.
            for _ in 0..200 {
                let other = std::pin::pin!(OTHER.lock());
                let _ = other.poll(context);
            }
            assert!(waiting.as_mut().poll(context).is_pending());
            turns += 1;
            if turns == 4 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        ::tokio::task::yield_now().await;
        let all = waiters("waiting.budget");
        assert!(all.iter().all(|waiter| !waiter.handed), "{all:?}");
        assert_eq!(all.len(), 1);
        drop(held);
        drop(waiting.await);
    });
    assert!(waiters("waiting.budget").is_empty());
}

/// On a stopped clock.
#[test]
fn a_task_waits_for_as_long_as_the_clock_says() -> Result<(), nexus_lockprof::ConfigError> {
    let clock = ManualClock::new();
    let engine = Engine::with_clock(&clock);
    for mode in [Mode::Counts, Mode::Exact] {
        engine.configure(Config::default().mode(mode))?;
        let lock = Profiled::named_in(engine.clone(), (), "lock");
        let waits = std::future::pending::<Result<(), ()>>();
        let future = lock.acquire_task(Location::caller(), HoldMode::Shared, waits, || true);
        let mut task = Task::new(future);
        task.pending();
        clock.advance(Duration::from_nanos(300));
        task.pending();
        let snapshot = engine.snapshot();
        let [waiter] = snapshot.waiters() else {
            panic!("{:?}", snapshot.waiters())
        };
        assert_eq!((waiter.waited_ns, waiter.mode), (300, AcquireMode::Shared));
        assert_eq!((waiter.handed, &waiter.holder), (false, &None::<Holder>));
        drop(task);
        assert!(engine.snapshot().waiters().is_empty());
    }
    Ok(())
}

#[test]
fn nothing_is_told_in_mode_off() -> Result<(), nexus_lockprof::ConfigError> {
    let engine = Engine::new();
    engine.configure(Config::default().mode(Mode::Off))?;
    let lock = Profiled::named_in(engine.clone(), (), "lock");
    let waits = std::future::pending::<Result<(), ()>>();
    let mut task =
        Task::new(lock.acquire_task(Location::caller(), HoldMode::Shared, waits, || true));
    task.pending();
    assert!(engine.snapshot().waiters().is_empty());
    Ok(())
}

/// Also if the mode changes while it waits.
#[test]
fn in_mode_off_a_future_is_polled_once_with_its_tasks_waker()
-> Result<(), nexus_lockprof::ConfigError> {
    let task_waker = Waker::from(Arc::new(super::Alarm::default()));
    let mut context = Context::from_waker(&task_waker);
    let (once, twice) = (&[true][..], &[true, false][..]);
    for steps in [
        &[(Mode::Off, once), (Mode::Off, once)][..],
        &[(Mode::Exact, twice), (Mode::Off, once), (Mode::Off, once)],
    ] {
        let engine = Engine::new();
        let lock = Profiled::named_in(engine.clone(), (), "lock");
        let polls = std::cell::RefCell::new(Vec::new());
        let waits = std::future::poll_fn(|context: &mut Context<'_>| {
            let has_its_waker = context.waker().will_wake(&task_waker);
            polls.borrow_mut().push(has_its_waker);
            Poll::<Result<(), ()>>::Pending
        });
        let future = lock.acquire_task(Location::caller(), HoldMode::Shared, waits, || true);
        let mut future = std::pin::pin!(future);
        for &(mode, expected) in steps {
            engine.configure(Config::default().mode(mode))?;
            assert!(future.as_mut().poll(&mut context).is_pending());
            assert_eq!(polls.take(), expected, "{mode:?}");
        }
    }
    Ok(())
}

//! Forked children, which must neither hang nor lose events.

use crate::plan::Plan;
use crate::watchdog::{Actor, die};
use nexus_lockprof::Mutex;
use nexus_lockprof::engine::Engine;
use std::hint::spin_loop;
use std::sync::Barrier;
use std::thread;

/// Locks of one thread of a child.
const TIMES: u64 = 100;
/// A child that lives longer than this hangs.
const SECONDS: u32 = 120;
/// Exit code of a child that failed to record what it did.
const LOST: i32 = 9;

static ALONE: Mutex<u64> = Mutex::named("child", 0);

/// A child to wait for.
pub(crate) struct Child(libc::pid_t);

impl Child {
    /// Forks a child that runs `life`, and succeeds if that returns true.
    pub(crate) fn fork(life: impl FnOnce() -> bool) -> Self {
        // SAFETY: the child calls only what is allowed after a fork with threads, and `_exit`.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => die!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                // SAFETY: without a handler, it ends the child.
                unsafe { libc::alarm(SECONDS) };
                let code = if life() { 0 } else { LOST };
                // SAFETY: ends this process, and touches nothing of its parent's.
                unsafe { libc::_exit(code) }
            }
            _ => Child(pid),
        }
    }

    fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: a child of this process, which nobody else waits for.
        unsafe { libc::waitpid(self.0, &raw mut status, 0) };
        status
    }

    pub(crate) fn expect_success(self) {
        let status = self.wait();
        if libc::WIFSIGNALED(status) {
            match libc::WTERMSIG(status) {
                libc::SIGALRM => die!("a forked child hung"),
                signal => die!("a forked child was ended by signal {signal}"),
            }
        }
        match libc::WEXITSTATUS(status) {
            0 => {}
            LOST => die!("a forked child did not record all it did"),
            code => die!("a forked child ended with {code}"),
        }
    }
}

fn recorded(lock: &str) -> u64 {
    let snapshot = Engine::global().peek();
    let points = snapshot.points_of(lock);
    points.map(|point| point.acquisitions).sum()
}

/// The life of a child with one thread and its own locks. The program's other locks may be held for
/// ever.
pub(crate) fn lock_alone(counts: bool) -> bool {
    let before = recorded("child");
    for _ in 0..TIMES {
        *ALONE.lock() += 1;
    }
    recorded("child") - before == if counts { TIMES } else { 0 }
}

/// Processes that use the profiler for the first time in several threads, and fork meanwhile.
pub(crate) fn fork_at_the_first_use(plan: &Plan) -> u64 {
    let actor = Actor::named("main");
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let mut events = 0;
    // This process never locks, so each child's first lock is the first of all.
    for _ in 0..40 * plan.acts {
        actor.does("fork");
        let (threads, spins) = (rng.usize(1..4), rng.u32(..20_000));
        let child = Child::fork(|| first_use(threads, spins));
        actor.does("wait");
        child.expect_success();
        events += TIMES * (threads as u64 + 2);
    }
    events
}

fn first_use(threads: usize, spins: u32) -> bool {
    static SHARED: Mutex<u64> = Mutex::named("shared", 0);
    let start = Barrier::new(threads + 1);
    let lock = || {
        start.wait();
        for _ in 0..TIMES {
            *SHARED.lock() += 1;
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(lock);
        }
        start.wait();
        for _ in 0..spins {
            spin_loop();
        }
        Child::fork(|| lock_alone(true)).expect_success();
    });
    let shared = recorded("shared") == TIMES * threads as u64;
    shared && lock_alone(true) && Engine::global().snapshot().losses().is_empty()
}

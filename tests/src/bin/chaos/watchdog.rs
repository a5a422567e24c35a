//! Tracks what each thread does, and ends a run in which one hangs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// The maximum number of actors in a round.
const SLOTS: usize = 256;
/// How many of a thread's actions are remembered.
const MEMORY: usize = 8;
/// A thread that does one thing for longer than this hangs: far more than any action takes on a
/// loaded machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// What one thread does.
struct Slot {
    /// Index in `NAMES` plus 1, or 0 for a free slot.
    name: AtomicUsize,
    /// Actions begun.
    steps: AtomicU64,
    actions: [AtomicUsize; MEMORY],
}

static ACTORS: [Slot; SLOTS] = [const {
    Slot {
        name: AtomicUsize::new(0),
        steps: AtomicU64::new(0),
        actions: [const { AtomicUsize::new(0) }; MEMORY],
    }
}; SLOTS];

/// Texts by number, because a slot must be readable at any time.
static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// The round's description, for the failure message.
static HEADLINE: Mutex<String> = Mutex::new(String::new());

fn number(text: &'static str) -> usize {
    let mut names = NAMES.lock().unwrap_or_else(|e| e.into_inner());
    let found = names.iter().position(|name| std::ptr::eq(*name, text));
    found.unwrap_or_else(|| {
        names.push(text);
        names.len() - 1
    }) + 1
}

/// A thread that reports its actions.
pub(crate) struct Actor(usize);

impl Actor {
    /// Registers this thread as `name` until the value is dropped.
    pub(crate) fn named(name: &'static str) -> Self {
        let name = number(name);
        let free = ACTORS.iter().position(|slot| {
            let taken = slot.name.compare_exchange(0, name, Relaxed, Relaxed);
            taken.is_ok()
        });
        let Some(free) = free else {
            fail(format_args!("more than {SLOTS} actors"));
        };
        for action in &ACTORS[free].actions {
            action.store(0, Relaxed);
        }
        Actor(free)
    }

    /// Reports the start of an action.
    pub(crate) fn does(&self, action: &'static str) {
        let slot = &ACTORS[self.0];
        let step = slot.steps.load(Relaxed) + 1;
        slot.actions[step as usize % MEMORY].store(number(action), Relaxed);
        slot.steps.store(step, Relaxed);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        ACTORS[self.0].steps.fetch_add(1, Relaxed);
        ACTORS[self.0].name.store(0, Relaxed);
    }
}

/// Sets the headline of failures, and starts the watching thread.
pub(crate) fn start(headline: String) {
    *HEADLINE.lock().unwrap_or_else(|e| e.into_inner()) = headline;
    static IS_THERE: AtomicBool = AtomicBool::new(false);
    let watch = || {
        IS_THERE.store(true, Relaxed);
        let mut before = [(0, 0, Duration::ZERO); SLOTS];
        let tick = Duration::from_secs(1);
        loop {
            thread::sleep(tick);
            for (slot, (name, steps, since)) in ACTORS.iter().zip(&mut before) {
                let now = (slot.name.load(Relaxed), slot.steps.load(Relaxed));
                if now.0 == 0 || now != (*name, *steps) {
                    (*name, *steps) = now;
                    *since = Duration::ZERO;
                    continue;
                }
                *since += tick;
                if *since > PATIENCE {
                    fail(format_args!("a thread hangs"));
                }
            }
        }
    };
    let started = thread::Builder::new().name("watchdog".into()).spawn(watch);
    if let Err(error) = started {
        fail(format_args!("no watchdog: {error}"));
    }
    // A new thread needs memory, which a round may take away.
    while !IS_THERE.load(Relaxed) {
        thread::yield_now();
    }
}

/// Prints what is wrong and what every thread did last, and ends the process.
pub(crate) fn fail(what: std::fmt::Arguments<'_>) -> ! {
    // One at a time: the first failure ends the process.
    static DYING: Mutex<()> = Mutex::new(());
    let _dying = DYING.lock().unwrap_or_else(|e| e.into_inner());
    let mut text = String::new();
    let names = NAMES.lock().unwrap_or_else(|e| e.into_inner());
    let name = |number: usize| {
        let index = number.checked_sub(1);
        index.map_or("", |index| names.get(index).copied().unwrap_or("?"))
    };
    let headline = HEADLINE.lock().unwrap_or_else(|e| e.into_inner());
    let _ = writeln!(
        text,
        "\nFAILED: {what}\n{headline}\nwhat the threads did last:"
    );
    for slot in &ACTORS {
        let (who, steps) = (slot.name.load(Relaxed), slot.steps.load(Relaxed));
        if who != 0 {
            let _ = write!(text, "  {:<16} {steps:>9} steps:", name(who));
            for back in (0..MEMORY as u64).rev() {
                let at = steps.wrapping_sub(back) as usize % MEMORY;
                let _ = write!(text, " {}", name(slot.actions[at].load(Relaxed)));
            }
            let _ = writeln!(text);
        }
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
    // Not a panic, because threads of this program panic on purpose. A core dump shows each thread.
    std::process::abort()
}

/// Ends the run with a message.
macro_rules! die {
    ($($what:tt)*) => { $crate::watchdog::fail(format_args!($($what)*)) };
}
pub(crate) use die;

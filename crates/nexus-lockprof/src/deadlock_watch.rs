//! [`abort_on_deadlock`]: turns a deadlock into a crash that tells what happened.

use crate::{Deadlock, Event, HandlerId, PotentialDeadlock, Thread, reporter};
use nexus_lockprof_engine::Reporter;
use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::time::Duration;

/// Aborts the process when some of its threads wait for one another for ever, until the returned
/// value is dropped. Looks every `every`, on a thread of its own.
///
/// Before that, stderr gets the `lock.deadlock` line, and for each thread where it waits, for what,
/// and where the lock was acquired that it waits for. A deadlock is told when its threads have
/// waited for a second. One that may be something else ([`Deadlock::certain`]) is told too, and the
/// program goes on. With the feature `send_guard` none is certain, since a guard may be in another
/// thread by now: all are told, and the program goes on.
///
/// Locks that were acquired in orders which can deadlock ([`PotentialDeadlock`]) are told too, even
/// if all went well, at the latest when the value is dropped. The program goes on.
///
/// It is meant for tests, which otherwise hang until somebody kills them, and for programs that
/// somebody starts again. Without the feature `profile` it finds nothing.
///
/// # Errors
/// The operating system's error if the thread cannot be started. `InvalidInput` if `every` is 0.
///
/// ```
/// use std::time::Duration;
///
/// let watch = nexus_lockprof::abort_on_deadlock(Duration::from_secs(1))?;
/// // What may deadlock.
/// drop(watch);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn abort_on_deadlock(every: Duration) -> io::Result<DeadlockWatch> {
    let reporter = reporter(every)?;
    let handler = crate::on_event(|event| {
        // A closed stderr is no reason to hang.
        let say = |message: String| drop(io::stderr().write_all(message.as_bytes()));
        match event {
            Event::Deadlock(deadlock) => {
                say(message(deadlock));
                if deadlock.certain {
                    std::process::abort();
                }
            }
            Event::Order(potential) => say(order_message(potential)),
            _ => {}
        }
    });
    Ok(DeadlockWatch {
        handler,
        _reporter: reporter,
    })
}

/// Looks for deadlocks until it is dropped. See [`abort_on_deadlock`].
#[derive(Debug)]
#[must_use = "it looks for deadlocks until it is dropped"]
pub struct DeadlockWatch {
    handler: HandlerId,
    _reporter: Reporter,
}

impl Drop for DeadlockWatch {
    fn drop(&mut self) {
        // Tells what was seen since the last look.
        drop(crate::snapshot());
        crate::remove_handler(self.handler);
    }
}

/// The lines about a deadlock, with line ends.
fn message(deadlock: &Deadlock) -> String {
    let mut out = format!("{deadlock}\n");
    for (wait, holder) in deadlock.steps() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "  {} waits at {} for the lock `{}`,\n    which {} acquired at {}",
            name(wait.thread.as_ref()),
            crate::printable(&wait.site.to_string()),
            crate::printable(&wait.lock.name()),
            name(holder.thread.as_ref()),
            crate::printable(&holder.site.to_string()),
        );
    }
    out
}

/// The lines about locks that can deadlock, with line ends.
fn order_message(potential: &PotentialDeadlock) -> String {
    let mut out = format!("{potential}\n");
    for step in &potential.steps {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "  {} acquired `{}` at {},\n    and then `{}` at {}",
            name(step.thread.as_ref()),
            crate::printable(&step.held.lock.name()),
            crate::printable(&step.held.site.to_string()),
            crate::printable(&step.wanted.lock.name()),
            crate::printable(&step.wanted.site.to_string()),
        );
    }
    out
}

fn name(thread: Option<&Thread>) -> String {
    thread.map_or_else(|| "an unknown thread".to_owned(), ToString::to_string)
}

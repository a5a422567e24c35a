//! Events as `tracing` events. Needs the feature `tracing`.

use crate::{Event, HandlerId, Stuck};
use ::tracing::{debug, error, warn};

/// The target of the events, for filters such as `RUST_LOG=lockprof=warn`.
pub const TARGET: &str = "lockprof";

/// Sends every event to the current `tracing` subscriber. [`Event::Hot`] becomes a warning named
/// Sends every event to the current `tracing` subscriber. [`Event::Hot`] becomes a warning named
/// `lock.hot` with the fields of its text form. So do [`Event::Slow`], as a warning named
/// `lock.slow`, [`Event::Deadlock`], as an error named `lock.deadlock`, [`Event::Stuck`], as a
/// warning named `lock.stuck`, and [`Event::Order`], as a warning named `lock.order`.
/// [`Event::Published`] becomes a debug event with totals.
///
/// ```
/// let id = nexus_lockprof::integrations::tracing::install();
/// // ...
/// nexus_lockprof::remove_handler(id);
/// ```
pub fn install() -> HandlerId {
    crate::on_event(send)
}

/// Sends one event.
pub fn send(event: &Event) {
    match event {
        Event::Hot(hot) => warn!(
            target: TARGET,
            lock = %hot.lock.name(),
            mode = hot.mode.as_str(),
            site = %hot.site,
            metric = hot.metric.as_str(),
            p95_ns = hot.p95_ns,
            threshold_ns = hot.threshold_ns,
            samples = hot.samples,
            "lock.hot"
        ),
        Event::Deadlock(deadlock) => error!(
            target: TARGET,
            threads = deadlock.waits.len(),
            cycle = deadlock.cycle(),
            certain = deadlock.certain,
            "lock.deadlock"
        ),
        Event::Stuck(Stuck { wait }) => {
            let holder = wait.holder.as_ref();
            let thread = wait.thread.as_ref();
            let holder_thread = holder.and_then(|holder| holder.thread.as_ref());
            warn!(
                target: TARGET,
                lock = %wait.lock.name(),
                mode = wait.mode.as_str(),
                site = %wait.site,
                thread = thread.and_then(|thread| thread.name.as_deref()),
                thread_id = thread.map(|thread| thread.id),
                waited_ms = u64::try_from(wait.waited().as_millis()).unwrap_or(u64::MAX),
                holder_site = holder.map(|holder| holder.site.to_string()),
                holder_thread = holder_thread.and_then(|thread| thread.name.as_deref()),
                holder_thread_id = holder_thread.map(|thread| thread.id),
                holder_exited = holder.is_some_and(|holder| holder.exited),
                "lock.stuck"
            );
        }
        Event::Order(potential) => warn!(
            target: TARGET,
            kind = potential.kind(),
            locks = potential.steps.len(),
            cycle = potential.cycle(),
            needs_writer = potential.needs_writer,
            "lock.order"
        ),
        Event::Slow(slow) => {
            let thread = slow.thread.as_ref();
            let holder = slow.holder.as_ref();
            let holder_thread = holder.and_then(|holder| holder.thread.as_ref());
            warn!(
                target: TARGET,
                lock = %slow.lock.name(),
                mode = slow.mode.as_str(),
                site = %slow.site,
                metric = slow.metric.as_str(),
                ns = slow.ns,
                threshold_ns = slow.threshold_ns,
                thread = thread.and_then(|thread| thread.name.as_deref()),
                thread_id = thread.map(|thread| thread.id),
                holder_site = holder.map(|holder| holder.site.to_string()),
                holder_mode = holder.map(|holder| holder.mode.as_str()),
                holder_ns = holder.map(|holder| holder.ns),
                holder_thread = holder_thread.and_then(|thread| thread.name.as_deref()),
                holder_thread_id = holder_thread.map(|thread| thread.id),
                waiters = slow.waiters,
                dropped = slow.dropped,
                "lock.slow"
            );
        }
        Event::Published(snapshot) => debug!(
            target: TARGET,
            collection = snapshot.collection(),
            points = snapshot.points().len(),
            acquisitions = snapshot.table().acquisitions,
            lost = snapshot.losses().total(),
            "lock.snapshot"
        ),
        // An event added later: its text says it.
        other => debug!(target: TARGET, "{other}"),
    }
}

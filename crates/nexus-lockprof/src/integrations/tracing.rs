//! Events as `tracing` events. Needs the feature `tracing`.

use crate::{Event, HandlerId};
use ::tracing::{debug, warn};

/// The target of the events, for filters such as `RUST_LOG=lockprof=warn`.
pub const TARGET: &str = "lockprof";

/// Sends every event to the current `tracing` subscriber. [`Event::Hot`] becomes a warning named
/// `lock.hot` with the fields of its text form, and [`Event::Slow`] one named `lock.slow`.
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

//! Events and their handlers.

use crate::process::unwind::caught;
use arc_swap::ArcSwapOption;
use nexus_lockprof_snapshot::{Deadlock, Hot, PotentialDeadlock, Slow, Snapshot, Stuck};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Something that the profiler reports.
///
/// The text forms of all but `Published` are stable interfaces: see [`Hot`], [`Slow`],
/// [`Deadlock`], [`Stuck`] and [`PotentialDeadlock`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A point's 95th percentile exceeded its threshold in the last interval.
    Hot(Hot),
    /// One wait or one hold took at least as long as [`Config::slow`](crate::Config::slow).
    Slow(Slow),
    /// Threads wait for one another. Told once.
    Deadlock(Deadlock),
    /// A wait lasts longer than [`Config::stuck`](crate::Config::stuck), or the thread that
    /// acquired the lock has exited. Told once for each wait, and not for those in a deadlock.
    Stuck(Stuck),
    /// Locks were acquired in orders which can deadlock. Told once, even if all went well.
    Order(PotentialDeadlock),
    /// A [`tick`](crate::Engine::tick) has published this snapshot.
    Published(Arc<Snapshot>),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Hot(hot) => hot.fmt(f),
            Event::Slow(slow) => slow.fmt(f),
            Event::Deadlock(deadlock) => deadlock.fmt(f),
            Event::Stuck(stuck) => stuck.fmt(f),
            Event::Order(potential) => potential.fmt(f),
            Event::Published(snapshot) => write!(
                f,
                "lock.snapshot collection={} points={} acquisitions={} lost={}",
                snapshot.collection(),
                snapshot.points().len(),
                snapshot.table().acquisitions,
                snapshot.losses().total(),
            ),
        }
    }
}

type Handler = Arc<Contained>;

/// A handler of the program. Its panics are caught, both when it is called and when it is dropped.
pub(crate) struct Contained(Option<Box<Call>>);

type Call = dyn Fn(&Event) + Send + Sync;

impl Contained {
    pub(crate) fn call(&self, event: &Event) {
        if let Some(handler) = &self.0
            && caught(|| handler(event)).is_none()
        {
            crate::process::stderr::say(format_args!("an event handler panicked on: {event}"));
        }
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let handler = self.0.take();
        if caught(|| drop(handler)).is_none() {
            crate::process::stderr::say(format_args!(
                "an event handler panicked as it was dropped"
            ));
        }
    }
}

/// Identifies a handler, to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandlerId(u64);

/// An engine's handlers. They are read at each collection and rarely changed.
pub(crate) struct Handlers {
    pub(crate) list: ArcSwapOption<Vec<(HandlerId, Handler)>>,
    next: AtomicU64,
}

impl Handlers {
    pub(crate) const fn new() -> Self {
        Handlers {
            list: ArcSwapOption::const_empty(),
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn add(&self, handler: impl Fn(&Event) + Send + Sync + 'static) -> HandlerId {
        let handler = Arc::new(Contained(Some(Box::new(handler))));
        let id = HandlerId(self.next.fetch_add(1, Relaxed));
        self.list.rcu(|list| {
            let mut list: Vec<_> = list.as_deref().cloned().unwrap_or_default();
            list.push((id, Arc::clone(&handler)));
            Some(Arc::new(list))
        });
        id
    }

    /// Whether there is a handler.
    pub(crate) fn has_some(&self) -> bool {
        let list = self.list.load();
        list.as_ref().is_some_and(|list| !list.is_empty())
    }

    pub(crate) fn remove(&self, id: HandlerId) -> bool {
        let old = self.list.rcu(|list| {
            list.as_deref()
                .map(|list| Arc::new(list.iter().filter(|(i, _)| *i != id).cloned().collect()))
        });
        old.is_some_and(|list: Arc<Vec<(HandlerId, Handler)>>| list.iter().any(|(i, _)| *i == id))
    }
}

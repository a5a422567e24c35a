//! The `lock.slow` event and its marker line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::logfmt;
use crate::marker::{self, ParseEventError, number, optional, required};
use crate::{AcquireMode, Lock, Site, Thread};

/// The kind of time that was long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlowMetric {
    /// A wait for the lock.
    Wait,
    /// A wait that gave up or was cancelled.
    AbandonedWait,
    /// A hold of the lock.
    Hold,
}

impl SlowMetric {
    /// `wait`, `abandoned_wait` or `hold`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::AbandonedWait => "abandoned_wait",
            Self::Hold => "hold",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Wait, Self::AbandonedWait, Self::Hold];
        all.into_iter().find(|metric| metric.as_str() == text)
    }
}

impl fmt::Display for SlowMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The point that is blamed for most of a long wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowHolder {
    /// The thread that held the lock there, for the longest part if several did. `None` if it is
    /// not known.
    pub thread: Option<Thread>,
    /// The mode in which it held the lock.
    pub mode: AcquireMode,
    /// The place that acquired the lock.
    pub site: Site,
    /// Its part of the wait, in nanoseconds.
    pub ns: u64,
}

/// One wait or one hold that took at least as long as the threshold.
///
/// Displays as its marker line, which is a stable interface; [`SlowLine`] describes and parses it.
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Site, Slow, SlowMetric, Thread};
///
/// let slow = Slow {
///     lock: Lock::Named("sessions".into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("src/http.rs", 88, 31),
///     metric: SlowMetric::Hold,
///     ns: 5_000_000_000,
///     threshold_ns: 100_000_000,
///     thread: Some(Thread { id: 4711, name: Some("worker-3".into()) }),
///     holder: None,
///     waiters: Some(2),
///     dropped: 0,
/// };
/// assert_eq!(
///     slow.to_string(),
///     "lock.slow lock=sessions site=src/http.rs:88 mode=exclusive metric=hold \
///      ns=5000000000 threshold_ns=100000000 thread=worker-3 thread_id=4711 waiters=2"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// The lock class.
    pub lock: Lock,
    /// The acquisition point's mode.
    pub mode: AcquireMode,
    /// The acquisition point's place: the one that waited, or that held the lock.
    pub site: Site,
    /// Wait or hold.
    pub metric: SlowMetric,
    /// How long it took, in nanoseconds.
    pub ns: u64,
    /// The threshold, in nanoseconds.
    pub threshold_ns: u64,
    /// The thread that waited, or that released the lock. `None` for a wait that another thread
    /// recorded: the guard was sent to it, or the waiter was a task that had moved.
    pub thread: Option<Thread>,
    /// For a wait: who is blamed for most of it. `None` if nobody is known.
    pub holder: Option<SlowHolder>,
    /// For a hold: the most threads and tasks that were parked on the lock when it ended. A few
    /// other locks may share the counter, so there may be fewer.
    pub waiters: Option<u64>,
    /// Number of events that were dropped before this one, since the last event that was not.
    pub dropped: u64,
}

impl Slow {
    /// The content of the marker line.
    #[must_use]
    pub fn line(&self) -> SlowLine {
        let place = |site: &Site| (site.file.to_string(), site.line);
        let name = |thread: &Thread| thread.name.as_deref().map(str::to_owned);
        let holder_thread = self
            .holder
            .as_ref()
            .and_then(|holder| holder.thread.as_ref());
        SlowLine {
            lock: self.lock.name().into_owned(),
            site: place(&self.site),
            mode: self.mode,
            metric: self.metric,
            ns: self.ns,
            threshold_ns: self.threshold_ns,
            thread: self.thread.as_ref().and_then(name),
            thread_id: self.thread.as_ref().map(|thread| thread.id),
            holder_site: self.holder.as_ref().map(|holder| place(&holder.site)),
            holder_mode: self.holder.as_ref().map(|holder| holder.mode),
            holder_ns: self.holder.as_ref().map(|holder| holder.ns),
            holder_thread: holder_thread.and_then(name),
            holder_thread_id: holder_thread.map(|thread| thread.id),
            waiters: self.waiters,
            dropped: self.dropped,
        }
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line().fmt(f)
    }
}

/// The marker line of a [`Slow`], to print and to parse.
///
/// # The line, an interface
///
/// ```text
/// lock.slow lock=NAME site=FILE:LINE mode=MODE metric=wait|abandoned_wait|hold ns=N threshold_ns=N
///     [thread=NAME] [thread_id=N] [holder_site=FILE:LINE holder_mode=MODE holder_ns=N]
///     [holder_thread=NAME] [holder_thread_id=N] [waiters=N] [dropped=N]
/// ```
///
/// It is one line, in the form that [`HotLine`](crate::HotLine#the-line-an-interface) describes.
/// `MODE` is `exclusive`, `shared` or `upgradable`. A field in brackets is missing if its value is
/// not known; `dropped`, if it is 0. Readers that nobody can tell apart are `(readers):0`.
///
/// ```
/// use nexus_lockprof_snapshot::{SlowLine, SlowMetric};
///
/// let line = "lock.slow lock=db site=src/db.rs:7 mode=shared metric=wait ns=9 threshold_ns=5 \
///             holder_site=src/db.rs:31 holder_mode=exclusive holder_ns=8 dropped=3";
/// let slow: SlowLine = line.parse()?;
/// assert_eq!((slow.metric, slow.ns), (SlowMetric::Wait, 9));
/// assert_eq!(slow.holder_site, Some(("src/db.rs".to_owned(), 31)));
/// assert_eq!(slow.to_string(), line);
/// # Ok::<(), nexus_lockprof_snapshot::ParseEventError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlowLine {
    /// The lock class's [name](Lock::name).
    pub lock: String,
    /// Source file and line of the acquisition point.
    pub site: (String, u32),
    /// The acquisition point's mode.
    pub mode: AcquireMode,
    /// Wait or hold.
    pub metric: SlowMetric,
    /// How long it took, in nanoseconds.
    pub ns: u64,
    /// The threshold, in nanoseconds.
    pub threshold_ns: u64,
    /// The thread's name.
    pub thread: Option<String>,
    /// The thread's number.
    pub thread_id: Option<u64>,
    /// Source file and line of the blamed holder.
    pub holder_site: Option<(String, u32)>,
    /// The mode of the blamed holder.
    pub holder_mode: Option<AcquireMode>,
    /// The blamed holder's part of the wait, in nanoseconds.
    pub holder_ns: Option<u64>,
    /// The name of the thread that held the lock there.
    pub holder_thread: Option<String>,
    /// The number of the thread that held the lock there.
    pub holder_thread_id: Option<u64>,
    /// The most threads and tasks that were parked on the lock when the hold ended.
    pub waiters: Option<u64>,
    /// Number of events that were dropped before this one.
    pub dropped: u64,
}

impl fmt::Display for SlowLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |f: &mut fmt::Formatter<'_>, key, value: &str| {
            write!(f, " {key}=")?;
            logfmt::write_value(f, value)
        };
        let place = |f: &mut fmt::Formatter<'_>, key, (file, line): &(String, u32)| {
            text(f, key, &format!("{file}:{line}"))
        };
        let number = |f: &mut fmt::Formatter<'_>, key, value: Option<u64>| match value {
            Some(value) => write!(f, " {key}={value}"),
            None => Ok(()),
        };
        f.write_str("lock.slow")?;
        text(f, "lock", &self.lock)?;
        place(f, "site", &self.site)?;
        write!(f, " mode={} metric={}", self.mode, self.metric)?;
        write!(f, " ns={} threshold_ns={}", self.ns, self.threshold_ns)?;
        if let Some(name) = &self.thread {
            text(f, "thread", name)?;
        }
        number(f, "thread_id", self.thread_id)?;
        if let Some(site) = &self.holder_site {
            place(f, "holder_site", site)?;
        }
        if let Some(mode) = self.holder_mode {
            write!(f, " holder_mode={mode}")?;
        }
        number(f, "holder_ns", self.holder_ns)?;
        if let Some(name) = &self.holder_thread {
            text(f, "holder_thread", name)?;
        }
        number(f, "holder_thread_id", self.holder_thread_id)?;
        number(f, "waiters", self.waiters)?;
        number(f, "dropped", (self.dropped != 0).then_some(self.dropped))
    }
}

fn parse_mode(text: &str) -> Option<AcquireMode> {
    let mut all = AcquireMode::ALL.into_iter();
    all.find(|mode| mode.as_str() == text)
}

impl FromStr for SlowLine {
    type Err = ParseEventError;

    /// Parses a marker line, with or without a line end.
    fn from_str(line: &str) -> Result<Self, ParseEventError> {
        const KEYS: [&str; 15] = [
            "lock",
            "site",
            "mode",
            "metric",
            "ns",
            "threshold_ns",
            "thread",
            "thread_id",
            "holder_site",
            "holder_mode",
            "holder_ns",
            "holder_thread",
            "holder_thread_id",
            "waiters",
            "dropped",
        ];
        let [
            lock,
            site,
            mode,
            metric,
            ns,
            threshold_ns,
            thread,
            thread_id,
            holder_site,
            holder_mode,
            holder_ns,
            holder_thread,
            holder_thread_id,
            waiters,
            dropped,
        ] = marker::fields("lock.slow", line, KEYS)?;
        let text = |text: &str| Some(text.to_owned());
        Ok(Self {
            lock: required("lock", lock, text)?,
            site: required("site", site, marker::site)?,
            mode: required("mode", mode, parse_mode)?,
            metric: required("metric", metric, SlowMetric::parse)?,
            ns: required("ns", ns, number)?,
            threshold_ns: required("threshold_ns", threshold_ns, number)?,
            thread: optional("thread", thread, text)?,
            thread_id: optional("thread_id", thread_id, number)?,
            holder_site: optional("holder_site", holder_site, marker::site)?,
            holder_mode: optional("holder_mode", holder_mode, parse_mode)?,
            holder_ns: optional("holder_ns", holder_ns, number)?,
            holder_thread: optional("holder_thread", holder_thread, text)?,
            holder_thread_id: optional("holder_thread_id", holder_thread_id, number)?,
            waiters: optional("waiters", waiters, number)?,
            dropped: optional("dropped", dropped, number)?.unwrap_or_default(),
        })
    }
}

//! The `lock.hot` event and its marker line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::logfmt;
use crate::marker::{self, ParseEventError, number, required};
use crate::{AcquireMode, Lock, Site};

/// Which of a point's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HotMetric {
    /// The wait.
    Wait,
    /// The hold.
    Hold,
}

impl HotMetric {
    /// `wait` or `hold`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Hold => "hold",
        }
    }
}

impl fmt::Display for HotMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A point whose p95 passed its threshold in the last interval.
///
/// Displays as its marker line, which is a stable interface; [`HotLine`] describes and parses it.
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, Hot, HotMetric, Lock, Site};
///
/// let hot = Hot {
///     lock: Lock::Named("sessions".into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("src/http.rs", 88, 31),
///     metric: HotMetric::Wait,
///     p95_ns: 1_200_000,
///     threshold_ns: 1_000_000,
///     samples: 512,
/// };
/// assert_eq!(
///     hot.to_string(),
///     "lock.hot lock=sessions site=src/http.rs:88 metric=wait \
///      p95_ns=1200000 threshold_ns=1000000 samples=512"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hot {
    /// The lock class.
    pub lock: Lock,
    /// The acquisition point's mode.
    pub mode: AcquireMode,
    /// The acquisition point's place.
    pub site: Site,
    /// Wait or hold.
    pub metric: HotMetric,
    /// The interval's 95th percentile, in nanoseconds.
    pub p95_ns: u64,
    /// The threshold that it exceeded, in nanoseconds.
    pub threshold_ns: u64,
    /// Number of measured durations behind it.
    pub samples: u64,
}

impl Hot {
    /// The content of the marker line.
    #[must_use]
    pub fn line(&self) -> HotLine {
        HotLine {
            lock: self.lock.name().into_owned(),
            file: self.site.file.to_string(),
            line: self.site.line,
            metric: self.metric,
            p95_ns: self.p95_ns,
            threshold_ns: self.threshold_ns,
            samples: self.samples,
        }
    }
}

impl fmt::Display for Hot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line().fmt(f)
    }
}

/// The marker line of a [`Hot`], to print and to parse. It has less than the event: only the lock's
/// name, and no column or mode.
///
/// # The line, an interface
///
/// ```text
/// lock.hot lock=NAME site=FILE:LINE metric=wait|hold p95_ns=N threshold_ns=N samples=N
/// ```
///
/// The line is [logfmt]: fields in this order, separated by single spaces. Numbers are decimal, up
/// to 2⁶⁴. `NAME` and `FILE:LINE` are unquoted unless they are empty or contain whitespace, `"`,
/// `=` or a character that is not [printable](crate::is_printable). Otherwise double quotes
/// surround them. Inside quotes, `\"`, `\\`, `\n`, `\r`, `\t` and `\uXXXX` (for other characters
/// that are not printable) are escapes, as in JSON. A backslash outside quotes is a backslash.
/// Later versions may add fields at the end; a parser skips those that it does not know, as this
/// one does.
///
/// [logfmt]: https://brandur.org/logfmt
///
/// ```
/// use nexus_lockprof_snapshot::{HotLine, HotMetric};
///
/// let line = r#"lock.hot lock="user table" site=src/db.rs:7 metric=hold p95_ns=9 threshold_ns=5 samples=64"#;
/// let hot: HotLine = line.parse()?;
/// assert_eq!((hot.lock.as_str(), hot.metric), ("user table", HotMetric::Hold));
/// assert_eq!(hot.to_string(), line);
/// # Ok::<(), nexus_lockprof_snapshot::ParseEventError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HotLine {
    /// The lock class's [name](Lock::name).
    pub lock: String,
    /// Source file of the acquisition point.
    pub file: String,
    /// Line of the acquisition point, from 1.
    pub line: u32,
    /// Wait or hold.
    pub metric: HotMetric,
    /// The interval's 95th percentile, in nanoseconds.
    pub p95_ns: u64,
    /// The threshold that it exceeded, in nanoseconds.
    pub threshold_ns: u64,
    /// Number of measured durations behind it.
    pub samples: u64,
}

impl fmt::Display for HotLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lock,
            file,
            line,
            metric,
            p95_ns,
            threshold_ns,
            samples,
        } = self;
        f.write_str("lock.hot lock=")?;
        logfmt::write_value(f, lock)?;
        f.write_str(" site=")?;
        logfmt::write_value(f, &format!("{file}:{line}"))?;
        write!(
            f,
            " metric={metric} p95_ns={p95_ns} threshold_ns={threshold_ns} samples={samples}"
        )
    }
}

impl FromStr for HotLine {
    type Err = ParseEventError;

    /// Parses a marker line, with or without a line end.
    fn from_str(line: &str) -> Result<Self, ParseEventError> {
        const KEYS: [&str; 6] = [
            "lock",
            "site",
            "metric",
            "p95_ns",
            "threshold_ns",
            "samples",
        ];
        let [lock, site, metric, p95_ns, threshold_ns, samples] =
            marker::fields("lock.hot", line, KEYS)?;
        let (file, line) = required("site", site, marker::site)?;
        Ok(Self {
            lock: required("lock", lock, |name| Some(name.to_owned()))?,
            file,
            line,
            metric: required("metric", metric, |metric| match metric {
                "wait" => Some(HotMetric::Wait),
                "hold" => Some(HotMetric::Hold),
                _ => None,
            })?,
            p95_ns: required("p95_ns", p95_ns, number)?,
            threshold_ns: required("threshold_ns", threshold_ns, number)?,
            samples: required("samples", samples, number)?,
        })
    }
}

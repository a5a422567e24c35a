//! The series of intervals that clients pull by name.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Series, Source};

/// The most names, which are as many series as an engine keeps samples for.
pub(super) const MOST: usize = 8;
/// A series that nobody has pulled for so long is dropped when another begins.
const IDLE: Duration = Duration::from_secs(600);
/// If there is no room, a series gives way after this time. One that is pulled more often keeps its
/// place: if nine clients took each other's, none would have an interval.
const RESTED: Duration = Duration::from_secs(120);

/// A series that several connections may pull, one at a time.
type Shared = Arc<Mutex<Box<dyn Series>>>;

/// The series, by name. The last is the one that was pulled last.
#[derive(Default)]
pub(super) struct NamedSeries(Mutex<Vec<Named>>);

struct Named {
    name: String,
    pulled: Instant,
    series: Shared,
}

/// Why there is no series of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoSeries {
    /// The source has none.
    Unsupported,
    /// All places are in use. One of them may be free after this time.
    Full(Duration),
}

impl NamedSeries {
    /// The series called `name`, which begins if there is none. The one that was idle for longest
    /// may have to go.
    pub(super) fn get(
        &self,
        name: String,
        now: Instant,
        source: &dyn Source,
    ) -> Result<Shared, NoSeries> {
        // A panic cannot corrupt the list, so poisoning does not matter.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = all.iter().position(|named| named.name == name);
        let named = match place {
            Some(place) => Named {
                pulled: now,
                ..all.remove(place)
            },
            None => {
                let idle = |named: &Named| now.duration_since(named.pulled);
                all.retain(|named| idle(named) < IDLE);
                if all.len() >= MOST
                    && let Some(oldest) = all.first()
                {
                    let left = RESTED.saturating_sub(idle(oldest));
                    if !left.is_zero() {
                        return Err(NoSeries::Full(left));
                    }
                    all.remove(0);
                }
                let series = source.series().ok_or(NoSeries::Unsupported)?;
                Named {
                    name,
                    pulled: now,
                    series: Arc::new(Mutex::new(series)),
                }
            }
        };
        let series = Arc::clone(&named.series);
        all.push(named);
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, SnapshotParts};

    use super::*;
    use crate::Settings;

    struct Nothing;

    impl Series for Nothing {
        fn interval(&mut self) -> Snapshot {
            self.snapshot()
        }

        fn snapshot(&mut self) -> Snapshot {
            Snapshot::from_parts(SnapshotParts::default())
        }
    }

    impl Source for Nothing {
        fn snapshot(&self) -> Snapshot {
            Snapshot::from_parts(SnapshotParts::default())
        }

        fn series(&self) -> Option<Box<dyn Series>> {
            Some(Box::new(Nothing))
        }

        fn reset(&self) {}

        fn settings(&self) -> Settings {
            Settings {
                mode: ProfilerMode::Exact,
            }
        }

        fn configure(&self, _: &Settings) -> Result<(), String> {
            Ok(())
        }
    }

    #[test]
    fn a_ninth_client_waits_until_one_of_the_others_rests() {
        let series = NamedSeries::default();
        let begin = Instant::now();
        let pull = |name: u32, second| {
            let now = begin + Duration::from_secs(second);
            series.get(name.to_string(), now, &Nothing)
        };
        let eight: Vec<Shared> = (0..8).map(|name| pull(name, 0).unwrap()).collect();
        let full = |left| Some(NoSeries::Full(Duration::from_secs(left)));
        assert_eq!(pull(8, 1).err(), full(119));
        // Nine in turns: the eight keep their series, the ninth stays out.
        for second in [50, 100, 150] {
            for (name, own) in (0..).zip(&eight) {
                assert!(Arc::ptr_eq(&pull(name, second).unwrap(), own), "{name}");
            }
            assert_eq!(pull(8, second).err(), full(120));
        }
        // The first rests.
        for name in 1..8 {
            assert!(pull(name, 200).is_ok());
        }
        assert_eq!(pull(8, 269).err(), full(1));
        assert!(pull(8, 270).is_ok());
        assert_eq!(pull(0, 270).err(), full(50));
    }
}

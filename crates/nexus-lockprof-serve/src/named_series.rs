//! The series of intervals that clients pull by name.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Series, Source};

/// The most names, which are as many series as an engine keeps samples for.
const MOST: usize = 8;
/// A series that nobody has pulled for so long is dropped when another begins.
const IDLE: Duration = Duration::from_secs(600);

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

impl NamedSeries {
    /// The series called `name`, which begins if there is none. The one that was idle for longest
    /// may have to go. `None` if the source has no series.
    pub(super) fn get(&self, name: String, source: &dyn Source) -> Option<Shared> {
        // A panic cannot corrupt the list, so poisoning does not matter.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pulled = Instant::now();
        let place = all.iter().position(|named| named.name == name);
        let named = match place {
            Some(place) => Named {
                pulled,
                ..all.remove(place)
            },
            None => {
                let series = Arc::new(Mutex::new(source.series()?));
                all.retain(|named| pulled.duration_since(named.pulled) < IDLE);
                let too_many = (all.len() + 1).saturating_sub(MOST);
                all.drain(..too_many);
                Named {
                    name,
                    pulled,
                    series,
                }
            }
        };
        let series = Arc::clone(&named.series);
        all.push(named);
        Some(series)
    }
}

//! The requests that wait for the end of their `?seconds=N`. Their number is limited, so that
//! others find a connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Limits;

/// The end of each wait.
#[derive(Debug)]
pub(super) struct Waits {
    most: usize,
    ends: Mutex<Vec<Instant>>,
}

/// A wait, until this is dropped.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    waits: &'a Waits,
    end: Instant,
}

impl Waits {
    pub(super) fn new(limits: &Limits) -> Self {
        // One connection stays free for those that do not wait, if there are two.
        let most = limits.waits.min(limits.connections.saturating_sub(1));
        Waits {
            most: most.max(1),
            ends: Mutex::default(),
        }
    }

    /// The maximum number of waits.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Begins a wait of `time`.
    ///
    /// # Errors
    /// The time until the first wait ends, if the maximum is reached.
    pub(super) fn begin(&self, now: Instant, time: Duration) -> Result<Wait<'_>, Duration> {
        let end = now.checked_add(time).unwrap_or(now);
        let mut ends = self.ends();
        if ends.len() >= self.most {
            let first = ends.iter().min().copied().unwrap_or(now);
            return Err(first.saturating_duration_since(now));
        }
        ends.push(end);
        Ok(Wait { waits: self, end })
    }

    /// A panic cannot corrupt the list, so poisoning does not matter.
    fn ends(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut ends = self.waits.ends();
        // If several end together, any of them.
        if let Some(index) = ends.iter().position(|end| *end == self.end) {
            ends.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(waits: usize, connections: usize) -> Waits {
        Waits::new(&Limits {
            waits,
            connections,
            ..Limits::default()
        })
    }

    #[test]
    fn so_many_and_no_more() {
        for (most, connections, expected) in [
            (4, 16, 4),
            (4, 3, 2),
            (16, 16, 15),
            (4, 1, 1),
            (0, 16, 1),
            (0, 0, 1),
        ] {
            assert_eq!(waits(most, connections).most(), expected);
        }
    }

    #[test]
    fn whoever_finds_no_room_hears_when_there_is_some() {
        let waits = waits(2, 16);
        let now = Instant::now();
        let long = waits.begin(now, 60 * SECOND).unwrap();
        let short = waits.begin(now, 20 * SECOND).unwrap();
        let later = now + 5 * SECOND;
        assert_eq!(waits.begin(later, SECOND).unwrap_err(), 15 * SECOND);
        drop(short);
        let third = waits.begin(later, SECOND).unwrap();
        drop(long);
        assert_eq!(waits.begin(later, SECOND).unwrap().end, third.end);
        drop(third);
        assert_eq!(waits.ends().len(), 0);
        // A time beyond the clock's range ends at once.
        assert_eq!(waits.begin(now, Duration::MAX).unwrap().end, now);
    }
}

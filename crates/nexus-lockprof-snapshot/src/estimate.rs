//! How accurate a total of [`Durations`] is.

use crate::Durations;

impl Durations {
    /// Returns whether [`total_ns`](Self::total_ns) is an estimate: not all events were measured,
    /// or some samples represent more than themselves.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let exact = Durations { samples: 64, events: 64, total_ns: 900, ..Durations::default() };
    /// assert!(!exact.is_estimate());
    ///
    /// let sampled = Durations { events: 4_096, total_variance: 2_500.0, ..exact };
    /// assert!(sampled.is_estimate());
    /// assert_eq!(sampled.standard_error_ns(), 50.0);
    ///
    /// let counted = Durations { events: 4_096, ..Durations::default() };
    /// assert!(!counted.is_estimate());
    /// ```
    #[must_use]
    pub const fn is_estimate(&self) -> bool {
        self.samples > 0 && (self.events > self.samples || self.total_variance > 0.0)
    }

    /// Returns whether [`total_ns`](Self::total_ns) covers only some of the events, because others
    /// were not measured.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let part = Durations { samples: 10, events: 10, unmeasured: 1_000, ..Durations::default() };
    /// assert!(part.is_partial() && !part.is_estimate());
    /// ```
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.samples > 0 && self.unmeasured > 0
    }

    /// The standard error of [`total_ns`](Self::total_ns), in nanoseconds; 0 if every event was
    /// measured.
    ///
    /// It has two parts, whose variances add up. The first is
    /// [`total_variance`](Self::total_variance), which follows from the weights of the samples. The
    /// second is the error of the tail. A few of the longest events often make up most of a total,
    /// and by chance a sample has one more or one less of them. The variance does not show that if
    /// they were measured with a small weight, or not at all. So this assumes that the longest
    /// measured event ([`longest_sampled_ns`](Self::longest_sampled_ns)) was seen once too often or
    /// once too rarely. Each sample represents `(events - samples) / samples` events that were not
    /// measured.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// // Ten holds of 100, one of them of 10 ms, which stood for itself alone.
    /// let hold = Durations {
    ///     samples: 10,
    ///     events: 100,
    ///     total_ns: 10_900_000,
    ///     total_variance: 1e10,
    ///     longest_sampled_ns: 10_000_000,
    ///     ..Durations::default()
    /// };
    /// assert!(hold.standard_error_ns() > 90_000_000.0);
    /// ```
    #[must_use]
    pub fn standard_error_ns(&self) -> f64 {
        self.weights_error_ns().hypot(self.tail_error_ns())
    }

    /// The part of the standard error that follows from the weights of the samples.
    fn weights_error_ns(&self) -> f64 {
        self.total_variance.max(0.0).sqrt()
    }

    /// The tail's part: the longest duration, once for each unmeasured event per sample.
    fn tail_error_ns(&self) -> f64 {
        match self.samples {
            0 => 0.0,
            samples => {
                let unseen = self.events.saturating_sub(samples) as f64 / samples as f64;
                unseen * self.longest_sampled_ns as f64
            }
        }
    }

    /// The 95 % confidence interval of [`total_ns`](Self::total_ns), in nanoseconds. `None` if
    /// nothing was measured. It does not cover [`unmeasured`](Self::unmeasured) events.
    ///
    /// The lower end is 1.96 [standard errors](Self::standard_error_ns) below the total, but at
    /// least the longest measured duration. The upper end is farther away: a sample more often
    /// misses long events than short ones. So totals are more often too small than too large, and
    /// then by more. The upper end is `total * exp(1.96 * error / total)`, with the error from the
    /// weights, plus three times the error of the tail. [`at_most_ns`](Self::at_most_ns) limits it.
    /// The interval does not cover a kind of event without any measured event.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let hold = Durations {
    ///     samples: 2,
    ///     events: 128,
    ///     total_ns: 1_000,
    ///     total_variance: 40_000.0,
    ///     max_ns: 700,
    ///     at_most_ns: 1_300,
    ///     ..Durations::default()
    /// };
    /// assert_eq!(hold.total_interval_ns(), Some((700, 1_300)));
    /// assert_eq!(Durations::default().total_interval_ns(), None);
    /// ```
    #[must_use]
    pub fn total_interval_ns(&self) -> Option<(u64, u64)> {
        const Z: f64 = 1.96;
        const UNSEEN: f64 = 3.0;
        let (total_ns, error) = (self.total_ns as f64, self.standard_error_ns());
        if self.samples == 0 {
            return None;
        }
        if error == 0.0 {
            return Some((self.total_ns, self.total_ns));
        }
        let weights = self.weights_error_ns();
        let high = match self.total_ns {
            0 => Z * weights,
            _ => total_ns * (Z * weights / total_ns).exp(),
        };
        let most = match self.at_most_ns {
            0 => u64::MAX,
            most => most,
        };
        // `as` saturates.
        let low = ((total_ns - Z * error) as u64).max(self.max_ns);
        let high = (high + UNSEEN * self.tail_error_ns()).ceil() as u64;
        Some((low.min(self.total_ns), high.min(most).max(self.total_ns)))
    }

    /// The standard error of [`total_ns`](Self::total_ns) as a share of it, 0.1 for 10 %. `None` if
    /// the total is 0, or is no [estimate](Self::is_estimate).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let hold = Durations { samples: 2, events: 128, total_ns: 1_000, total_variance: 62_500.0, ..Durations::default() };
    /// assert_eq!(hold.relative_standard_error(), Some(0.25));
    /// assert_eq!(Durations::default().relative_standard_error(), None);
    /// ```
    #[must_use]
    pub fn relative_standard_error(&self) -> Option<f64> {
        (self.is_estimate() && self.total_ns > 0)
            .then(|| self.standard_error_ns() / self.total_ns as f64)
    }
}

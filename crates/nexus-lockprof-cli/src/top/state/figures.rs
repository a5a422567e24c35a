//! Which figures the table shows.

/// Totals, or rates of the last interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figures {
    /// Per second, over the last interval.
    Rates,
    /// Since the start or the last reset.
    Totals,
}

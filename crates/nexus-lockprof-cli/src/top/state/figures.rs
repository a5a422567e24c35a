//! Which figures are shown.

/// Figures of all time, or rates of the last interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figures {
    /// A second, of the last interval.
    Rates,
    /// All together, since the start or the last reset.
    Totals,
}

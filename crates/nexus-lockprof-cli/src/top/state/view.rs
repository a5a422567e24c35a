//! The views of the target that a user can switch between.

/// A view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The table of points.
    Locks,
    /// Acquisitions, waits and holds of each thread.
    Threads,
    /// Which locks of the selected point's class were waited for.
    Instances,
    /// Orders of locks that can deadlock.
    Order,
    /// When threads waited, over the program's last intervals.
    History,
}

impl View {
    /// All views, from the first key to the last.
    pub(crate) const ALL: [Self; 5] = [
        Self::Locks,
        Self::Threads,
        Self::Instances,
        Self::Order,
        Self::History,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Locks => "locks",
            Self::Threads => "threads",
            Self::Instances => "instances",
            Self::Order => "order",
            Self::History => "history",
        }
    }

    /// The view for a digit, counted from 1.
    pub(crate) fn picked(key: char) -> Option<Self> {
        let number = usize::try_from(key.to_digit(10)?).ok()?;
        Self::ALL.get(number.checked_sub(1)?).copied()
    }

    /// The view `by` views further on. Wraps around.
    pub(crate) fn moved(self, by: isize) -> Self {
        super::moved(&Self::ALL, self as usize, by).unwrap_or(self)
    }
}

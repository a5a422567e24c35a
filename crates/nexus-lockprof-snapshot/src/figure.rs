//! Declares each figure once. Code that adds, subtracts, reads, writes or shows figures loops over
//! the tables that [`figures!`] makes.

/// One number of a point or a process: its name, and how it adds up.
///
/// ```
/// use nexus_lockprof_snapshot::{FigureKind, Point};
///
/// let names: Vec<&str> = Point::FIGURES.iter().map(|figure| figure.name).collect();
/// assert_eq!(names[..2], ["acquisitions", "contentions"]);
/// assert_eq!(Point::FIGURES[0].kind, FigureKind::Counter);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figure {
    /// The name of its field, its JSON key and its CSV column. A time ends in `_ns`.
    pub name: &'static str,
    /// Its name in errors, prefixed by the field that contains it.
    pub(crate) path: &'static str,
    /// How it adds up.
    pub kind: FigureKind,
    /// A description of one line.
    pub help: &'static str,
}

/// How a [`Figure`] adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Only grows. A merge sums it up; an interval has the difference.
    Counter,
    /// The largest value so far. A merge takes the largest of all; an interval has it if it has
    /// grown in the interval, and else 0.
    Max,
    /// A state, which may fall. A merge sums it up; an interval has the state at its end.
    Gauge,
}

impl Figure {
    /// The name without its unit, if it is a time in nanoseconds; `None` for a count.
    #[must_use]
    pub fn time(&self) -> Option<&'static str> {
        self.name.strip_suffix("_ns")
    }
}

impl FigureKind {
    /// Combines the figures of two. Saturates at [`u64::MAX`].
    #[inline]
    pub(crate) fn merge(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Counter | Self::Gauge => a.saturating_add(b),
            Self::Max => a.max(b),
        }
    }
}

/// Merges figures into others of the same table.
#[inline]
pub(crate) fn merge<const N: usize>(table: &[Figure; N], into: &mut [u64; N], from: &[u64; N]) {
    for ((into, from), figure) in into.iter_mut().zip(from).zip(table) {
        *into = figure.kind.merge(*into, *from);
    }
}

/// The figures of an interval. `minus` subtracts a counter, or returns an error.
pub(crate) fn since<const N: usize, E>(
    table: &[Figure; N],
    later: [u64; N],
    earlier: [u64; N],
    minus: impl Fn(&'static str, u64, u64) -> Result<u64, E>,
) -> Result<[u64; N], E> {
    let mut interval = later;
    for ((interval, earlier), figure) in interval.iter_mut().zip(earlier).zip(table) {
        match figure.kind {
            FigureKind::Counter => *interval = minus(figure.path, *interval, earlier)?,
            FigureKind::Max if *interval <= earlier => *interval = 0,
            FigureKind::Max | FigureKind::Gauge => {}
        }
    }
    Ok(interval)
}

/// Defines a struct of figures, and their table.
///
/// Each figure takes one line: `name: Kind "What it is.",`. Attributes and further documentation
/// precede it.
macro_rules! figures {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident in $path:literal {
            $($(#[$more:meta])* $field:ident: $kind:ident $help:literal,)+
        }
    ) => {
        $(#[$attribute])*
        pub struct $name {
            $(#[doc = $help] $(#[$more])* pub $field: u64,)+
        }
        crate::figure::figures_of! {
            $name in $path { $($field: $kind $help,)+ }
        }
    };
}

/// Defines the table of a struct's figures.
macro_rules! figures_of {
    ($name:ident in $path:literal { $($field:ident: $kind:ident $help:literal,)+ }) => {
        impl $name {
            /// Descriptions of its figures, in the order of [`figures`](Self::figures).
            pub const FIGURES: [crate::Figure; [$(stringify!($field)),+].len()] = [$(crate::Figure {
                name: stringify!($field),
                path: concat!($path, stringify!($field)),
                kind: crate::FigureKind::$kind,
                help: $help,
            }),+];

            /// Its figures.
            #[must_use]
            pub const fn figures(&self) -> [u64; Self::FIGURES.len()] {
                [$(self.$field),+]
            }

            /// Mutable references to its figures.
            pub const fn figures_mut(&mut self) -> [&mut u64; Self::FIGURES.len()] {
                [$(&mut self.$field),+]
            }

            /// Replaces its figures.
            #[must_use]
            pub fn with_figures(mut self, figures: [u64; Self::FIGURES.len()]) -> Self {
                [$(self.$field),+] = figures;
                self
            }

            /// Subtracts the figures of another. Each saturates at 0.
            #[must_use]
            pub fn minus(self, earlier: &Self) -> Self {
                let mut figures = self.figures();
                for (figure, earlier) in figures.iter_mut().zip(earlier.figures()) {
                    *figure = figure.saturating_sub(earlier);
                }
                self.with_figures(figures)
            }

            /// Adds the figures of another. Each saturates at [`u64::MAX`].
            pub fn merge_figures(&mut self, other: &Self) {
                let mut figures = self.figures();
                crate::figure::merge(&Self::FIGURES, &mut figures, &other.figures());
                [$(self.$field),+] = figures;
            }
        }
    };
}

pub(crate) use {figures, figures_of};

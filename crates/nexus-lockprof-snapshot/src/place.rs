//! Where and how a lock is acquired: [`Site`], [`Lock`], [`AcquireMode`].

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Text;

/// How a lock was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcquireMode {
    /// `Mutex::lock`, `RwLock::write`, an upgrade.
    Exclusive,
    /// `RwLock::read`, a downgrade.
    Shared,
    /// `RwLock::upgradable_read`, a downgrade to upgradable.
    Upgradable,
}

impl AcquireMode {
    /// All modes, in their sorting order.
    pub const ALL: [Self; 3] = [Self::Exclusive, Self::Shared, Self::Upgradable];

    /// The mode's name, as the JSON form spells it: `exclusive`, `shared` or `upgradable`.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::AcquireMode;
    ///
    /// assert_eq!(AcquireMode::Shared.as_str(), "shared");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Shared => "shared",
            Self::Upgradable => "upgradable",
        }
    }
}

impl fmt::Display for AcquireMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A place in the source, as the compiler names it.
///
/// Displays as `file:line`; the alternate form `{:#}` adds the column.
///
/// ```
/// use nexus_lockprof_snapshot::Site;
///
/// let site = Site::new("src/pool.rs", 42, 9);
/// assert_eq!(site.to_string(), "src/pool.rs:42");
/// assert_eq!(format!("{site:#}"), "src/pool.rs:42:9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Site {
    /// Path of the source file, as given to the compiler.
    pub file: Text,
    /// Line, from 1; 0 for a [group](Self::is_group).
    pub line: u32,
    /// Column, from 1; 0 for a group.
    pub column: u32,
}

impl Site {
    /// The place at `line` and `column` of `file`, both from 1.
    #[must_use]
    pub fn new(file: impl Into<Text>, line: u32, column: u32) -> Self {
        Self {
            file: file.into(),
            line,
            column,
        }
    }

    /// The place that represents readers as a group: the unknown holders of a lock that was held
    /// shared.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Site;
    ///
    /// let readers = Site::readers();
    /// assert!(readers.is_group());
    /// assert_eq!(format!("{readers} {readers:#}"), "(readers) (readers)");
    /// ```
    #[must_use]
    pub fn readers() -> Self {
        Self::new("(readers)", 0, 0)
    }

    /// The place that represents all places that are not kept apart: see [`Lock::rest`].
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Site;
    ///
    /// let rest = Site::rest();
    /// assert!(rest.is_group());
    /// assert_eq!(rest.to_string(), "(rest)");
    /// ```
    #[must_use]
    pub fn rest() -> Self {
        Self::new("(rest)", 0, 0)
    }

    /// The same place, in the file that `file` returns for its own.
    pub(crate) fn with_file(&self, file: impl FnOnce(&Text) -> Text) -> Self {
        Self {
            file: file(&self.file),
            ..*self
        }
    }

    /// Returns whether it represents several places, and therefore has no line.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.line == 0
    }
}

impl From<&std::panic::Location<'_>> for Site {
    fn from(location: &std::panic::Location<'_>) -> Self {
        Self::new(location.file(), location.line(), location.column())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_group() {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}", self.file, self.line)?;
        if f.alternate() {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// A lock class: all locks created with one name or, unnamed, at one place. If that is unknown, all
/// locks first acquired at one place.
///
/// Displays as its [`name`](Self::name).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Created with a name.
    Named(Text),
    /// Created without a name, at this place.
    Created(Site),
    /// Created where neither is known (by a raw lock's `INIT`), and first acquired at this place.
    FirstUsed(Site),
    /// Nothing is known: the lock was first acquired after the program had reached its caps.
    Anonymous,
}

impl Lock {
    /// The class of all locks that the program's caps leave no room for. Their counts are here, and
    /// not lost.
    ///
    /// Its place of creation has no line, unlike any lock in a program. So no program's lock name
    /// is mistaken for it, and older readers know the form.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Lock;
    ///
    /// let rest = Lock::rest();
    /// assert_eq!(rest.name(), "(rest)");
    /// assert!(rest.is_rest() && !Lock::Named("(rest)".into()).is_rest());
    /// ```
    #[must_use]
    pub fn rest() -> Self {
        Self::Created(Site::rest())
    }

    /// Returns whether it is [`rest`](Self::rest).
    #[must_use]
    pub fn is_rest(&self) -> bool {
        matches!(self, Self::Created(site) if site.is_group() && site.file == "(rest)")
    }

    /// The place that identifies an unnamed class: that of its creation or of its first use.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Lock, Site};
    ///
    /// let site = Site::new("src/pool.rs", 7, 12);
    /// assert_eq!(Lock::FirstUsed(site.clone()).site(), Some(&site));
    /// assert_eq!(Lock::Named("pool".into()).site(), None);
    /// ```
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::Created(site) | Self::FirstUsed(site) => Some(site),
            Self::Named(_) | Self::Anonymous => None,
        }
    }

    /// The same class, with its place in the file that `file` returns for its own.
    pub(crate) fn with_file(&self, file: impl FnOnce(&Text) -> Text) -> Self {
        match self {
            Self::Created(site) => Self::Created(site.with_file(file)),
            Self::FirstUsed(site) => Self::FirstUsed(site.with_file(file)),
            Self::Named(_) | Self::Anonymous => self.clone(),
        }
    }

    /// The display name: the class's own name, `new@` and the `file:line` of its creation, `first@`
    /// and that of its first use, or `?`.
    ///
    /// Two classes created at different columns of one line share a name, but are still two
    /// classes.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Lock, Site};
    ///
    /// assert_eq!(Lock::Named("sessions".into()).name(), "sessions");
    /// assert_eq!(Lock::Created(Site::new("src/pool.rs", 7, 12)).name(), "new@src/pool.rs:7");
    /// assert_eq!(Lock::FirstUsed(Site::new("src/pool.rs", 9, 5)).name(), "first@src/pool.rs:9");
    /// assert_eq!(Lock::Anonymous.name(), "?");
    /// ```
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.name_by(Site::to_string)
    }

    /// The [`name`](Self::name), but `write` formats the place, for example with its column or a
    /// shorter path.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Lock, Site};
    ///
    /// let lock = Lock::Created(Site::new("src/pool.rs", 7, 12));
    /// assert_eq!(lock.name_by(|site| format!("{site:#}")), "new@src/pool.rs:7:12");
    /// ```
    #[must_use]
    pub fn name_by(&self, write: impl FnOnce(&Site) -> String) -> Cow<'_, str> {
        match self {
            Self::Named(name) => Cow::Borrowed(name.as_str()),
            Self::Created(site) | Self::FirstUsed(site) => {
                Cow::Owned(format!("{}{}", self.prefix(), write(site)))
            }
            Self::Anonymous => Cow::Borrowed("?"),
        }
    }

    /// The prefixes of unnamed classes' names, which distinguish their places from those of
    /// acquisitions: see [`prefix`](Self::prefix).
    pub const PREFIXES: [&'static str; 2] = [Self::NEW, Self::FIRST];
    const NEW: &'static str = "new@";
    const FIRST: &'static str = "first@";

    /// The prefix of the place in the [`name`](Self::name): `new@` for a class identified by its
    /// creation, `first@` by its first use. Empty for all others.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        match self {
            Self::Created(site) if !site.is_group() => Self::NEW,
            Self::FirstUsed(_) => Self::FIRST,
            Self::Created(_) | Self::Named(_) | Self::Anonymous => "",
        }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_becomes_a_site() {
        let here = std::panic::Location::caller();
        let site = Site::from(here);
        assert_eq!(
            (site.file.as_str(), site.line, site.column),
            (here.file(), here.line(), here.column())
        );
    }

    #[cfg(feature = "json")]
    #[test]
    fn mode_names_are_the_json_names() {
        for mode in AcquireMode::ALL {
            let json = serde_json::to_string(&mode).ok();
            assert_eq!(json, Some(format!("\"{mode}\"")));
        }
    }
}

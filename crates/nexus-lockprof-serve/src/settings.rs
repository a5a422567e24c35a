//! The settings that `/config` shows and changes.

use std::fmt;

use nexus_lockprof_snapshot::ProfilerMode;
use thiserror::Error;

/// Settings that a client can see and change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The profiler's mode.
    pub mode: ProfilerMode,
}

/// Displays as JSON: `{"mode":"sampled","budget":0.01}`, without a budget in modes that have none.
///
/// ```
/// use nexus_lockprof_serve::Settings;
/// use nexus_lockprof_snapshot::ProfilerMode;
///
/// let settings = Settings { mode: ProfilerMode::Sampled { budget: 0.02 } };
/// assert_eq!(settings.to_string(), r#"{"mode":"sampled","budget":0.02}"#);
/// ```
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"mode":"{}""#, self.mode.as_str())?;
        if let ProfilerMode::Sampled { budget } = self.mode {
            write!(f, r#","budget":{budget}"#)?;
        }
        f.write_str("}")
    }
}

/// The changes that the body of a `POST /config` requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// With the default budget.
    mode: Option<ProfilerMode>,
    /// Share of a thread's time.
    budget: Option<f64>,
}

/// An invalid change. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// An empty body.
    #[error(
        "nothing is asked for: mode=off|counts|sampled|exact, budget=SHARE, or both joined by &"
    )]
    Nothing,
    /// An unknown setting.
    #[error("{0:?} is no setting: mode, budget")]
    Unknown(String),
    /// A setting that occurs more than once.
    #[error("{0} is there twice")]
    Twice(&'static str),
    /// An unknown mode.
    #[error("mode={0:?} is not one of off, counts, sampled, exact")]
    Mode(String),
    /// Not a share of time.
    #[error("budget={0:?} is not a share of time such as 1% or 0.01")]
    Budget(String),
    /// A budget for a mode that has none.
    #[error("mode {0} has no budget: add mode=sampled")]
    NoBudget(&'static str),
}

impl Change {
    /// Reads a form: `mode=sampled&budget=2%`.
    ///
    /// # Errors
    /// [`SettingsError`] names what is wrong with it.
    ///
    /// ```
    /// use nexus_lockprof_serve::{Change, Settings};
    /// use nexus_lockprof_snapshot::ProfilerMode;
    ///
    /// let change = Change::parse(b"budget=2%25&mode=sampled")?;
    /// let after = change.apply(Settings { mode: ProfilerMode::Exact })?;
    /// assert_eq!(after.mode, ProfilerMode::Sampled { budget: 0.02 });
    /// assert_eq!(
    ///     Change::parse(b"mode=loud").unwrap_err().to_string(),
    ///     r#"mode="loud" is not one of off, counts, sampled, exact"#
    /// );
    /// # Ok::<(), nexus_lockprof_serve::SettingsError>(())
    /// ```
    pub fn parse(form: &[u8]) -> Result<Self, SettingsError> {
        let mut change = Change::default();
        for (name, value) in form_urlencoded::parse(form.trim_ascii()) {
            match &*name {
                "mode" => {
                    let mode = ProfilerMode::setting(&value, DEFAULT_BUDGET);
                    let mode = mode.ok_or_else(|| SettingsError::Mode(value.into_owned()))?;
                    once("mode", &mut change.mode, mode)?;
                }
                "budget" => {
                    let share = ProfilerMode::parse_budget(&value);
                    let share = share.ok_or_else(|| SettingsError::Budget(value.into_owned()))?;
                    once("budget", &mut change.budget, share)?;
                }
                _ => return Err(SettingsError::Unknown(name.into_owned())),
            }
        }
        if change == Change::default() {
            return Err(SettingsError::Nothing);
        }
        Ok(change)
    }

    /// Applies the change to `before`. An unchanged mode keeps its budget; a new one gets 1 % by
    /// default.
    ///
    /// # Errors
    /// [`SettingsError::NoBudget`].
    pub fn apply(&self, before: Settings) -> Result<Settings, SettingsError> {
        let mut mode = self.mode.unwrap_or(before.mode);
        match (&mut mode, before.mode, self.budget) {
            (ProfilerMode::Sampled { budget }, _, Some(new)) => *budget = new,
            (ProfilerMode::Sampled { budget }, ProfilerMode::Sampled { budget: old }, None) => {
                *budget = old;
            }
            (mode, _, Some(_)) => return Err(SettingsError::NoBudget(mode.as_str())),
            _ => {}
        }
        Ok(Settings { mode })
    }
}

/// The budget of a mode that is set without one.
const DEFAULT_BUDGET: f64 = 0.01;

fn once<T>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), SettingsError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SettingsError::Twice(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: ProfilerMode, form: &str, expected: Result<ProfilerMode, &str>) {
        let after = Change::parse(form.as_bytes())
            .and_then(|change| change.apply(Settings { mode: before }))
            .map(|settings| settings.mode)
            .map_err(|error| error.to_string());
        assert_eq!(after, expected.map_err(str::to_owned), "{form}");
    }

    #[test]
    fn changes() {
        use ProfilerMode::{Counts, Exact, Off, Sampled};
        let sampled = |budget| Sampled { budget };
        check(Exact, "mode=counts", Ok(Counts));
        check(Off, "mode=exact", Ok(Exact));
        check(Exact, "mode=off\n", Ok(Off));
        check(Exact, "mode=sampled", Ok(sampled(0.01)));
        check(sampled(0.05), "mode=sampled", Ok(sampled(0.05)));
        check(sampled(0.05), "budget=2%", Ok(sampled(0.02)));
        check(Exact, "budget=2%25&mode=sampled", Ok(sampled(0.02)));
        check(Exact, "mode=sampled&budget=0.1", Ok(sampled(0.1)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let exact = ProfilerMode::Exact;
        let nothing = "nothing is asked for: mode=off|counts|sampled|exact, budget=SHARE, or both joined by &";
        for (form, message) in [
            ("", nothing),
            ("&&", nothing),
            (
                "mode",
                r#"mode="" is not one of off, counts, sampled, exact"#,
            ),
            (
                "mode=Off",
                r#"mode="Off" is not one of off, counts, sampled, exact"#,
            ),
            (
                "mode=a%0Ab",
                r#"mode="a\nb" is not one of off, counts, sampled, exact"#,
            ),
            (
                "budget=2",
                r#"budget="2" is not a share of time such as 1% or 0.01"#,
            ),
            (
                "budget=NaN",
                r#"budget="NaN" is not a share of time such as 1% or 0.01"#,
            ),
            ("stacks=on", r#""stacks" is no setting: mode, budget"#),
            ("mode=exact&mode=off", "mode is there twice"),
            ("budget=2%", "mode exact has no budget: add mode=sampled"),
            (
                "mode=counts&budget=2%",
                "mode counts has no budget: add mode=sampled",
            ),
        ] {
            check(exact, form, Err(message));
        }
    }
}

//! Settings from the environment.

use crate::config::{Config, Mode};
use crate::process::endpoint;
use crate::stacks;
use nexus_lockprof_snapshot::{ProfilerMode, parse_duration};
use std::ffi::OsString;
use std::fmt::Arguments;
use std::time::Duration;

/// `off`, `counts`, `sampled` or `exact`.
const MODE: &str = "LOCKPROF";
/// `1%` or `0.01`: the budget of `sampled`.
const BUDGET: &str = "LOCKPROF_BUDGET";
/// File to which the last snapshot is written at exit, as JSON. `out` reads this variable and the
/// next.
pub(crate) const OUT: &str = "LOCKPROF_OUT";
/// `1s`: how often to write the file before that.
pub(crate) const EVERY: &str = "LOCKPROF_EVERY";
/// `on`, `addresses` or `off`.
const STACKS: &str = "LOCKPROF_STACKS";
/// `10s`: how long a wait lasts before an event tells of it; `off` for never.
const STUCK: &str = "LOCKPROF_STUCK";
/// `100ms`: how long a wait or a hold may take before stderr is told of it.
const SLOW: &str = "LOCKPROF_SLOW";
/// `unix` or `127.0.0.1:PORT`: where to serve. `nexus-lockprof-serve` reads it.
const SERVE: &str = "LOCKPROF_SERVE";

/// An environment variable, or `None` in a program with rights that its caller does not have. Those
/// come from set-user-ID, set-group-ID, or capabilities of its file. The caller controls the
/// environment of such a program, and also stderr, so nothing is reported.
#[must_use]
pub fn var_os(name: &str) -> Option<OsString> {
    if is_privileged() {
        return None;
    }
    std::env::var_os(name)
}

/// The name of the variable that says where to serve. Also its value, unless the program ignores
/// its environment.
#[must_use]
pub fn place() -> (&'static str, Option<OsString>) {
    (SERVE, var_os(SERVE))
}

/// Whether the program has set-user-ID or set-group-ID, or capabilities of its file.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_privileged() -> bool {
    // SAFETY: the call only reads a value that the kernel has given to the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The same on systems that keep a flag for it.
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "haiku"
))]
fn is_privileged() -> bool {
    // SAFETY: the call only reads a value of the process.
    unsafe { libc::issetugid() != 0 }
}

/// The same on other systems, where only the process's user and group IDs show it.
#[cfg(all(
    unix,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "haiku"
    ))
))]
fn is_privileged() -> bool {
    // SAFETY: the calls only read values of the process.
    unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() }
}

#[cfg(not(unix))]
fn is_privileged() -> bool {
    false
}

/// The default settings, changed by the environment. For a bad value it calls `complain` and keeps
/// the default.
pub(crate) fn config(
    var: impl Fn(&str) -> Option<OsString>,
    complain: &mut dyn FnMut(Arguments<'_>),
) -> Config {
    let budget = var(BUDGET).and_then(|value| {
        let parsed = value.to_str().and_then(ProfilerMode::parse_budget);
        if parsed.is_none() {
            complain(format_args!(
                "{BUDGET}={} is not a share of time such as 1% or 0.01: using 1%",
                value.display()
            ));
        }
        parsed
    });
    let sampled = budget.map_or(Mode::DEFAULT, |budget| Mode::Sampled { budget });
    let mode = var(MODE).map_or(sampled, |value| match value.to_str() {
        Some("off") => Mode::Off,
        Some("counts") => Mode::Counts,
        Some("sampled") => sampled,
        Some("exact") => Mode::Exact,
        _ => {
            complain(format_args!(
                "{MODE}={} is not one of off, counts, sampled, exact: using sampled",
                value.display()
            ));
            sampled
        }
    });
    no_effect(&var, complain);
    let stacks = var(STACKS).is_some_and(|value| match value.to_str() {
        Some("on") if stacks::SUPPORTED => true,
        Some("addresses") if stacks::SUPPORTED => {
            stacks::leave_addresses();
            true
        }
        Some(asked @ ("on" | "addresses")) => {
            complain(format_args!(
                "{STACKS}={asked} has no effect: the program was built without the feature `stacks`"
            ));
            false
        }
        Some("off") => false,
        _ => {
            complain(format_args!(
                "{STACKS}={} is not one of on, addresses, off: using off",
                value.display()
            ));
            false
        }
    });
    let slow = var(SLOW).and_then(|value| {
        let parsed = value.to_str().and_then(parse_duration);
        let parsed = parsed.filter(|time| !time.is_zero());
        if parsed.is_none() {
            complain(format_args!(
                "{SLOW}={} is not a time such as 100ms, 1s or 2m: slow waits and holds are not reported",
                value.display()
            ));
        }
        parsed
    });
    let config = Config::default().mode(mode).stacks(stacks);
    let config = match slow {
        Some(threshold) => config.report_slow(threshold),
        None => config,
    };
    match var(STUCK) {
        None => config,
        Some(value) => match value.to_str().and_then(stuck) {
            Some(after) => config.stuck(after),
            None => {
                complain(format_args!(
                    "{STUCK}={} is not a time such as 10s, nor off: using 10s",
                    value.display()
                ));
                config
            }
        },
    }
}

/// A time, which is 0 for never.
fn stuck(value: &str) -> Option<Duration> {
    match value.trim() {
        "off" | "0" => Some(Duration::ZERO),
        time => parse_duration(time),
    }
}

/// Complains of settings in the environment that the program has overruled without reading them.
pub(crate) fn ignored(
    var: impl Fn(&str) -> Option<OsString>,
    complain: &mut dyn FnMut(Arguments<'_>),
) {
    no_effect(&var, complain);
    for name in [MODE, BUDGET, STACKS, SLOW, STUCK] {
        if let Some(value) = var(name) {
            complain(format_args!(
                "{name}={} is ignored: the program has settings of its own",
                value.display()
            ));
        }
    }
}

/// Complains of settings that this program cannot follow.
fn no_effect(var: &impl Fn(&str) -> Option<OsString>, complain: &mut dyn FnMut(Arguments<'_>)) {
    const MISSING: &str = if cfg!(unix) {
        "no endpoint is in the program: build it with the feature `serve`"
    } else {
        "there is no endpoint on this platform"
    };
    if let Some(value) = var(SERVE).filter(|_| !endpoint::is_installed()) {
        complain(format_args!(
            "{SERVE}={} has no effect: {MISSING}",
            value.display()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vars: &[(&str, &str)], mode: Mode, complaints: &[&str]) {
        let mut said = Vec::new();
        let config = config(
            |name| {
                vars.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).into())
            },
            &mut |message| said.push(message.to_string()),
        );
        assert_eq!(config.mode, mode, "{vars:?}");
        assert_eq!(said, complaints, "{vars:?}");
    }

    #[test]
    fn the_environment_sets_the_mode() {
        let sampled = |budget| Mode::Sampled { budget };
        check(&[], sampled(0.01), &[]);
        check(&[("LOCKPROF", "off")], Mode::Off, &[]);
        check(&[("LOCKPROF", "counts")], Mode::Counts, &[]);
        check(&[("LOCKPROF", "exact")], Mode::Exact, &[]);
        check(&[("LOCKPROF", "sampled")], sampled(0.01), &[]);
        check(&[("LOCKPROF_BUDGET", "5%")], sampled(0.05), &[]);
        check(&[("LOCKPROF_BUDGET", "0.002")], sampled(0.002), &[]);
        check(&[("LOCKPROF_BUDGET", " 2 % ")], sampled(0.02), &[]);
    }

    #[test]
    fn a_bad_value_is_named_and_the_default_stays() {
        let default = Mode::DEFAULT;
        check(
            &[("LOCKPROF", "on")],
            default,
            &["LOCKPROF=on is not one of off, counts, sampled, exact: using sampled"],
        );
        for bad in ["", "0", "-1%", "101%", "NaN", "1,5%", "one"] {
            check(
                &[("LOCKPROF_BUDGET", bad)],
                default,
                &[&format!(
                    "LOCKPROF_BUDGET={bad} is not a share of time such as 1% or 0.01: using 1%"
                )],
            );
        }
        let without = "LOCKPROF_SERVE=unix has no effect: no endpoint is in the program: build it with the feature `serve`";
        check(&[("LOCKPROF_SERVE", "unix")], default, &[without]);
    }

    #[test]
    fn stacks_are_asked_for() {
        let ask = |value: &'static str| {
            let mut said = Vec::new();
            let config = config(
                |name| (name == STACKS).then(|| value.into()),
                &mut |message| said.push(message.to_string()),
            );
            (config == Config::default().stacks(true), said)
        };
        assert_eq!(ask("off"), (false, Vec::new()));
        let said = if stacks::SUPPORTED {
            Vec::new()
        } else {
            vec![
                "LOCKPROF_STACKS=on has no effect: the program was built without the feature `stacks`"
                    .to_owned(),
            ]
        };
        assert_eq!(ask("on"), (stacks::SUPPORTED, said));
        let said = "LOCKPROF_STACKS=1 is not one of on, addresses, off: using off";
        assert_eq!(ask("1"), (false, vec![said.to_owned()]));
    }

    #[test]
    fn the_environment_says_when_a_wait_is_stuck() {
        let ask = |value: &'static str| {
            let mut said = Vec::new();
            let config = config(
                |name| (name == STUCK).then(|| value.into()),
                &mut |message| said.push(message.to_string()),
            );
            (config.stuck, said)
        };
        let s = Duration::from_secs;
        assert_eq!(Config::default().stuck, Some(s(10)));
        for (value, stuck) in [
            ("3s", Some(s(3))),
            (" 1m ", Some(s(60))),
            ("off", None),
            ("0", None),
            ("0s", None),
        ] {
            assert_eq!(ask(value), (stuck, Vec::new()), "{value}");
        }
        for bad in ["", "10", "soon"] {
            let said =
                format!("LOCKPROF_STUCK={bad} is not a time such as 10s, nor off: using 10s");
            assert_eq!(ask(bad), (Some(s(10)), vec![said]));
        }
    }

    #[test]
    fn the_environment_says_what_is_slow() {
        let ask = |value: &'static str| {
            let mut said = Vec::new();
            let config = config(
                |name| (name == SLOW).then(|| value.into()),
                &mut |message| said.push(message.to_string()),
            );
            (config.slow, config.slow_lines, said)
        };
        let ms = std::time::Duration::from_millis;
        assert_eq!(ask("100ms"), (Some(ms(100)), true, Vec::new()));
        assert_eq!(ask(" 1.5 s"), (Some(ms(1_500)), true, Vec::new()));
        for bad in ["", "0s", "-1s", "100", "1h", "off"] {
            let said = format!(
                "LOCKPROF_SLOW={bad} is not a time such as 100ms, 1s or 2m: slow waits and holds are not reported"
            );
            assert_eq!(ask(bad), (None, false, vec![said]));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_named_too() {
        use std::os::unix::ffi::OsStringExt;
        let mut said = Vec::new();
        config(
            |name| (name == "LOCKPROF").then(|| OsString::from_vec(vec![0xFF])),
            &mut |message| said.push(message.to_string()),
        );
        assert_eq!(
            said,
            ["LOCKPROF=\u{FFFD} is not one of off, counts, sampled, exact: using sampled"]
        );
    }
}

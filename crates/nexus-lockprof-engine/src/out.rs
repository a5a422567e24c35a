//! The file that the environment asks for: written at exit, and as often as it says.

use crate::control::Control;
use crate::core::GLOBAL;
use crate::engine::Engine;
use crate::env::{EVERY, OUT};
use crate::exclusive::lock;
use crate::process::no_signals;
use crate::say;
use crate::thread;
use crate::unwind::caught;
use nexus_lockprof_snapshot::Snapshot;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Where snapshots go, and which process was told so.
static TOLD: OnceLock<(Template, u32)> = OnceLock::new();

/// Locked while the file is being written; whether that was the last time. The one at exit must not be replaced by an
/// older one.
static WRITTEN_LAST: Mutex<bool> = Mutex::new(false);

/// Reads what the environment says of a file, at the global engine's first use; once in a process.
pub(crate) fn watch() {
    let every = std::env::var_os(EVERY).and_then(|value| {
        let parsed = value.to_str().and_then(parse_time);
        if parsed.is_none() {
            say(format_args!(
                "{EVERY}={} is not a time such as 500ms, 1s or 2m: the snapshot is written at exit only",
                value.display()
            ));
        }
        parsed
    });
    let Some(path) = std::env::var_os(OUT).filter(|path| {
        if path.is_empty() {
            say(format_args!(
                "{OUT} is empty: no snapshot is written at exit"
            ));
        }
        !path.is_empty()
    }) else {
        if every.is_some() && std::env::var_os(OUT).is_none() {
            say(format_args!("{EVERY} is ignored: {OUT} names no file"));
        }
        return;
    };
    if TOLD.set((Template(path), std::process::id())).is_err() {
        return;
    }
    at_exit();
    if let Some(every) = every {
        write_every(every);
    }
}

#[cfg(any(unix, windows))]
fn at_exit() {
    extern "C" fn write_last() {
        // The thread-locals of the exiting thread are gone by now, and other threads may still run: a
        // snapshot needs neither.
        // In a child that was forked off nobody else writes; and the thread that had it locked may not be there.
        let last = (!is_child()).then(|| lock(&WRITTEN_LAST));
        write(Engine::snapshot);
        if let Some(mut last) = last {
            *last = true;
        }
    }
    // SAFETY: `write_last` does not unwind, and is there until the process ends.
    if unsafe { libc::atexit(write_last) } != 0 {
        say(format_args!("{OUT}: exit handlers are full"));
    }
}

#[cfg(not(any(unix, windows)))]
fn at_exit() {
    say(format_args!("{OUT}: not supported on this platform"));
}

/// Starts the thread that writes the file so often. A process that is forked off has no such thread.
fn write_every(every: Duration) {
    let started = std::thread::Builder::new()
        .name("lockprof-out".into())
        .spawn(move || {
            no_signals();
            thread::make_own();
            loop {
                std::thread::sleep(every);
                let last = lock(&WRITTEN_LAST);
                if *last {
                    return;
                }
                // Whoever configures meanwhile would have to be waited for.
                if GLOBAL.control() != Control::UNCONFIGURED {
                    write(Engine::glance);
                }
            }
        });
    if let Err(error) = started {
        say(format_args!(
            "{EVERY}: no thread for it, so the snapshot is written at exit only: {error}"
        ));
    }
}

/// Writes the file. What is wrong with it is wrong each time, and said once. Does not unwind: it is called from C.
fn write(take: fn(&Engine) -> Snapshot) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let complain = |message: std::fmt::Arguments<'_>| {
        // A child's file is another.
        if !SAID.swap(true, Relaxed) || is_child() {
            say(message);
        }
    };
    let written = caught(|| {
        let (template, _) = TOLD.get()?;
        let pid = std::process::id();
        let mut path = template.path(pid, &program());
        if is_child() && !template.names_process() {
            // A forked child: its profile goes beside its parent's, not over it.
            path.as_mut_os_string().push(format!(".{pid}"));
        }
        let snapshot = take(&Engine::global());
        let is_binary = path.extension().is_some_and(|ending| ending == "lockprof");
        Some(if is_binary {
            snapshot.write_file(path)
        } else {
            snapshot.write_json_file(path)
        })
    });
    match written {
        Some(None | Some(Ok(()))) => {}
        Some(Some(Err(error))) => complain(format_args!("{OUT}: {error}")),
        None => complain(format_args!("{OUT}: writing the snapshot panicked")),
    }
}

/// Whether this process was forked off from the one that was told where to write.
fn is_child() -> bool {
    TOLD.get()
        .is_some_and(|(_, told)| *told != std::process::id())
}

/// The file name of the program.
fn program() -> OsString {
    let path = std::env::current_exe().ok();
    let path = path.or_else(|| std::env::args_os().next().map(PathBuf::from));
    let name = path.and_then(|path| path.file_name().map(OsStr::to_owned));
    name.unwrap_or_else(|| "program".into())
}

/// The path as the environment has it: `%p` is the process, `%e` the program, `%%` a percent sign.
/// Any other character after a percent sign means both as they are.
#[derive(Debug)]
struct Template(OsString);

/// What a path is made of.
enum Part<'a> {
    Text(&'a OsStr),
    Process,
    Program,
}

impl Template {
    fn parts(&self) -> Vec<Part<'_>> {
        let text = |bytes| {
            // SAFETY: what `as_encoded_bytes` gave, cut only before and after ASCII characters.
            Part::Text(unsafe { OsStr::from_encoded_bytes_unchecked(bytes) })
        };
        let mut parts = Vec::new();
        let mut rest = self.0.as_encoded_bytes();
        let mut from = 0;
        while let Some(found) = rest
            .get(from..)
            .and_then(|r| r.iter().position(|&b| b == b'%'))
        {
            let at = from + found;
            let part = match rest.get(at + 1) {
                Some(b'p') => Part::Process,
                Some(b'e') => Part::Program,
                Some(b'%') => text(b"%"),
                _ => {
                    from = at + 1;
                    continue;
                }
            };
            parts.push(text(&rest[..at]));
            parts.push(part);
            rest = &rest[at + 2..];
            from = 0;
        }
        parts.push(text(rest));
        parts
    }

    fn names_process(&self) -> bool {
        let parts = self.parts();
        parts.iter().any(|part| matches!(part, Part::Process))
    }

    fn path(&self, pid: u32, program: &OsStr) -> PathBuf {
        let mut path = OsString::new();
        for part in self.parts() {
            match part {
                Part::Text(text) => path.push(text),
                Part::Process => path.push(pid.to_string()),
                Part::Program => path.push(program),
            }
        }
        path.into()
    }
}

/// A number above 0 with its unit: `ms`, `s` or `m`.
fn parse_time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let time =
        Duration::try_from_secs_f64(number.trim_end().parse::<f64>().ok()? * seconds).ok()?;
    // A thread that never sleeps would do nothing else.
    (time >= Duration::from_millis(1)).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_process_and_program() {
        for (template, path, names_process) in [
            ("locks.json", "locks.json", false),
            ("/tmp/%e.%p.json", "/tmp/prog.42.json", true),
            ("%p%p", "4242", true),
            ("100%%p", "100%p", false),
            ("%%%p", "%42", true),
            ("50% %x%", "50% %x%", false),
            ("größe-%e", "größe-prog", false),
            ("", "", false),
        ] {
            let template = Template(template.into());
            assert_eq!(
                template.path(42, OsStr::new("prog")),
                PathBuf::from(path),
                "{template:?}"
            );
            assert_eq!(template.names_process(), names_process, "{template:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_stays_as_it_is() {
        use std::os::unix::ffi::OsStringExt;
        let template = Template(OsString::from_vec(b"\xFF%p\xFE".to_vec()));
        let path = template.path(7, OsStr::new("prog"));
        assert_eq!(path.into_os_string().into_vec(), b"\xFF7\xFE".to_vec());
    }

    #[test]
    fn times() {
        for (text, ms) in [
            ("1s", Some(1_000)),
            ("250ms", Some(250)),
            (" 2 m ", Some(120_000)),
            ("0.5s", Some(500)),
            ("0s", None),
            ("0.1ms", None),
            ("-1s", None),
            ("1", None),
            ("s", None),
            ("", None),
            ("1h", None),
            ("NaNs", None),
            ("infs", None),
            ("1e300m", None),
        ] {
            assert_eq!(parse_time(text), ms.map(Duration::from_millis), "{text}");
        }
    }
}

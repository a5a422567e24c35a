//! The file that the environment asks for, written at exit and at the given interval.

mod claim;
mod device;
mod place;
mod quiet;
mod template;

use crate::control::Control;
use crate::core::GLOBAL;
use crate::engine::Engine;
use crate::process::due;
use crate::process::env::{self, EVERY, OUT};
use crate::process::exclusive::lock;
use crate::process::internal_thread::make_thread_internal;
use crate::process::race_once::RaceOnce;
use crate::process::start;
use crate::process::stderr::say;
use crate::process::unwind::caught;
use nexus_lockprof_snapshot::{Snapshot, parse_duration};
use place::OutFile;
use quiet::Quiet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use template::Template;

#[cfg(unix)]
pub(crate) use claim::after_fork;

/// Settings from the environment.
struct Settings {
    template: Template,
    /// The folder for a relative path.
    folder: Option<PathBuf>,
    every: Option<Every>,
}

/// How often to write the file before the exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Every {
    time: Duration,
    /// Start only when a second thread uses a lock, so that a program with one thread does not get
    /// another.
    threaded: bool,
}

static SETTINGS: RaceOnce<Settings> = RaceOnce::new();

/// A process's writer of the file.
struct Writer {
    /// The process. A forked process gets its own writer, because a thread that it does not have
    /// may have locked its parent's.
    pid: u32,
    is_child: bool,
    file: Mutex<File>,
}

/// Locked during a write.
#[derive(Default)]
struct File {
    place: Option<OutFile>,
    /// The write at exit is done. An older snapshot must not replace its file.
    is_last: bool,
    /// An error occurs each time, but is reported once.
    said: bool,
}

static WRITER: RaceOnce<Writer> = RaceOnce::new();

/// Reads the environment's settings for the file, at the global engine's first use.
pub(crate) fn install() {
    let every = env::var_os(EVERY).and_then(|value| {
        let parsed = value.to_str().and_then(Every::parse);
        if parsed.is_none() {
            say(format_args!(
                "{EVERY}={} is not a time such as 500ms, 1s or 2m, or 1s,threaded: the snapshot is written at exit only",
                value.display()
            ));
        }
        parsed
    });
    let path = match env::var_os(OUT) {
        Some(path) if !path.is_empty() => path,
        Some(_) => {
            return say(format_args!(
                "{OUT} is empty: no snapshot is written at exit"
            ));
        }
        None => {
            if every.is_some() {
                say(format_args!("{EVERY} is ignored: {OUT} names no file"));
            }
            return;
        }
    };
    let settings = SETTINGS.set(Settings {
        template: Template(path),
        folder: start::folder(),
        every,
    });
    let writer = writer();
    lock(&writer.file).place(writer, settings);
    at_exit();
    if every.is_some() {
        due::await_first_lock();
    }
    match every {
        Some(every) if every.threaded => due::await_second_thread(),
        Some(every) => write_every(every.time),
        None => {}
    }
}

fn every(threaded: bool) -> Option<Duration> {
    let every = SETTINGS.get()?.every?;
    (every.threaded == threaded).then_some(every.time)
}

/// Whether [`start_again`] starts a thread.
#[cfg(unix)]
pub(crate) fn has_thread() -> bool {
    every(false).is_some()
}

/// Whether [`start_threaded`] starts a thread.
#[cfg(unix)]
pub(crate) fn awaits_second_thread() -> bool {
    every(true).is_some()
}

/// Whether to write a file before the exit.
#[cfg(unix)]
pub(crate) fn is_periodic() -> bool {
    SETTINGS
        .get()
        .is_some_and(|settings| settings.every.is_some())
}

/// Writes the file at the first lock. A process may end in its first period, or have no thread that
/// writes, and end by a signal, `abort` or `_exit`. Then this file at least shows that the process
/// existed.
pub(crate) fn write_first() {
    write(Engine::peek, false);
}

/// Whether to write a file.
#[cfg(unix)]
pub(crate) fn is_asked_for() -> bool {
    SETTINGS.get().is_some()
}

/// Starts the thread in a forked process.
pub(crate) fn start_again() {
    if let Some(every) = every(false) {
        write_every(every);
    }
}

/// Starts the thread in a program in which two threads use locks.
pub(crate) fn start_threaded() {
    if let Some(every) = every(true) {
        write_every(every);
    }
}

#[cfg(any(unix, windows))]
fn at_exit() {
    extern "C" fn write_last() {
        // The exiting thread's thread-locals are gone by now, and other threads may still run. A
        // snapshot needs neither.
        write(Engine::last_snapshot, true);
    }
    static IS_SET: AtomicBool = AtomicBool::new(false);
    if IS_SET.load(Relaxed) {
        return;
    }
    // SAFETY: `write_last` does not unwind, and exists until the process ends.
    if unsafe { libc::atexit(write_last) } != 0 {
        say(format_args!("{OUT}: exit handlers are full"));
    }
    // Set only now: a child forked in between also sets the exit handler. If it is set twice, it
    // writes once.
    IS_SET.store(true, Relaxed);
}

#[cfg(not(any(unix, windows)))]
fn at_exit() {
    say(format_args!("{OUT}: not supported on this platform"));
}

/// Starts the thread that writes the file at this interval.
fn write_every(every: Duration) {
    let started = std::thread::Builder::new()
        .name("lockprof-out".into())
        .spawn(move || {
            make_thread_internal();
            loop {
                std::thread::sleep(every);
                // Writing now would wait for the thread that is configuring.
                if GLOBAL.control() != Control::UNCONFIGURED && write(Engine::peek, false) {
                    return;
                }
            }
        });
    if let Err(error) = started {
        say(format_args!(
            "{EVERY}: no thread for it, so the snapshot is written at exit only: {error}"
        ));
    }
}

/// Writes the file, unless the last write is done. Returns whether the last write is done now. Does
/// not unwind, because C code calls it.
fn write(take: fn(&Engine) -> Snapshot, is_last: bool) -> bool {
    let written = caught(|| {
        let Some(settings) = SETTINGS.get() else {
            return true;
        };
        // The process has used no lock, so its parent reports what it has.
        if due::has_parents_counts() {
            return is_last;
        }
        let writer = writer();
        let mut file = lock(&writer.file);
        if file.is_last {
            return true;
        }
        file.is_last = is_last;
        // Blocks the signals that would end the program if something is wrong with the file, such
        // as its size limit.
        let quiet = Quiet::begin();
        let snapshot = take(&Engine::global());
        let written = file.place(writer, settings).write(&snapshot);
        drop(quiet);
        if let Err(error) = written {
            file.complain(format_args!("{OUT}: {error}"));
        }
        is_last
    });
    written.unwrap_or_else(|| {
        static SAID: AtomicBool = AtomicBool::new(false);
        if !SAID.swap(true, Relaxed) {
            say(format_args!("{OUT}: writing the snapshot panicked"));
        }
        is_last
    })
}

/// This process's writer.
fn writer() -> &'static Writer {
    let pid = std::process::id();
    match WRITER.get() {
        Some(writer) if writer.pid == pid => writer,
        parents => WRITER.replace(
            parents,
            Writer {
                pid,
                is_child: parents.is_some(),
                file: Mutex::default(),
            },
        ),
    }
}

impl File {
    /// This process's file.
    fn place(&mut self, writer: &Writer, settings: &Settings) -> &mut OutFile {
        self.place.get_or_insert_with(|| {
            let path = settings.template.path(writer.pid, &program());
            let path = match &settings.folder {
                Some(folder) => folder.join(path),
                None => path,
            };
            // A child's file stands beside its parent's, not in its place.
            let is_beside = writer.is_child && !settings.template.names_process();
            OutFile::new(path, writer.pid, is_beside, start::time_ns())
        })
    }

    fn complain(&mut self, message: std::fmt::Arguments<'_>) {
        if !std::mem::replace(&mut self.said, true) {
            say(message);
        }
    }
}

/// The program's file name.
fn program() -> OsString {
    let path = std::env::current_exe().ok();
    let path = path.or_else(|| std::env::args_os().next().map(PathBuf::from));
    let name = path.and_then(|path| path.file_name().map(OsStr::to_owned));
    name.unwrap_or_else(|| "program".into())
}

impl Every {
    /// Parses a time, with or without `,threaded`.
    fn parse(text: &str) -> Option<Self> {
        let (time, threaded) = match text.split_once(',') {
            Some((time, how)) if how.trim() == "threaded" => (time, true),
            Some(_) => return None,
            None => (text, false),
        };
        let time = parse_time(time)?;
        Some(Every { time, threaded })
    }
}

/// Parses a time that a thread can sleep. A thread that never sleeps would do nothing else.
fn parse_time(text: &str) -> Option<Duration> {
    parse_duration(text).filter(|time| *time >= Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (text, every) in [
            ("1s", Some((1, false))),
            ("1s,threaded", Some((1, true))),
            ("2s, threaded ", Some((2, true))),
            ("1s,", None),
            ("1s,thread", None),
            (",threaded", None),
        ] {
            let every = every.map(|(seconds, threaded)| Every {
                time: Duration::from_secs(seconds),
                threaded,
            });
            assert_eq!(Every::parse(text), every, "{text}");
        }
    }
}

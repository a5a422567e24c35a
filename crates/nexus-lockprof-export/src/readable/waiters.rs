//! Who waits for a lock, and who holds it, as lines of text.
//!
//! `lockprof report` and `top` show the same lines. The page writes the same words in its own
//! language.

use std::collections::BTreeMap;

use nexus_lockprof_snapshot::{AcquireMode, Holder, Lock, Site, Snapshot, Text, Thread, Waiter};

use super::{fit, names, number, place};

/// Waiters shown of one lock.
const OF_ONE_LOCK: usize = 6;
/// The longest name of a thread shown, in terminal columns. Linux keeps 15 bytes of it.
const LONGEST_THREAD: usize = 15;

/// The subject of a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A lock, and who holds it.
    Lock,
    /// One of those who wait for it.
    Waiter,
    /// How many are not shown.
    Rest,
}

/// One line about waiters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its subject.
    pub kind: LineKind,
    /// The text, without a line end.
    pub text: String,
}

/// Those who wait for one lock, the longest wait first.
struct Group<'a> {
    lock: &'a Lock,
    holder: Option<&'a Holder>,
    waiters: Vec<&'a Waiter>,
}

/// The waiters of a snapshot by lock, and who holds each: at most `most` lines of at most `width`
/// terminal columns, 60 or more. The lock with the longest wait comes first. Empty if
/// nobody waits.
///
/// ```
/// use nexus_lockprof_export::readable::waiters;
/// use nexus_lockprof_snapshot::{AcquireMode, Holder, Lock, Site, Snapshot, SnapshotParts, Thread, Waiter};
///
/// let thread = |id, name: &str| Some(Thread { id, name: Some(name.into()) });
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     waiters: vec![Waiter {
///         thread: thread(4712, "report"),
///         lock: Lock::Named("accounts".into()),
///         address: 0x1000,
///         mode: AcquireMode::Exclusive,
///         site: Site::new("src/main.rs", 24, 9),
///         waited_ns: 3_000_000_000,
///         handed: false,
///         holder: Some(Holder {
///             thread: thread(4711, "transfer"),
///             exited: false,
///             mode: AcquireMode::Exclusive,
///             site: Site::new("src/main.rs", 17, 9),
///             held_ns: None,
///         }),
///     }],
///     ..SnapshotParts::default()
/// });
/// let lines: Vec<String> = waiters::lines(&snapshot, 80, 10).into_iter().map(|line| line.text).collect();
/// assert_eq!(lines, [
///     "accounts: held by transfer (4711) at src/main.rs:17",
///     "    3.00s  report (4712)  src/main.rs:24",
/// ]);
/// ```
#[must_use]
pub fn lines(snapshot: &Snapshot, width: usize, most: usize) -> Vec<Line> {
    let groups = groups(snapshot.waiters());
    let mut lines = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let later = groups.get(number + 1..).unwrap_or_default();
        // The last line counts the locks that are not shown.
        let room = most.saturating_sub(lines.len() + usize::from(!later.is_empty()));
        let head = fit::wrapped(&group.head(width), width);
        let head: Vec<&str> = head.lines().collect();
        if number > 0 && room < head.len() + group.waiters.len().min(2) {
            lines.push(rest(groups.get(number..).unwrap_or_default()));
            break;
        }
        lines.extend(head.iter().map(|text| line(LineKind::Lock, *text)));
        lines.extend(group.rows(width, room.saturating_sub(head.len())));
    }
    lines
}

/// How many threads and tasks wait: `3 threads and 1 task`.
#[must_use]
pub fn count(waiters: &[Waiter]) -> String {
    let tasks = waiters.iter().filter(|waiter| waiter.thread.is_none());
    let tasks = tasks.count() as u64;
    let threads = waiters.len() as u64 - tasks;
    match (threads, tasks) {
        (threads, 0) => number::plural(threads, "thread"),
        (0, tasks) => number::plural(tasks, "task"),
        (threads, tasks) => format!(
            "{} and {}",
            number::plural(threads, "thread"),
            number::plural(tasks, "task")
        ),
    }
}

/// The waiters by lock. They come with the longest wait first, and so do the groups.
fn groups(waiters: &[Waiter]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known = BTreeMap::new();
    for waiter in waiters {
        let holder = waiter.holder.as_ref();
        // A merge has locks of several processes at one address. How long it is held does not
        // matter: each waiter has a reading of its own.
        let held = holder.map(|holder| (&holder.thread, holder.exited, &holder.site));
        let key = (&waiter.lock, waiter.address, held);
        let number = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(number) {
            Some(group) => group.waiters.push(waiter),
            None => groups.push(Group {
                lock: &waiter.lock,
                holder,
                waiters: vec![waiter],
            }),
        }
    }
    groups
}

impl Group<'_> {
    fn head(&self, width: usize) -> String {
        let is_place = self.lock.site().is_some();
        let name = names::shown(&place::lock(self.lock, place::line));
        let held = match self.holder {
            None => "who holds it is not known".to_owned(),
            Some(holder) => held(holder, width),
        };
        format!("{}: {held}", fitted(&name, is_place, width))
    }

    /// A line for each waiter, and one that counts the rest: at most `most`.
    fn rows(&self, width: usize, most: usize) -> Vec<Line> {
        let all = self.waiters.len();
        let shown = match most.min(OF_ONE_LOCK) {
            room if all <= room => all,
            room => room.saturating_sub(1),
        };
        let waiters = self.waiters.get(..shown).unwrap_or_default();
        let cells: Vec<[String; 2]> = waiters
            .iter()
            .map(|waiter| [number::age(waiter.waited_ns), waiting(waiter)])
            .collect();
        let widest = |column: usize| {
            let cells = cells.iter().filter_map(|cells| cells.get(column));
            cells.map(|cell| fit::width(cell)).max().unwrap_or(0)
        };
        let (age, who) = (widest(0), widest(1));
        let sites: Vec<String> = waiters
            .iter()
            .map(|waiter| names::shown(&place::line(&waiter.site)))
            .collect();
        let sites: Vec<(&str, bool)> = sites.iter().map(|site| (site.as_str(), true)).collect();
        // What stands between the columns.
        let taken = INDENT.len() + age + 2 + who + 2 + MODE;
        let sites = fit::column(&sites, width.saturating_sub(taken));
        let rows = waiters.iter().zip(&cells).zip(sites);
        let rows = rows.map(|((waiter, [waited, thread]), site)| {
            let text = format!(
                "{INDENT}{}  {}  {site}{}",
                fit::padded(waited, age, true),
                fit::padded(thread, who, false),
                mode(waiter.mode)
            );
            line(LineKind::Waiter, text)
        });
        let mut lines: Vec<Line> = rows.collect();
        match (all - shown) as u64 {
            0 => {}
            more if shown == 0 => lines.push(line(
                LineKind::Rest,
                format!("{INDENT}{} waiting", number::count(more)),
            )),
            more => lines.push(line(
                LineKind::Rest,
                format!("{INDENT}... and {} more", number::count(more)),
            )),
        }
        lines
    }
}

const INDENT: &str = "    ";
/// The width of a mode in parentheses.
const MODE: usize = " (sh)".len();

fn line(kind: LineKind, text: impl Into<String>) -> Line {
    Line {
        kind,
        text: text.into(),
    }
}

/// Counts those who wait for locks that are not shown.
fn rest(groups: &[Group<'_>]) -> Line {
    let waiters: usize = groups.iter().map(|group| group.waiters.len()).sum();
    let locks = match groups.len() {
        1 => "another lock".to_owned(),
        locks => format!("{} other locks", number::count(locks as u64)),
    };
    let text = format!(
        "... and {} more, waiting for {locks}",
        number::count(waiters as u64)
    );
    line(LineKind::Rest, text)
}

/// Who holds a lock, where, and since when if that is known.
fn held(holder: &Holder, width: usize) -> String {
    if holder.site == Site::readers() {
        return "held by readers".to_owned();
    }
    let thread = match (&holder.thread, holder.exited) {
        (_, true) => "a thread that has exited".to_owned(),
        (Some(thread), _) => shown(thread),
        (None, _) => "an unknown thread".to_owned(),
    };
    let thread = match holder.mode {
        AcquireMode::Exclusive => thread,
        AcquireMode::Shared => format!("readers, the latest {thread}"),
        AcquireMode::Upgradable => format!("an upgradable reader, {thread}"),
    };
    let since = holder
        .held_ns
        .map(|ns| format!(", for {}", number::age(ns)));
    let site = names::shown(&place::line(&holder.site));
    format!(
        "held by {thread} at {}{}",
        fitted(&site, true, width),
        since.unwrap_or_default()
    )
}

/// A name or path that fits into a wrapped line.
fn fitted(text: &str, is_path: bool, width: usize) -> String {
    /// Of a continued line, and the sign behind the word.
    const MARGIN: usize = 3;
    let fitted = fit::column(&[(text, is_path)], width.saturating_sub(MARGIN));
    fitted.into_iter().collect()
}

/// Who waits.
fn waiting(waiter: &Waiter) -> String {
    match &waiter.thread {
        Some(thread) => shown(thread),
        None if waiter.handed => "a task that was given it".to_owned(),
        None => "a task".to_owned(),
    }
}

fn shown(thread: &Thread) -> String {
    let fitted = |name: &Text| fit::middle(&names::shown(name), LONGEST_THREAD).into();
    let name = thread.name.as_ref().map(fitted);
    Thread { name, ..*thread }.to_string()
}

/// In which mode it waits, where that is not the usual one.
fn mode(mode: AcquireMode) -> String {
    match mode {
        AcquireMode::Exclusive => String::new(),
        mode => format!(" ({})", names::mode(mode)),
    }
}

//! The state of `lockprof top`. Only reports from the target, keys and the passing of time change
//! it. It has no terminal, no clock and no target.

mod buckets;
mod column;
mod data;
mod dialog;
mod figures;
mod history;
mod key;
mod keys;
mod list;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod waiters;

pub(crate) use buckets::{Bucket, buckets};
pub(crate) use column::Column;
pub(crate) use data::{Data, Label, Step};
pub(crate) use dialog::{Dialog, MODES};
pub(crate) use figures::Figures;
pub(crate) use history::{History, TrendSample};
pub(crate) use key::Key;
pub(crate) use keys::Effect;
pub(crate) use list::ListState;
pub(crate) use table::TableState;
pub(crate) use view::View;
pub(crate) use waiters::WaitersPane;

use nexus_lockprof_snapshot::{Lock, Point, Snapshot};
use std::sync::Arc;
use std::time::Duration;

/// Time since the program's start.
pub(crate) type Uptime = Duration;

/// A command to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Reset the statistics.
    Reset,
    /// Change the settings: `mode=exact`, `budget=2%`.
    Set(String),
}

/// A report about the target.
#[derive(Debug)]
pub(crate) enum Report {
    /// It answers.
    Connected {
        /// Its name.
        name: String,
        /// Whether it is a file, which does not change.
        is_static: bool,
    },
    /// Its snapshot.
    Snapshot(Box<Snapshot>),
    /// It does not answer, for this reason.
    Gone(String),
    /// It carried out a command.
    Done(Command),
    /// It refused a command, for this reason.
    Refused(Command, String),
}

/// Whether the target answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not yet.
    Connecting,
    /// Yes.
    Live,
    /// Not any more, or never.
    Gone {
        /// The time at which it was first missing.
        since: Uptime,
        /// Its last error.
        why: String,
    },
    /// It is a file, and was read.
    Static,
}

/// A message for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The text.
    pub(crate) text: String,
    /// Whether it is an error.
    pub(crate) is_error: bool,
    /// When it disappears.
    until: Uptime,
}

/// The initial settings.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The target's name until it reports one.
    pub(crate) target: String,
    /// The time between two snapshots.
    pub(crate) interval: Duration,
    /// The column to sort by.
    pub(crate) sort: Column,
    /// Words that the names of all rows contain.
    pub(crate) filter: String,
}

/// The whole state.
#[derive(Debug)]
pub(crate) struct State {
    setup: Setup,
    is_static: bool,
    link: Link,
    now: Uptime,
    /// When the last snapshot came.
    heard: Option<Uptime>,
    latest: Option<Arc<Data>>,
    history: History,
    /// The data shown while paused.
    paused: Option<Paused>,
    /// The size of the pane above the rows, which the view knows.
    pub(crate) waiters: WaitersPane,
    /// The rows.
    pub(crate) table: TableState,
    view: View,
    /// The rows of the views of threads, of instances and of orders.
    lists: [ListState; View::ALL.len()],
    /// The class of the point that was selected last: the filter may leave no point.
    class: Option<Lock>,
    /// Whether the page of the selected point is open.
    drilled: bool,
    /// Lines that the point's page, or a view of text, is scrolled down. The view keeps it in
    /// bounds.
    pub(crate) scroll: usize,
    dialog: Option<Dialog>,
    notice: Option<Notice>,
}

/// The data at the time of the pause.
#[derive(Debug)]
struct Paused {
    data: Option<Arc<Data>>,
    history: History,
}

/// How long a message is shown. An error stays longer.
const NOTICED: Duration = Duration::from_secs(5);
const ALARMED: Duration = Duration::from_secs(20);

impl State {
    /// The state before any report.
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            table: TableState::new(setup.sort, setup.filter.clone()),
            setup,
            is_static: false,
            link: Link::Connecting,
            now: Uptime::ZERO,
            heard: None,
            latest: None,
            history: History::default(),
            paused: None,
            waiters: WaitersPane::default(),
            view: View::Locks,
            lists: Default::default(),
            class: None,
            drilled: false,
            scroll: 0,
            dialog: None,
            notice: None,
        }
    }

    /// The target's name.
    pub(crate) fn target(&self) -> &str {
        &self.setup.target
    }

    /// Whether the target answers.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The time of the last [`tick`](Self::tick).
    pub(crate) fn now(&self) -> Uptime {
        self.now
    }

    /// The age of the last snapshot, if the target answers but is slow.
    pub(crate) fn late(&self) -> Option<Duration> {
        let age = self.now.saturating_sub(self.heard?);
        let late =
            self.link == Link::Live && age > 2 * self.setup.interval + Duration::from_secs(1);
        late.then_some(age)
    }

    /// Whether it is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// The data to show.
    pub(crate) fn data(&self) -> Option<Arc<Data>> {
        match &self.paused {
            Some(still) => still.data.clone(),
            None => self.latest.clone(),
        }
    }

    /// The history of contention up to the shown data.
    pub(crate) fn history(&self) -> &History {
        match &self.paused {
            Some(still) => &still.history,
            None => &self.history,
        }
    }

    /// The open dialog.
    pub(crate) fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// The message to show.
    pub(crate) fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// The view that is shown.
    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// The rows of the view that is shown, if it has rows of its own.
    pub(crate) fn list(&self) -> &ListState {
        &self.lists[self.view as usize]
    }

    /// The same, to change it.
    pub(crate) fn list_mut(&mut self) -> &mut ListState {
        &mut self.lists[self.view as usize]
    }

    /// The class whose locks the view of instances has.
    pub(crate) fn class(&self) -> Option<&Lock> {
        self.class.as_ref()
    }

    /// The point whose page is open; `None` if the table is shown.
    pub(crate) fn drilled(&self) -> Option<&Key> {
        self.table.chosen().filter(|_| self.drilled)
    }

    /// Updates the time.
    pub(crate) fn tick(&mut self, now: Uptime) {
        self.now = now;
        if self.notice.as_ref().is_some_and(|n| n.until <= now) {
            self.notice = None;
        }
    }

    /// Handles a report about the target.
    pub(crate) fn hear(&mut self, report: Report) {
        match report {
            Report::Connected { name, is_static } => {
                self.setup.target = name;
                self.is_static = is_static;
                if let Link::Gone { since, .. } = self.link
                    && self.latest.is_some()
                {
                    let away = self.now.saturating_sub(since).as_secs();
                    self.say(format!("the target is back after {away} s"));
                }
                self.link = self.answering();
            }
            Report::Snapshot(snapshot) => self.take(*snapshot),
            Report::Gone(why) => {
                let since = match self.link {
                    Link::Gone { since, .. } => since,
                    _ => self.now,
                };
                self.link = Link::Gone { since, why };
            }
            Report::Done(Command::Reset) => self.say("reset: counting from 0".to_owned()),
            Report::Done(Command::Set(changes)) => self.say(format!("set: {changes}")),
            Report::Refused(Command::Reset, why) => self.warn(format!("no reset: {why}")),
            Report::Refused(Command::Set(changes), why) => self.warn(format!("{changes}: {why}")),
        }
    }

    fn answering(&self) -> Link {
        match self.is_static {
            true => Link::Static,
            false => Link::Live,
        }
    }

    fn take(&mut self, snapshot: Snapshot) {
        self.link = self.answering();
        self.heard = Some(self.now);
        let (data, step) = Data::new(snapshot, self.latest.as_deref());
        match step {
            // Keeps the rates of the interval before, since there are no newer ones.
            Step::Same => return,
            Step::First | Step::Interval | Step::Reset => {}
            Step::Restarted { from, to } => {
                self.history.clear();
                self.say(format!(
                    "the target was started anew: process {to}, {from} before"
                ));
            }
            Step::Broken(why) => {
                self.history.clear();
                self.warn(format!(
                    "this snapshot does not follow from the last: {why}"
                ));
            }
        }
        // A snapshot of the program's whole life is no interval.
        if data.is_interval() {
            self.history.push(data.rated());
        }
        self.latest = Some(Arc::new(data));
        self.waiters.look();
        self.refresh();
    }

    /// The index of the point whose page is open, if the point still exists.
    pub(crate) fn drilled_index(&self, data: &Data) -> Option<usize> {
        self.drilled().and_then(|key| data.position(key))
    }

    fn refresh(&mut self) {
        match (&self.paused, &self.latest) {
            (Some(still), _) => {
                if let Some(data) = &still.data {
                    self.table.refresh(data, &still.history);
                }
            }
            (None, Some(data)) => self.table.refresh(data, &self.history),
            (None, None) => {}
        }
        if let (true, Some(data)) = (self.view.is_list(), self.data()) {
            let selected = self.table.selected();
            let point = selected.and_then(|index| data.whole().points().get(index));
            if let Some(point) = point {
                self.class = Some(point.lock.clone());
            }
            let words = self.table.words();
            let figures = self.table.figures();
            let class = self.class.as_ref();
            let list = &mut self.lists[self.view as usize];
            list.refresh(self.view, (&data, figures), class, &words);
        }
    }

    fn say(&mut self, text: String) {
        self.note(text, false, NOTICED);
    }

    fn warn(&mut self, text: String) {
        self.note(text, true, ALARMED);
    }

    fn note(&mut self, text: String, is_error: bool, time: Duration) {
        let until = self.now.saturating_add(time);
        self.notice = Some(Notice {
            text,
            is_error,
            until,
        });
    }
}

/// A rate per second: `count` in `ns` nanoseconds. 0 if no time has passed.
pub(crate) fn per_second(count: u64, ns: u64) -> f64 {
    match ns {
        0 => 0.0,
        ns => count as f64 * 1e9 / ns as f64,
    }
}

/// The sum over all points of a snapshot.
pub(crate) fn sum(snapshot: &Snapshot, of: impl Fn(&Point) -> u64) -> u64 {
    let points = snapshot.points().iter();
    points.fold(0, |sum, point| sum.saturating_add(of(point)))
}

/// The item `by` places after the one at `at`, or before it if negative. Wraps around.
fn moved<T: Copy>(all: &[T], at: usize, by: isize) -> Option<T> {
    let at = (at as isize + by).rem_euclid(all.len() as isize);
    all.get(usize::try_from(at).ok()?).copied()
}

/// Whether `text` contains all `words`, which are in lower case.
pub(crate) fn has_words(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

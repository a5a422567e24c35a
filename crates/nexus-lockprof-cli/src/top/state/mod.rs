//! What `lockprof top` knows and what it is being asked: changed by reports of the target and by
//! keys, and by nothing else. There is no terminal in it, no clock and no target.

mod buckets;
mod column;
mod data;
mod dialog;
mod figures;
mod history;
mod key;
mod keys;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod waiters;

pub(crate) use buckets::{Bucket, buckets};
pub(crate) use column::Column;
pub(crate) use data::{Data, Label, Step};
pub(crate) use dialog::{Dialog, MODES};
pub(crate) use figures::Figures;
pub(crate) use history::{History, TrendSample};
pub(crate) use key::Key;
pub(crate) use keys::Effect;
pub(crate) use table::Table;
pub(crate) use waiters::WaitersPane;

use nexus_lockprof_snapshot::{Point, Snapshot};
use std::sync::Arc;
use std::time::Duration;

/// Time since the program's start.
pub(crate) type Uptime = Duration;

/// What the target is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// To begin anew from 0.
    Reset,
    /// To change its settings: `mode=exact`, `budget=2%`.
    Set(String),
}

/// What is heard of the target.
#[derive(Debug)]
pub(crate) enum Report {
    /// It answers.
    Connected {
        /// What it is called.
        name: String,
        /// Whether it is a file, which does not change.
        is_static: bool,
    },
    /// Its statistics.
    Snapshot(Box<Snapshot>),
    /// It does not answer, for this reason.
    Gone(String),
    /// It has done what it was told.
    Done(Command),
    /// It has not, for this reason.
    Refused(Command, String),
}

/// Whether the target answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It has not yet.
    Connecting,
    /// It does.
    Live,
    /// It does not any more, or never did.
    Gone {
        /// Since then.
        since: Uptime,
        /// As its errors say.
        why: String,
    },
    /// It is a file, which was read.
    Static,
}

/// A line about something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The line.
    pub(crate) text: String,
    /// Whether something is wrong.
    pub(crate) is_error: bool,
    /// When it goes away.
    until: Uptime,
}

/// How it begins.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// What the target is called until it says so itself.
    pub(crate) target: String,
    /// Between two looks at it.
    pub(crate) interval: Duration,
    /// What the table is sorted by.
    pub(crate) sort: Column,
    /// What its rows have in their names.
    pub(crate) filter: String,
}

/// Everything.
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
    /// What is looked at while paused.
    paused: Option<Paused>,
    /// The size of the pane above the rows, which the view knows.
    pub(crate) waiters: WaitersPane,
    /// The rows.
    pub(crate) table: Table,
    /// Whether one point is looked at; which one, the table knows.
    drilled: bool,
    /// Lines of the point's page above the first that is seen; the view keeps it in bounds.
    pub(crate) scroll: usize,
    dialog: Option<Dialog>,
    notice: Option<Notice>,
}

/// What there was when it was paused.
#[derive(Debug)]
struct Paused {
    data: Option<Arc<Data>>,
    history: History,
}

/// How long a line is shown; an error longer.
const NOTICED: Duration = Duration::from_secs(5);
const ALARMED: Duration = Duration::from_secs(20);

impl State {
    /// Nothing is known yet.
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            table: Table::new(setup.sort, setup.filter.clone()),
            setup,
            is_static: false,
            link: Link::Connecting,
            now: Uptime::ZERO,
            heard: None,
            latest: None,
            history: History::default(),
            paused: None,
            waiters: WaitersPane::default(),
            drilled: false,
            scroll: 0,
            dialog: None,
            notice: None,
        }
    }

    /// What the target is called.
    pub(crate) fn target(&self) -> &str {
        &self.setup.target
    }

    /// Whether the target answers.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Time of the last [`tick`](Self::tick).
    pub(crate) fn now(&self) -> Uptime {
        self.now
    }

    /// How old the last snapshot is, if that is worth saying: the target answers, but slowly.
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

    /// What is looked at.
    pub(crate) fn data(&self) -> Option<Arc<Data>> {
        match &self.paused {
            Some(still) => still.data.clone(),
            None => self.latest.clone(),
        }
    }

    /// Contention up to what is looked at.
    pub(crate) fn history(&self) -> &History {
        match &self.paused {
            Some(still) => &still.history,
            None => &self.history,
        }
    }

    /// The question that waits for an answer.
    pub(crate) fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// What there is to say.
    pub(crate) fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// The point that is drilled into; `None` when the table is looked at.
    pub(crate) fn drilled(&self) -> Option<&Key> {
        self.table.chosen().filter(|_| self.drilled)
    }

    /// Time goes on.
    pub(crate) fn tick(&mut self, now: Uptime) {
        self.now = now;
        if self.notice.as_ref().is_some_and(|n| n.until <= now) {
            self.notice = None;
        }
    }

    /// Hears of the target.
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
            // The rates of the interval before say more than none.
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
        // All of a program's life is no sample of it.
        if data.is_interval() {
            self.history.push(data.rated());
        }
        self.latest = Some(Arc::new(data));
        self.waiters.look();
        self.refresh();
    }

    /// The point that is drilled into: its index, if it is still there.
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

/// A rate: `count` in `ns` nanoseconds, a second. 0 in no time.
pub(crate) fn per_second(count: u64, ns: u64) -> f64 {
    match ns {
        0 => 0.0,
        ns => count as f64 * 1e9 / ns as f64,
    }
}

/// What all points of a snapshot have together.
pub(crate) fn sum(snapshot: &Snapshot, of: impl Fn(&Point) -> u64) -> u64 {
    let points = snapshot.points().iter();
    points.fold(0, |sum, point| sum.saturating_add(of(point)))
}

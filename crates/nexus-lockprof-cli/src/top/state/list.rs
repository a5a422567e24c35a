//! The rows of the views of threads, locks of a class, and orders: what they are, their order, and
//! the selected one.

use super::{Data, Figures, View, has_words};
use nexus_lockprof_snapshot::{Instance, Lock, PotentialDeadlock, Snapshot, ThreadKind, ThreadRow};
use std::cmp::{Ordering, Reverse};

/// The columns by which the rows of each view can be sorted.
const THREADS: [&str; 5] = ["waited", "contentions", "acquisitions", "held", "name"];
const INSTANCES: [&str; 3] = ["waited", "waits", "address"];
const ORDER: [&str; 3] = ["kind", "times seen", "locks"];

/// A row, without the snapshot that it is of.
struct Entry {
    /// Its place among the snapshot's.
    index: usize,
    /// Identifies the row from one snapshot to the next.
    key: String,
    /// The text that the filter searches.
    text: String,
    /// The sort key: numbers from the largest, or text.
    values: Vec<Value>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// From the largest on.
    Number(Reverse<u64>),
    /// From A to Z.
    Text(String),
}

/// The rows of one of these views.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListState {
    /// Indices of the shown rows, in order.
    rows: Vec<usize>,
    /// The selected row.
    at: usize,
    /// The selected row's key, once the user has chosen one. Until then the first one is selected.
    chosen: Option<String>,
    keys: Vec<String>,
    /// Which of the view's values they are sorted by.
    sort: usize,
    reversed: bool,
    /// Rows that a page has. The view sets it when it draws.
    pub(crate) page: usize,
    /// Lines of the selected row that are above what is shown, and below it. The view sets it, too.
    pub(crate) hidden: (usize, usize),
}

/// The names by which a view's rows can be sorted. Empty for the other views.
fn sorts(view: View) -> &'static [&'static str] {
    match view {
        View::Threads => &THREADS,
        View::Instances => &INSTANCES,
        View::Order => &ORDER,
        View::Locks | View::History => &[],
    }
}

impl View {
    /// Whether it has rows of its own that can be selected.
    pub(crate) fn is_list(self) -> bool {
        !sorts(self).is_empty()
    }
}

impl ListState {
    /// Indices of the rows, in order: of threads, of all instances, or of potential deadlocks.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The selected row.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The column by which the rows are sorted, and whether in reverse.
    pub(crate) fn sort(&self, view: View) -> (&'static str, bool) {
        let name = sorts(view).get(self.sort).copied().unwrap_or_default();
        (name, self.reversed)
    }

    /// Sorts by the next value, or the one before.
    pub(super) fn move_sort(&mut self, view: View, by: isize) {
        let all: Vec<usize> = (0..sorts(view).len()).collect();
        self.sort = super::moved(&all, self.sort, by).unwrap_or(0);
        self.reversed = false;
    }

    /// Reverses the order.
    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
    }

    /// Chooses the row `by` rows down, or up if negative.
    pub(super) fn move_by(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by);
        self.choose();
    }

    /// Chooses the last row.
    pub(super) fn go_to_end(&mut self) {
        self.at = usize::MAX;
        self.choose();
    }

    /// Selects the first row from now on, whatever it is.
    pub(super) fn go_to_start(&mut self) {
        (self.at, self.chosen) = (0, None);
    }

    fn choose(&mut self) {
        self.at = self.at.min(self.rows.len().saturating_sub(1));
        self.chosen = self.keys.get(self.at).cloned();
    }

    /// Makes the rows again after a change: those that contain all `words`.
    pub(super) fn refresh(
        &mut self,
        view: View,
        (data, figures): (&Data, Figures),
        class: Option<&Lock>,
        words: &[String],
    ) {
        let snapshot = data.of(figures);
        let mut entries = match view {
            View::Threads => threads(snapshot),
            View::Instances => class.map_or_else(Vec::new, |class| instances(snapshot, class)),
            View::Order => orders(data.whole()),
            View::Locks | View::History => Vec::new(),
        };
        entries.retain(|entry| has_words(&entry.text, words));
        let by = |entry: &Entry, other: &Entry| -> Ordering {
            let values = entry.values.get(self.sort);
            let order = values.cmp(&other.values.get(self.sort));
            let order = if self.reversed {
                order.reverse()
            } else {
                order
            };
            // Those that show the same keep their order from one snapshot to the next.
            order.then_with(|| entry.key.cmp(&other.key))
        };
        entries.sort_by(by);
        self.rows = entries.iter().map(|entry| entry.index).collect();
        self.keys = entries.into_iter().map(|entry| entry.key).collect();
        let chosen = self.chosen.as_ref();
        let row = chosen.and_then(|chosen| self.keys.iter().position(|key| key == chosen));
        self.at = match (chosen, row) {
            (None, _) => 0,
            (Some(_), Some(row)) => row,
            (Some(_), None) => self.at.min(self.rows.len().saturating_sub(1)),
        };
    }
}

fn number(number: u64) -> Value {
    Value::Number(Reverse(number))
}

fn threads(snapshot: &Snapshot) -> Vec<Entry> {
    let entry = |(index, row): (usize, &ThreadRow)| {
        let name = match (row.kind, &row.thread) {
            (ThreadKind::Live, Some(thread)) => thread.to_string(),
            (ThreadKind::Ended, _) => "threads that ended".to_owned(),
            _ => "other threads".to_owned(),
        };
        Entry {
            index,
            key: format!("{} {name}", row.number),
            values: vec![
                number(row.wait.total_ns),
                number(row.contentions),
                number(row.acquisitions),
                number(row.hold.total_ns),
                Value::Text(name.clone()),
            ],
            text: name,
        }
    };
    snapshot.threads().iter().enumerate().map(entry).collect()
}

fn instances(snapshot: &Snapshot, class: &Lock) -> Vec<Entry> {
    let of_class = snapshot.instances().iter().enumerate();
    let of_class = of_class.filter(|(_, of)| of.lock == *class);
    let name = name(class);
    let entry = |(index, of): (usize, &Instance)| {
        let address = format!("{:016x}", of.address);
        Entry {
            index,
            key: address.clone(),
            values: vec![
                number(of.least_ns),
                number(of.waits),
                Value::Text(address.clone()),
            ],
            // As it is shown. A filter of the class leaves all of its locks.
            text: format!("{:x} {name}", of.address),
        }
    };
    of_class.map(entry).collect()
}

fn name(lock: &Lock) -> String {
    lock.name_by(|site| format!("{site:#}")).into_owned()
}

fn orders(snapshot: &Snapshot) -> Vec<Entry> {
    let entry = |(index, potential): (usize, &PotentialDeadlock)| {
        let ends = potential.steps.iter().map(|step| &step.held);
        let locks: Vec<String> = ends.map(|end| name(&end.lock)).collect();
        let seen = potential.steps.iter().map(|step| step.count);
        let kind = (potential.is_recursive_read(), potential.needs_writer);
        Entry {
            index,
            key: format!("{} {}", potential.cycle(), potential.needs_writer),
            values: vec![
                // Deadlocks that need no writer come first.
                Value::Text(format!("{} {}", u8::from(kind.1), u8::from(kind.0))),
                number(seen.fold(0, u64::saturating_add)),
                Value::Text(locks.join(" ")),
            ],
            text: format!(
                "{} {} {}",
                potential.kind(),
                locks.join(" "),
                potential.cycle()
            ),
        }
    };
    let potential = snapshot.potential_deadlocks().iter().enumerate();
    potential.map(entry).collect()
}

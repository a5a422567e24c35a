//! The views whose rows can be selected: threads, locks of a class, and orders.

use crate::top::state::{Data, State, View};
use crate::top::view::page::Page;
use nexus_lockprof_export::readable::{fit, waiters};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Instance, Snapshot, ThreadRow, printable};

/// The lines of the view. Empty if it has nothing.
pub(super) fn page(state: &State, data: &Data, width: usize) -> Page {
    let snapshot = data.of(state.table.figures());
    match state.view() {
        View::Threads => threads(state, data.whole(), snapshot, width),
        View::Instances => instances(state, snapshot, width),
        View::Order => order(state, data.whole(), width),
        View::Locks | View::History => Page::default(),
    }
}

/// Those of `all` that have rows.
fn chosen<'a, T>(state: &State, all: &'a [T]) -> Vec<&'a T> {
    let rows = state.list().rows().iter();
    rows.filter_map(|&index| all.get(index)).collect()
}

/// Who waits now and who holds what they wait for, the thread that waited far more than the others,
/// if there is one, and the threads.
fn threads(state: &State, whole: &Snapshot, snapshot: &Snapshot, width: usize) -> Page {
    let mut page = Page::default();
    let waiting = waiters::lines(whole, width, usize::MAX);
    page.push(waiting.into_iter().map(|line| line.text));
    // Without a number of rows, there is a sentence only if one thread stands out.
    page.push(text::threads(snapshot, None, width).into_iter().take(1));
    if snapshot.threads().is_empty() {
        return page;
    }
    if !page.is_empty() {
        page.push([String::new()]);
    }
    let rows: Vec<&ThreadRow> = chosen(state, snapshot.threads());
    let mut lines = text::thread_rows(snapshot, &rows, width).into_iter();
    page.push(lines.next());
    lines.for_each(|line| page.push_row([line]));
    page
}

/// The locks of the selected point's class.
fn instances(state: &State, snapshot: &Snapshot, width: usize) -> Page {
    let mut page = Page::default();
    let Some(class) = state.class() else {
        return page;
    };
    let rows: Vec<&Instance> = chosen(state, snapshot.instances());
    if rows.is_empty() && state.table.filter().is_empty() {
        return page;
    }
    let name = class.name_by(|site| format!("{site:#}"));
    page.push([fit::middle(&printable(&name), width)]);
    for line in text::instance_rows(snapshot, class, &rows, width) {
        page.push_row([line]);
    }
    page
}

fn order(state: &State, whole: &Snapshot, width: usize) -> Page {
    let mut page = Page::default();
    if whole.potential_deadlocks().is_empty() {
        return page;
    }
    page.push(text::lock_order_note(whole, width));
    for potential in chosen(state, whole.potential_deadlocks()) {
        page.push_row(text::potential_deadlock(potential, width));
    }
    page
}

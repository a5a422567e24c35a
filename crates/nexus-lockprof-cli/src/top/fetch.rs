//! The thread that looks at the target. It may wait for it as long as it likes: nothing waits for this thread.

use super::state::{Order, Report};
use crate::target::Source;
use anyhow::Result;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From the begin of one look to that of the next.
    pub(super) interval: Duration,
    /// Whether one look is enough, because the target does not change.
    pub(super) once: bool,
}

/// Connects and looks, again and again, and carries out orders, until nobody gives any more or nobody listens.
///
/// What fails is reported, and begins again with connecting at the next look.
pub(super) fn run(
    connect: impl Fn() -> Result<Box<dyn Source>>,
    pace: Pace,
    orders: &Receiver<Order>,
    report: impl Fn(Report) -> bool,
) {
    let mut source: Option<Box<dyn Source>> = None;
    let mut looked = false;
    loop {
        let begin = Instant::now();
        if !(pace.once && looked) {
            match look(&mut source, &connect, &report) {
                Look::Seen => looked = true,
                Look::Gone => source = None,
                Look::Unheard => return,
            }
        }
        // A target that takes longer to answer than the interval is not asked without a pause.
        let rest = pace.interval.saturating_sub(begin.elapsed());
        match orders.recv_timeout(rest.max(pace.interval / 4)) {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(order) => {
                if !report(carry_out(source.as_deref_mut(), order)) {
                    return;
                }
            }
        }
    }
}

enum Look {
    Seen,
    Gone,
    /// Nobody listens.
    Unheard,
}

fn look(
    source: &mut Option<Box<dyn Source>>,
    connect: &impl Fn() -> Result<Box<dyn Source>>,
    report: &impl Fn(Report) -> bool,
) -> Look {
    let source = match source {
        Some(source) => source,
        None => match connect() {
            Ok(connected) => source.insert(connected),
            Err(error) => return gone(&error, report),
        },
    };
    match source.snapshot() {
        Ok(snapshot) => {
            // Who answers has a name: by what it was connected to, not by what it was asked for.
            let heard = report(Report::Connected(source.describe()))
                && report(Report::Snapshot(Box::new(snapshot)));
            if heard { Look::Seen } else { Look::Unheard }
        }
        Err(error) => gone(&error, report),
    }
}

fn gone(error: &anyhow::Error, report: &impl Fn(Report) -> bool) -> Look {
    match report(Report::Gone(format!("{error:#}"))) {
        true => Look::Gone,
        false => Look::Unheard,
    }
}

fn carry_out(source: Option<&mut (dyn Source + 'static)>, order: Order) -> Report {
    let Some(source) = source else {
        return Report::Refused(order, "the target is gone".to_owned());
    };
    let done = match &order {
        Order::Reset => source.reset(),
        Order::Set(changes) => source.set(changes),
    };
    match done {
        Ok(()) => Report::Done(order),
        Err(error) => Report::Refused(order, format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    use std::cell::RefCell;
    use std::sync::mpsc;

    /// Answers every second time, and obeys resets only.
    struct Moody {
        calls: u32,
    }

    impl Source for Moody {
        fn snapshot(&mut self) -> Result<Snapshot> {
            self.calls += 1;
            match self.calls {
                2 => bail!("not now"),
                _ => Ok(Snapshot::from_parts(SnapshotParts::default())),
            }
        }
        fn reset(&mut self) -> Result<()> {
            Ok(())
        }
        fn set(&mut self, changes: &str) -> Result<()> {
            bail!("{changes} is not for me")
        }
        fn describe(&self) -> String {
            "moody".to_owned()
        }
    }

    /// What is reported, in one word each, until there were `most` reports.
    fn reports(once: bool, given: Vec<Order>, most: usize) -> Vec<String> {
        let (sender, orders) = mpsc::channel();
        for order in given {
            sender.send(order).unwrap();
        }
        let pace = Pace {
            interval: Duration::from_millis(1),
            once,
        };
        let heard = RefCell::new(Vec::new());
        run(
            || Ok(Box::new(Moody { calls: 0 })),
            pace,
            &orders,
            |report| {
                heard.borrow_mut().push(match report {
                    Report::Connected(name) => name,
                    Report::Snapshot(_) => "snapshot".to_owned(),
                    Report::Gone(why) => why,
                    Report::Done(order) => format!("{order:?}"),
                    Report::Refused(_, why) => why,
                });
                heard.borrow().len() < most
            },
        );
        heard.into_inner()
    }

    #[test]
    fn what_fails_begins_again() {
        let expected = ["moody", "snapshot", "not now", "moody", "snapshot"];
        assert_eq!(reports(false, Vec::new(), 5), expected);
    }

    #[test]
    fn orders_are_carried_out_and_a_file_is_read_once() {
        let orders = vec![Order::Reset, Order::Set("mode=off".to_owned())];
        let expected = ["moody", "snapshot", "Reset", "mode=off is not for me"];
        assert_eq!(reports(true, orders, 4), expected);
    }
}

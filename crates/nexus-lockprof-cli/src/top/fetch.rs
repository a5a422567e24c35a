//! The thread that reads the target. It may wait for an answer as long as it takes, because nothing
//! waits for this thread.

use super::state::{Command, Report};
use crate::target::Source;
use anyhow::Result;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A connected target.
pub(crate) struct Connected {
    /// Where its snapshots come from.
    pub(crate) source: Box<dyn Source>,
    /// Whether it is a file, which is read only once.
    pub(crate) is_static: bool,
}

/// Connects, takes snapshots and carries out commands, until the sender of commands or the receiver
/// of reports is gone.
///
/// Reports each failure, and connects again at the next interval.
pub(super) fn run(
    connect: impl Fn() -> Result<Connected>,
    interval: Duration,
    commands: &Receiver<Command>,
    report: impl Fn(Report) -> bool,
) {
    let mut target: Option<Connected> = None;
    let mut looked = false;
    loop {
        let begin = Instant::now();
        if !(looked && target.as_ref().is_some_and(|target| target.is_static)) {
            match look(&mut target, &connect, &report) {
                Look::Seen => looked = true,
                Look::Gone => target = None,
                Look::Unheard => return,
            }
        }
        // Pauses even if the target takes longer to answer than the interval.
        let rest = interval.saturating_sub(begin.elapsed());
        match commands.recv_timeout(rest.max(interval / 4)) {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(command) => {
                if !report(carry_out(target.as_mut(), command)) {
                    return;
                }
            }
        }
    }
}

enum Look {
    Seen,
    Gone,
    /// The receiver is gone.
    Unheard,
}

fn look(
    target: &mut Option<Connected>,
    connect: &impl Fn() -> Result<Connected>,
    report: &impl Fn(Report) -> bool,
) -> Look {
    let target = match target {
        Some(target) => target,
        None => match connect() {
            Ok(connected) => target.insert(connected),
            Err(error) => return gone(&error, report),
        },
    };
    match target.source.snapshot() {
        Ok(snapshot) => {
            // Shows the name of the endpoint that answers, not what the user typed.
            let connected = Report::Connected {
                name: target.source.describe(),
                is_static: target.is_static,
            };
            let heard = report(connected) && report(Report::Snapshot(Box::new(snapshot)));
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

fn carry_out(target: Option<&mut Connected>, command: Command) -> Report {
    let Some(Connected { source, .. }) = target else {
        return Report::Refused(command, "the target is gone".to_owned());
    };
    let done = match &command {
        Command::Reset => source.reset(),
        Command::Set(changes) => source.set(changes),
    };
    match done {
        Ok(()) => Report::Done(command),
        Err(error) => Report::Refused(command, format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    use std::cell::RefCell;
    use std::sync::mpsc;

    /// Answers every second time, and accepts only resets.
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

    /// The first `most` reports, in one word each.
    fn reports(is_static: bool, given: Vec<Command>, most: usize) -> Vec<String> {
        let (sender, commands) = mpsc::channel();
        for command in given {
            sender.send(command).unwrap();
        }
        let connect = || {
            let source: Box<dyn Source> = Box::new(Moody { calls: 0 });
            Ok(Connected { source, is_static })
        };
        let heard = RefCell::new(Vec::new());
        run(connect, Duration::from_millis(1), &commands, |report| {
            heard.borrow_mut().push(match report {
                Report::Connected { name, .. } => name,
                Report::Snapshot(_) => "snapshot".to_owned(),
                Report::Gone(why) => why,
                Report::Done(command) => format!("{command:?}"),
                Report::Refused(_, why) => why,
            });
            heard.borrow().len() < most
        });
        heard.into_inner()
    }

    #[test]
    fn what_fails_begins_again() {
        let expected = ["moody", "snapshot", "not now", "moody", "snapshot"];
        assert_eq!(reports(false, Vec::new(), 5), expected);
    }

    #[test]
    fn orders_are_carried_out_and_a_file_is_read_once() {
        let commands = vec![Command::Reset, Command::Set("mode=off".to_owned())];
        let expected = ["moody", "snapshot", "Reset", "mode=off is not for me"];
        assert_eq!(reports(true, commands, 4), expected);
    }
}

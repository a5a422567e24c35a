//! Answers that are given again, so that whoever asks without pause does not slow the program down.
//!
//! New answers may take [`Limits::answering`](super::Limits::answering) of processor time a second
//! in the long run. What they have not used is saved, up to that of [`SAVED`] seconds. While
//! nothing is left, a request gets the last answer of its kind once more, and the header `Age` says
//! how old that is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::accept::Format;
use super::reply::{Failure, Reply};

/// So many seconds without requests leave all the time that can be saved.
const SAVED: f64 = 200.0;

/// Requests of one kind have the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Metrics(Format),
    Snapshot(Form),
}

/// A form of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// `.lockprof`.
    File,
    Json,
    MutexProfile,
    BlockProfile,
}

/// What new answers may take, and the last answers.
#[derive(Debug)]
pub(super) struct Repeats(Mutex<State>);

#[derive(Debug)]
struct State {
    budget: Budget,
    /// Empty while there is time for new answers.
    kept: HashMap<Kind, Kept>,
    /// How often what was kept was forgotten.
    forgotten: u64,
}

/// An answer to be given again.
#[derive(Debug)]
struct Kept {
    reply: Reply,
    made: Instant,
}

/// Processor time for new answers, in nanoseconds. The last answer may take more than is left, and
/// the following ones wait for that.
#[derive(Debug)]
struct Budget {
    a_second: f64,
    left: f64,
    at: Instant,
}

impl Budget {
    fn new(a_second: Duration, now: Instant) -> Self {
        let a_second = a_second.as_nanos() as f64;
        Budget {
            a_second,
            left: a_second * SAVED,
            at: now,
        }
    }

    /// Whether something is left at this time.
    fn has_some(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + seconds * self.a_second).min(self.a_second * SAVED);
        self.left > 0.0
    }

    fn spend(&mut self, time: Duration) {
        self.left -= time.as_nanos() as f64;
    }
}

impl Repeats {
    /// New answers may take so much of each second.
    pub(super) fn new(a_second: Duration) -> Self {
        Repeats(Mutex::new(State {
            budget: Budget::new(a_second, Instant::now()),
            kept: HashMap::new(),
            forgotten: 0,
        }))
    }

    /// The answer to a request: a new one, or the last one of its kind if nothing is left for new
    /// ones. A client may insist on a `new` one.
    pub(super) fn answer(
        &self,
        kind: Kind,
        new: bool,
        make: impl FnOnce() -> Result<Reply, Failure>,
    ) -> Result<Reply, Failure> {
        let mark = match self.again(kind, new, Instant::now()) {
            Ok(reply) => return Ok(reply),
            Err(mark) => mark,
        };
        let begin = processor_time();
        let reply = make()?;
        let time = processor_time().saturating_sub(begin);
        self.made(kind, &reply, mark, Instant::now(), time);
        Ok(reply)
    }

    /// What was kept is wrong from now on, and what is being made may be.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.kept.clear();
        state.forgotten += 1;
    }

    /// The last answer, if it is given again at this time. Otherwise a mark for the new one.
    fn again(&self, kind: Kind, new: bool, now: Instant) -> Result<Reply, u64> {
        let mut state = self.state();
        if state.budget.has_some(now) {
            state.kept.clear();
        }
        match state.kept.get(&kind) {
            Some(kept) if !new => {
                let age = now.saturating_duration_since(kept.made);
                Ok(kept.reply.of_age(age))
            }
            _ => Err(state.forgotten),
        }
    }

    /// A new answer, begun at the mark and ready at this time, took this much processor time.
    fn made(&self, kind: Kind, reply: &Reply, mark: u64, now: Instant, time: Duration) {
        let mut state = self.state();
        state.budget.spend(time);
        if !state.budget.has_some(now) && state.forgotten == mark {
            let kept = Kept {
                reply: reply.clone(),
                made: now,
            };
            state.kept.insert(kind, kept);
        }
    }

    /// A panic cannot corrupt it, so poisoning does not matter.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this thread has used.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Kind = Kind::Snapshot(Form::Json);
    const FILE: Kind = Kind::Snapshot(Form::File);
    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// Asks at this time. A new answer has this body and takes this long; one that is given again
    /// has an age, in seconds.
    fn ask(
        repeats: &Repeats,
        kind: Kind,
        new: bool,
        (now, time): (Instant, Duration),
        body: &str,
    ) -> (String, Option<u64>) {
        let reply = repeats.again(kind, new, now).unwrap_or_else(|mark| {
            let reply = Reply::content("text/plain", body);
            repeats.made(kind, &reply, mark, now, time);
            reply
        });
        (String::from_utf8_lossy(reply.body()).into(), reply.age())
    }

    #[test]
    fn an_answer_is_given_again_until_there_is_time_for_a_new_one() {
        let repeats = Repeats::new(5 * MS);
        let start = Instant::now();
        let ask = |at_ms: u32, time: Duration, body: &str| {
            let now = start + at_ms * MS;
            ask(&repeats, JSON, false, (now, time), body)
        };
        // A second is saved.
        assert_eq!(ask(0, 500 * MS, "1"), ("1".into(), None));
        assert_eq!(ask(1, 499 * MS, "2"), ("2".into(), None));
        assert_eq!(ask(2, 11 * MS, "3"), ("3".into(), None));
        // 10 ms too much, which is what two seconds have.
        assert_eq!(ask(3, MS, "4"), ("3".into(), Some(0)));
        assert_eq!(ask(1_990, MS, "5"), ("3".into(), Some(1)));
        assert_eq!(ask(2_010, 20 * MS, "6"), ("6".into(), None));
        assert_eq!(ask(2_020, MS, "7"), ("6".into(), Some(0)));
        // No more is saved than 200 seconds have.
        let late = 2_000_000;
        assert_eq!(ask(late, 1_001 * MS, "8"), ("8".into(), None));
        assert_eq!(ask(late + 100, MS, "9"), ("8".into(), Some(0)));
    }

    #[test]
    fn each_kind_has_its_own() {
        let repeats = Repeats::new(5 * MS);
        let now = Instant::now();
        let ask = |kind, body: &str| ask(&repeats, kind, false, (now, SECOND), body);
        for kind in [JSON, FILE, Kind::Metrics(Format::Text)] {
            let body = format!("{kind:?}");
            assert_eq!(ask(kind, &body), (body.clone(), None));
        }
        let again = (format!("{FILE:?}"), Some(0));
        assert_eq!(ask(FILE, "new"), again);
        let other = Kind::Metrics(Format::Protobuf);
        assert_eq!(ask(other, "new"), ("new".into(), None));
    }

    #[test]
    fn who_insists_gets_a_new_one_that_others_pay_for() {
        let repeats = Repeats::new(5 * MS);
        let now = Instant::now();
        let ask = |new, body: &str| ask(&repeats, JSON, new, (now, SECOND), body);
        assert_eq!(ask(true, "1"), ("1".into(), None));
        assert_eq!(ask(false, "2"), ("1".into(), Some(0)));
        assert_eq!(ask(true, "3"), ("3".into(), None));
        assert_eq!(ask(false, "4"), ("3".into(), Some(0)));
        repeats.forget();
        assert_eq!(ask(false, "5"), ("5".into(), None));
    }

    /// It was begun before a reset, say, and is ready after it.
    #[test]
    fn what_is_being_made_is_forgotten_too() {
        let repeats = Repeats::new(5 * MS);
        let now = Instant::now();
        let mark = repeats.again(JSON, false, now).unwrap_err();
        repeats.forget();
        let reply = Reply::content("text/plain", "1");
        repeats.made(JSON, &reply, mark, now, SECOND);
        let ask = |body: &str| ask(&repeats, JSON, false, (now, SECOND), body);
        assert_eq!(ask("2"), ("2".into(), None));
        assert_eq!(ask("3"), ("2".into(), Some(0)));
    }

    #[test]
    fn the_time_of_an_answer_is_taken_from_what_is_left() {
        let repeats = Repeats::new(Duration::from_nanos(1));
        let answer = |body: &'static str| {
            let make = || {
                let begin = processor_time();
                while processor_time() <= begin + MS {}
                Ok(Reply::content("text/plain", body))
            };
            let reply = repeats.answer(JSON, false, make).unwrap();
            (reply.body().to_vec(), reply.age().is_some())
        };
        assert_eq!(answer("1"), (b"1".to_vec(), false));
        assert_eq!(answer("2"), (b"1".to_vec(), true));
    }

    #[test]
    fn nothing_is_kept_while_there_is_time() {
        let repeats = Repeats::new(5 * MS);
        let start = Instant::now();
        let kept = || repeats.state().kept.len();
        ask(&repeats, JSON, false, (start, MS), "1");
        assert_eq!(kept(), 0);
        ask(&repeats, JSON, false, (start, SECOND), "2");
        assert_eq!(kept(), 1);
        ask(&repeats, FILE, false, (start + SECOND, MS), "3");
        assert_eq!(kept(), 0);
    }
}

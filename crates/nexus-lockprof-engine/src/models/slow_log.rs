//! The log of slow events.

use super::*;

/// An event that says the same in each of its fields.
fn event(n: u64) -> SlowRecord {
    SlowRecord {
        key: PointKey(n),
        kind: SlowKind::Hold(n),
        ns: n,
        threshold_ns: n,
        thread: None,
        dropped: 0,
    }
}

/// Takes out what there is. Nobody else has the place meanwhile.
fn taken(log: &SlowLog, place: &Witness) -> Vec<u64> {
    let mut taken = Vec::new();
    log.take(|_, record| {
        place.touch();
        assert_eq!(record, event(record.ns), "parts of two events");
        taken.push(record.ns);
    });
    taken
}

/// Loom's log has one place. What finds it taken is dropped and counted, and everything else comes
/// out once, whole.
#[test]
fn two_slow_events_are_put_in_while_one_is_taken_out() {
    bounded(3, || {
        let shared = Arc::new((SlowLog::new(), Witness::new()));
        shared.0.set(Some(1), 1_000);
        let putters = [1, 2].map(|n| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (log, place) = &*shared;
                let is_put = log.put(0, |_| {
                    place.touch();
                    event(n)
                });
                is_put.then_some(n)
            })
        });
        let (log, place) = &*shared;
        let mut out = taken(log, place);
        let put = putters.map(|putter| match putter.join() {
            Ok(put) => put,
            Err(_) => panic!("it does not panic"),
        });
        out.extend(taken(log, place));
        out.sort_unstable();
        let put: Vec<u64> = put.into_iter().flatten().collect();
        assert_eq!(out, put, "each once");
    });
}

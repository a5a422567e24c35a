//! Answers that are given again, to whoever asks for more than the limit.

use super::client::{Answer, ask};
use super::*;

/// Less than any answer takes, so that only the first one is new.
fn hardly_any() -> Limits {
    Limits {
        answering: Duration::from_nanos(1),
        ..patient()
    }
}

/// Whether it was given again: then its age is there.
fn is_old(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200);
    answer
        .header("age")
        .is_some_and(|age| age.parse::<u64>().is_ok())
}

#[test]
fn who_asks_too_much_gets_the_last_answer_again() {
    let fake = Fake::new();
    let server = serve(&fake, hardly_any(), &loopback());
    let lockprof = "Accept: application/vnd.lockprof";
    let forms: [(&str, &[&str]); 6] = [
        ("/metrics", &[]),
        ("/metrics", &["Accept: application/openmetrics-text"]),
        ("/snapshot", &[]),
        ("/snapshot", &[lockprof]),
        ("/debug/pprof/mutex", &[]),
        ("/debug/pprof/block", &[]),
    ];
    for (number, (path, headers)) in forms.into_iter().enumerate() {
        let taken = number as u64 + 1;
        let first = ask(&server, "GET", path, headers, "");
        assert!(!is_old(&first), "{path} {headers:?}");
        assert_eq!(fake.with(|state| state.snapshots), taken);
        for method in ["GET", "HEAD"] {
            let again = ask(&server, method, path, headers, "");
            assert!(is_old(&again), "{method} {path} {headers:?}");
            assert_eq!(again.length, first.length);
            assert!(method == "HEAD" || again.body == first.body);
            assert_eq!(again.header("content-type"), first.header("content-type"));
        }
        assert_eq!(fake.with(|state| state.snapshots), taken);
    }
}

#[test]
fn a_new_answer_is_there_for_who_insists_and_after_each_change() {
    let fake = Fake::new();
    let server = serve(&fake, hardly_any(), &loopback());
    let is_old = |headers: &[&str]| is_old(&ask(&server, "GET", "/metrics", headers, ""));
    assert!(!is_old(&[]));
    assert!(is_old(&[]));
    assert!(!is_old(&["Cache-Control: max-age=0, No-Cache"]));
    assert!(is_old(&["Cache-Control: max-age=0"]));
    assert_eq!(ask(&server, "POST", "/reset", &[], "").status, 204);
    assert!(!is_old(&[]));
    assert!(is_old(&[]));
    assert_eq!(
        ask(&server, "POST", "/config", &[], "mode=exact").status,
        200
    );
    assert!(!is_old(&[]));
    assert!(is_old(&[]));
    // What is refused changes nothing.
    assert_eq!(
        ask(&server, "POST", "/config", &[], "mode=counts").status,
        400
    );
    assert!(is_old(&[]));
}

#[test]
fn a_time_of_its_own_has_no_earlier_answer() {
    let fake = Fake::new();
    let server = serve(&fake, hardly_any(), &loopback());
    for _ in 0..3 {
        assert!(!is_old(&ask(
            &server,
            "GET",
            "/snapshot?seconds=0",
            &[],
            ""
        )));
    }
    assert_eq!(fake.with(|state| state.snapshots), 3);
}

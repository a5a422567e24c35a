//! The `lock.slow` marker line, written and parsed.

use nexus_lockprof_snapshot::{
    AcquireMode, Lock, ParseEventError, Site, Slow, SlowHolder, SlowLine, SlowMetric, Thread,
};

fn slow() -> Slow {
    Slow {
        lock: Lock::Named("user table".into()),
        mode: AcquireMode::Shared,
        site: Site::new("src/http.rs", 88, 31),
        metric: SlowMetric::Wait,
        ns: 1_200_000_000,
        threshold_ns: 100_000_000,
        thread: Some(Thread {
            id: 4711,
            name: Some("tokio worker".into()),
        }),
        holder: Some(SlowHolder {
            thread: Some(Thread {
                id: 4712,
                name: Some("db writer".into()),
            }),
            mode: AcquireMode::Exclusive,
            site: Site::new("src/db.rs", 7, 1),
            ns: 1_100_000_000,
        }),
        waiters: None,
        dropped: 3,
    }
}

#[test]
fn the_exact_marker() {
    let mut slow = slow();
    let check = |slow: &Slow, expected: &str| {
        assert_eq!(slow.to_string(), expected);
        assert_eq!(expected.parse(), Ok(slow.line()));
    };
    check(
        &slow,
        "lock.slow lock=\"user table\" site=src/http.rs:88 mode=shared metric=wait ns=1200000000 \
         threshold_ns=100000000 thread=\"tokio worker\" thread_id=4711 holder_site=src/db.rs:7 \
         holder_mode=exclusive holder_ns=1100000000 holder_thread=\"db writer\" \
         holder_thread_id=4712 dropped=3",
    );
    slow.holder = None;
    slow.dropped = 0;
    slow.thread = Some(Thread { id: 2, name: None });
    slow.metric = SlowMetric::AbandonedWait;
    check(
        &slow,
        "lock.slow lock=\"user table\" site=src/http.rs:88 mode=shared metric=abandoned_wait \
         ns=1200000000 threshold_ns=100000000 thread_id=2",
    );
    slow.lock = Lock::Created(Site::new("src/pool.rs", 7, 1));
    slow.mode = AcquireMode::Upgradable;
    slow.metric = SlowMetric::Hold;
    slow.thread = None;
    slow.waiters = Some(0);
    check(
        &slow,
        "lock.slow lock=new@src/pool.rs:7 site=src/http.rs:88 mode=upgradable metric=hold \
         ns=1200000000 threshold_ns=100000000 waiters=0",
    );
}

#[test]
fn refused() {
    use ParseEventError::{BadValue, Missing, NotThis};
    let required = "lock.slow lock=a site=b:1 mode=shared metric=hold ns=1 threshold_ns=1";
    assert!(required.parse::<SlowLine>().is_ok());
    assert!(
        format!("{required} later=1\r\n")
            .parse::<SlowLine>()
            .is_ok()
    );
    let bad = |key, value: &str| BadValue {
        key,
        value: value.to_owned(),
    };
    let event = "lock.slow";
    let cases = [
        (String::new(), NotThis { event }),
        ("lock.slower lock=a".to_owned(), NotThis { event }),
        (
            required.replace(" mode=shared", ""),
            Missing { key: "mode" },
        ),
        (required.replace("hold", "both"), bad("metric", "both")),
        (required.replace("shared", "rented"), bad("mode", "rented")),
        (format!("{required} waiters=many"), bad("waiters", "many")),
        (format!("{required} holder_site=b"), bad("holder_site", "b")),
    ];
    for (line, error) in cases {
        assert_eq!(line.parse::<SlowLine>(), Err(error), "{line}");
    }
}

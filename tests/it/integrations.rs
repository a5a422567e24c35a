//! Events in `tracing`, snapshots in `metrics`.

use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{Event, Snapshot};
use nexus_lockprof_tests::bench::Bench;
use std::time::Duration;

/// A snapshot of a lock held 20 times for 5 ns, and its hot-hold event.
fn hot_snapshot() -> (Snapshot, Event) {
    let config = Config::default().mode(Mode::Exact).hot_hold(Duration::ZERO);
    let bench = Bench::with(config);
    let (send, receive) = std::sync::mpsc::channel();
    bench.engine.on_event(move |event| {
        let _ = send.send(event.clone());
    });
    let lock = bench.mutex("db", ());
    for _ in 0..20 {
        let _guard = lock.lock();
        bench.pass(5);
    }
    let snapshot = bench.engine.snapshot();
    match receive.try_recv() {
        Ok(event) => (snapshot, event),
        Err(error) => panic!("no event: {error}"),
    }
}

#[cfg(feature = "tracing")]
mod to_tracing {
    use super::hot_snapshot;
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex, PoisonError};
    use tracing::field::{Field, Visit};
    use tracing::{Level, Metadata, Subscriber, span};

    /// Keeps each event as one line.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "lockprof"
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            struct Fields(String);
            impl Visit for Fields {
                fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                    self.0 += &format!(" {field}={value:?}");
                }
            }
            let mut fields = Fields(level(*event.metadata().level()).to_owned());
            event.record(&mut fields);
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(fields.0);
        }
    }

    fn level(level: Level) -> &'static str {
        if level == Level::WARN {
            "warn"
        } else {
            "other"
        }
    }

    #[test]
    fn a_hot_point_is_a_warning_with_its_fields() {
        let (_, event) = hot_snapshot();
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.clone(), || {
            nexus_lockprof::integrations::tracing::send(&event);
        });
        let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [line] = &lines[..] else {
            panic!("{lines:?}")
        };
        for part in [
            "warn ",
            "message=lock.hot",
            " lock=db ",
            " mode=\"exclusive\" ",
            " metric=\"hold\" ",
            " p95_ns=5 ",
            " threshold_ns=0 ",
            " samples=20",
            "integrations.rs:",
        ] {
            assert!(line.contains(part), "{part:?} is not in {line:?}");
        }
    }
}

#[cfg(feature = "metrics")]
mod to_metrics {
    use super::{Bench, Config, Mode, Snapshot, hot_snapshot};
    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };
    use nexus_lockprof::{AcquireMode, Edge, EdgeEnd, Lock, Point, Site, SnapshotParts, Waiter};
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, PoisonError};

    /// Keeps the last value of each metric, under its name and labels.
    #[derive(Clone, Default)]
    struct Values(Arc<Mutex<BTreeMap<String, f64>>>);

    struct Cell(Values, String);

    impl Cell {
        fn put(&self, change: impl FnOnce(&mut f64)) {
            let mut values = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            change(values.entry(self.1.clone()).or_default());
        }
    }

    impl CounterFn for Cell {
        fn increment(&self, by: u64) {
            self.put(|value| *value += by as f64);
        }
        fn absolute(&self, to: u64) {
            self.put(|value| *value = to as f64);
        }
    }

    impl GaugeFn for Cell {
        fn increment(&self, by: f64) {
            self.put(|value| *value += by);
        }
        fn decrement(&self, by: f64) {
            self.put(|value| *value -= by);
        }
        fn set(&self, to: f64) {
            self.put(|value| *value = to);
        }
    }

    impl Values {
        fn get(&self, name: &str) -> Option<f64> {
            let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            values.get(name).copied()
        }

        fn cell(&self, key: &Key) -> Arc<Cell> {
            let labels: Vec<String> = key
                .labels()
                .filter(|label| label.key() != "site")
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            let name = format!("{}{{{}}}", key.name(), labels.join(","));
            Arc::new(Cell(self.clone(), name))
        }
    }

    impl Recorder for Values {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.cell(key))
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.cell(key))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    /// Two threads wait at a place that nobody has acquired at yet.
    fn stuck() -> Snapshot {
        let waiter = |waited_ns| Waiter {
            thread: None,
            lock: Lock::Named("stuck".into()),
            address: 1,
            mode: AcquireMode::Exclusive,
            site: Site::new("src/a.rs", 7, 9),
            waited_ns,
            handed: false,
            holder: None,
        };
        Snapshot::from_parts(SnapshotParts {
            waiters: vec![waiter(3_000_000_000), waiter(1)],
            ..SnapshotParts::default()
        })
    }

    /// A writer that waited for a reader.
    fn read_and_written() -> Snapshot {
        let at = |line, mode| {
            Point::new(
                Lock::Named("map".into()),
                mode,
                Site::new("src/a.rs", line, 9),
            )
        };
        let reader = at(7, AcquireMode::Shared);
        let writer = Point {
            contentions: 5,
            ..at(8, AcquireMode::Exclusive)
        };
        let edge = Edge {
            waiting: Some(EdgeEnd::from(&writer)),
            holding: EdgeEnd::from(&reader),
            waits: 3,
            waited_ns: 2_000_000_000,
        };
        Snapshot::from_parts(SnapshotParts {
            points: vec![reader, writer],
            edges: vec![edge],
            ..SnapshotParts::default()
        })
    }

    #[test]
    fn a_wait_for_a_reader_writer_lock_has_its_cause() {
        let values = Values::default();
        metrics::with_local_recorder(&values, || {
            nexus_lockprof::integrations::metrics::record(&read_and_written());
        });
        let of = |name: &str, cause: &str| {
            values.get(&format!("{name}{{lock=map,mode=exclusive,cause={cause}}}"))
        };
        let cause = "writer_behind_readers";
        assert_eq!(of("lockprof_rwlock_waits_total", cause), Some(3.0));
        assert_eq!(of("lockprof_rwlock_wait_seconds_total", cause), Some(2.0));
        // It may become known later.
        assert_eq!(of("lockprof_rwlock_waits_total", "unknown"), None);
    }

    #[test]
    fn a_snapshot_is_counters_and_gauges() {
        let (snapshot, _) = hot_snapshot();
        let counts = Bench::with(Config::default().mode(Mode::Counts));
        let values = Values::default();
        metrics::with_local_recorder(&values, || {
            nexus_lockprof::integrations::metrics::record(&stuck());
            let of_stuck = |name| values.get(&format!("{name}{{lock=stuck,mode=exclusive}}"));
            assert_eq!(of_stuck("lockprof_waiters"), Some(2.0));
            assert_eq!(of_stuck("lockprof_longest_wait_seconds"), Some(3.0));
            // Nobody waits any more in those that follow.
            nexus_lockprof::integrations::metrics::record(&snapshot);
            // The mode is changed.
            nexus_lockprof::integrations::metrics::record(&counts.engine.snapshot());
        });
        let values = values.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, expected) in [
            ("lockprof_acquisitions_total{lock=db,mode=exclusive}", 20.0),
            ("lockprof_contentions_total{lock=db,mode=exclusive}", 0.0),
            (
                "lockprof_hold_seconds_total{lock=db,mode=exclusive}",
                100e-9,
            ),
            (
                "lockprof_hold_duration_seconds{lock=db,mode=exclusive,quantile=0.95}",
                5e-9,
            ),
            ("lockprof_losses_total{cause=points_full}", 0.0),
            ("lockprof_waiters{lock=stuck,mode=exclusive}", 0.0),
            (
                "lockprof_longest_wait_seconds{lock=stuck,mode=exclusive}",
                0.0,
            ),
            ("lockprof_info{profiler_mode=exact}", 0.0),
            ("lockprof_info{profiler_mode=counts}", 1.0),
        ] {
            assert_eq!(values.get(name), Some(&expected), "{name} in {values:?}");
        }
        let wait_quantile = "lockprof_wait_duration_seconds{lock=db,mode=exclusive,quantile=0.95}";
        assert!(!values.contains_key(wait_quantile), "nothing waited");
    }
}

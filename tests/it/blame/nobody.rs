//! Who must not be blamed, and the name of readers as a group.

use super::*;
use nexus_lockprof::engine::Config;
use nexus_lockprof_export::{csv, folded, html, prometheus, text};

/// A holder that the lock published before the profiler was off says nothing about the holder
/// afterwards.
#[test]
fn a_holder_of_long_ago_is_not_blamed() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (old, waiter) = (exclusive(), exclusive());
        scene.hold(old, 10);
        let configure = |mode| {
            let config = Config::default().mode(mode);
            assert_eq!(scene.bench.engine.configure(config), Ok(()));
        };
        configure(Mode::Off);
        // An unprofiled acquisition by somebody else.
        let unseen = scene.take(exclusive());
        configure(mode);
        let guard = scene.wait(waiter, || {
            scene.pass(MS);
            scene.release(unseen);
        });
        scene.release(guard);
        let told = scene.told();
        assert_eq!(told.blamed(old), (0, 0), "{mode:?}");
        assert_eq!(told.sum(|p| p.blocked), 0, "{mode:?}");
        assert_eq!(told.of(waiter).map(|p| p.contentions), Some(1));

        // A recorded hold is blamed again.
        let holder = scene.take(old);
        let guard = scene.wait(waiter, || scene.release(holder));
        scene.release(guard);
        assert_eq!(scene.told().blamed(old).0, 1, "{mode:?}");
    }
}

/// A hold that spans a change of mode is as good as any other.
#[test]
fn a_holder_of_another_mode_is_blamed() {
    let _turn = turn();
    let scene = Scene::new(Mode::DEFAULT);
    let (holder, waiter) = (exclusive(), exclusive());
    let held = scene.take(holder);
    let config = Config::default().mode(Mode::Exact);
    assert_eq!(scene.bench.engine.configure(config), Ok(()));
    let guard = scene.wait(waiter, || {
        scene.pass(MS);
        scene.release(held);
    });
    scene.release(guard);
    let told = scene.told();
    told.adds_up();
    assert_eq!(told.blamed(holder), (1, MS));
}

/// Two engines, and two locks at one address in succession: neither sees the other's holds.
#[test]
fn holds_of_another_engine_are_not_found() {
    let _turn = turn();
    let clock = Scene::new(Mode::Exact);
    let other = Scene::new(Mode::Exact);
    let (holder, waiter) = (exclusive(), exclusive());
    let held = other.take(holder);
    let guard = clock.wait(waiter, || {
        // The waiter may share the bucket, and so the hold may be logged.
        let guard = other.wait(waiter, || other.release(held));
        other.release(guard);
        clock.pass(MS);
    });
    clock.release(guard);
    assert_eq!(clock.told().sum(|p| p.caused_wait_ns + p.blocked), 0);
    other.told().adds_up();
}

/// Successive engines at one address, with successive locks at one address. On manual clocks even
/// their times are equal.
#[test]
fn holds_of_an_engine_that_is_gone_are_not_found() {
    /// Released while somebody waits, the hold is logged. Released after the waiter gave up, it is
    /// not.
    fn play(holder: At, waiter: At, is_logged: bool) -> Told {
        let scene = Scene::new(Mode::Exact);
        let mut held = Some(scene.take(holder));
        scene.give_up(waiter, || {
            scene.pass(MS);
            held.take_if(|_| is_logged)
                .into_iter()
                .for_each(|held| scene.release(held));
        });
        held.into_iter().for_each(|held| scene.release(held));
        scene.told()
    }
    let _turn = turn();
    let (before, after, waiter) = (exclusive(), exclusive(), exclusive());
    for _ in 0..100 {
        for (holder, is_logged) in [(before, true), (after, false)] {
            let told = play(holder, waiter, is_logged);
            told.adds_up();
            assert_eq!(told.blamed(holder), (1, MS));
        }
    }
}

#[test]
fn readers_as_a_group_have_a_name_and_no_line() -> Result<(), Box<dyn std::error::Error>> {
    let _turn = turn();
    let scene = Scene::new(Mode::Counts);
    let (reader, writer) = (shared(), exclusive());
    let read = scene.take(reader);
    let written = scene.wait(writer, || scene.release(read));
    scene.release(written);
    let told = scene.told();
    let Told(snapshot) = &told;
    let Some(readers) = told.readers() else {
        panic!("{snapshot}")
    };
    assert_eq!(
        (readers.site.to_string(), readers.acquisitions),
        ("(readers)".into(), 0)
    );

    assert_eq!(Snapshot::from_json(&snapshot.to_json()?)?, *snapshot);
    assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()?)?, *snapshot);
    let outputs = [
        snapshot.to_string(),
        text::table(snapshot).width(120).to_string(),
        prometheus::text(snapshot).to_string(),
        csv::csv(snapshot).to_string(),
        folded::folded(snapshot).to_string(),
        html::page(snapshot).to_string(),
    ];
    for output in outputs {
        assert!(!output.contains("(readers):0"), "{output}");
    }
    Ok(())
}

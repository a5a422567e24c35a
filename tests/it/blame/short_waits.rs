//! Waits that end after a look or two.

use super::*;
use std::cell::{Cell, RefCell};

/// The winner of the lock publishes itself only later. The point that had the lock before is not
/// blamed.
#[test]
fn the_holder_is_read_when_it_has_published_itself() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (before, winner, waiter) = (exclusive(), exclusive(), exclusive());
        // The point is known to this thread and in its cache, and the waiter has waited before.
        for _ in 0..200 {
            scene.hold(winner, 10);
            scene.hold(before, 10);
            let looks = Cell::new(0);
            let held = RefCell::new(None);
            let Ok(guard) = scene.lock.acquire::<_, Infallible>(
                waiter.0,
                waiter.1,
                |()| {
                    looks.set(looks.get() + 1);
                    match looks.get() {
                        // The winner has it and is about to publish itself.
                        1 => {
                            *held.borrow_mut() = Some(scene.take(winner));
                            false
                        }
                        2 => false,
                        _ => {
                            held.take()
                                .into_iter()
                                .for_each(|guard| scene.release(guard));
                            true
                        }
                    }
                },
                |()| (looks.get() > 2).then_some(()),
                |()| unreachable!("it was free at the third look"),
            );
            scene.release(guard);
        }
        let told = scene.told();
        assert_eq!(told.blamed(before).0, 0, "{mode:?}");
        assert_eq!(told.blamed(winner).0, 200, "{mode:?}");
        assert_eq!(told.of(waiter).map(|p| p.contentions), Some(200));
    }
}

/// It was released and taken again between two looks: the last holder is blamed.
#[test]
fn a_short_wait_is_for_the_last_holder() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (first, last, waiter) = (exclusive(), exclusive(), exclusive());
        for _ in 0..200 {
            scene.hold(last, 10);
            scene.hold(first, 10);
            let looks = Cell::new(0);
            let Ok(guard) = scene.lock.acquire::<_, Infallible>(
                waiter.0,
                waiter.1,
                |()| {
                    looks.set(looks.get() + 1);
                    if looks.get() == 2 {
                        scene.hold(last, 10);
                    }
                    looks.get() == 3
                },
                |()| (looks.get() == 3).then_some(()),
                |()| unreachable!("it was free at the third look"),
            );
            scene.release(guard);
        }
        let told = scene.told();
        assert_eq!(
            (told.blamed(first).0, told.blamed(last).0),
            (0, 200),
            "{mode:?}"
        );
    }
}

/// No single reader is ever blamed for a short wait, because the last to come need not be the last
/// to leave.
#[test]
fn a_short_wait_for_readers_is_the_groups() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (reader, writer) = (shared(), exclusive());
        for _ in 0..200 {
            scene.hold(reader, 10);
            let tries = Cell::new(0);
            let Ok(guard) = scene.lock.acquire::<_, Infallible>(
                writer.0,
                writer.1,
                |()| true,
                |()| {
                    tries.set(tries.get() + 1);
                    (tries.get() > 1).then_some(())
                },
                |()| unreachable!("it was free"),
            );
            scene.release(guard);
        }
        let told = scene.told();
        assert_eq!(told.blamed(reader).0, 0, "{mode:?}");
        assert_eq!(told.readers_blamed().0, 200, "{mode:?}");
    }
}

//! Waits of tasks, which get the lock and own it before they run again.

use super::*;
use nexus_lockprof_tests::bench::poll_task as poll;
use std::task::Poll;

#[test]
fn tasks_in_a_queue_blame_each_for_its_turn() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (holder, next, last) = (exclusive(), exclusive(), exclusive());
        let held = scene.take(holder);
        let mut waits = [next, last].map(|(site, mode)| scene.lock.task_wait(site, mode));
        for wait in &mut waits {
            assert!(poll(wait, Poll::Pending).is_pending());
        }
        scene.pass(6 * MS);
        scene.release(held);
        // It belongs to the next task, which has not been polled yet.
        scene.pass(3 * MS);
        let [first_wait, second_wait] = &mut waits;
        let Poll::Ready(((), pending_ref)) = poll(first_wait, Poll::Ready(())) else {
            panic!("it is ready")
        };
        scene.pass(MS);
        scene.release(ProfiledGuard::new((), pending_ref));
        let Poll::Ready(((), pending_ref)) = poll(second_wait, Poll::Ready(())) else {
            panic!("it is ready")
        };
        scene.release(ProfiledGuard::new((), pending_ref));
        drop(waits);
        let told = scene.told();
        told.adds_up();
        // The first waited 9 ms, the second 10: 4 of those for the first.
        assert_eq!(told.blamed(next), (0, 4 * MS), "{mode:?}");
        assert_eq!(told.blamed(holder), (2, 15 * MS), "{mode:?}");
    }
}

#[test]
fn a_task_that_is_dropped_blames_who_had_it() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (holder, waiter) = (exclusive(), exclusive());
        let held = scene.take(holder);
        let mut wait = scene.lock.task_wait(waiter.0, waiter.1);
        assert!(poll(&mut wait, Poll::Pending).is_pending());
        scene.pass(MS);
        drop(wait);
        scene.release(held);
        let told = scene.told();
        told.adds_up();
        assert_eq!(told.blamed(holder), (1, MS), "{mode:?}");
    }
}

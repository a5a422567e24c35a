use super::*;
use crate::collect::doubt::PAUSE;
use nexus_lockprof_snapshot::{Lock, Site, Thread};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Two threads that wait for each other, and a third one.
struct World {
    waits: RefCell<Vec<Wait>>,
    third_ran_ns: Cell<Option<u64>>,
    second_sleeps: Cell<bool>,
}

const THIRD: u64 = 3;
/// When a wait is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);

impl Look for World {
    fn waits(&self) -> Vec<Wait> {
        self.waits.borrow().clone()
    }

    fn threads(&self) -> Vec<u64> {
        vec![1, 2, THIRD]
    }

    fn others(&self) -> Vec<u64> {
        self.threads()
    }

    fn system_tells(&self) -> bool {
        true
    }

    fn is_asleep(&self, thread: u64) -> bool {
        match thread {
            1 => true,
            2 => self.second_sleeps.get(),
            _ => false,
        }
    }

    fn run_ns(&self, thread: u64) -> Option<u64> {
        match thread {
            THIRD => self.third_ran_ns.get(),
            2 if !self.second_sleeps.get() => self.third_ran_ns.get(),
            _ => Some(0),
        }
    }
}

impl World {
    fn new(waits: Vec<Wait>) -> Self {
        World {
            waits: RefCell::new(waits),
            third_ran_ns: Cell::new(Some(0)),
            second_sleeps: Cell::new(true),
        }
    }

    fn circle() -> Self {
        World::new(vec![wait(1, Some(2)), wait(2, Some(1))])
    }

    fn third_runs(&self) {
        let ran = self.third_ran_ns.get().map(|ns| ns + 1);
        self.third_ran_ns.set(ran);
        std::thread::sleep(PAUSE);
    }
}

fn thread(id: u64) -> Thread {
    Thread { id, name: None }
}

/// The thread `id` waits for its lock, which the other one holds. `None` has exited.
fn wait(id: u64, holder: Option<u64>) -> Wait {
    let site = Site::new("src/main.rs", u32::try_from(id).unwrap(), 1);
    let waiter = Waiter {
        thread: Some(thread(id)),
        lock: Lock::Named("lock".into()),
        address: id,
        mode: AcquireMode::Exclusive,
        site: site.clone(),
        waited_ns: 1_000_000_000,
        handed: false,
        holder: Some(Holder {
            thread: holder.map(thread),
            exited: holder.is_none(),
            mode: AcquireMode::Exclusive,
            site,
            held_ns: None,
        }),
    };
    Wait {
        id: WaitId {
            token: Some(id),
            number: 1,
        },
        kind: WaitKind::Endless,
        is_read: true,
        is_only: true,
        has_changed: false,
        waiter,
    }
}

#[test]
fn the_next_collection_confirms_a_circle() {
    let (world, mut watch) = (World::circle(), Watch::default());
    assert!(watch.find(&world).1.is_empty());
    world.third_runs();
    let (waits, found) = watch.find(&world);
    assert_eq!(waits.len(), 2);
    assert_eq!(found.len(), 1);
    assert!(found[0].deadlock.certain);
    // Nothing is asked again.
    assert!(watch.doubt.is_none());
    assert_eq!(watch.find(&world).1.len(), 1);
}

/// The guard may be another thread's by now, the name another thread's, the word an old one.
#[test]
fn a_circle_that_another_thread_may_open_is_a_possible_one() {
    let certain = |change: fn(&mut Wait)| {
        let (world, mut watch) = (World::circle(), Watch::default());
        world.waits.borrow_mut().iter_mut().take(1).for_each(change);
        assert!(watch.find(&world).1.is_empty());
        world.third_runs();
        let (_, found) = watch.find(&world);
        found
            .iter()
            .map(|found| found.deadlock.certain)
            .collect::<Vec<_>>()
    };
    assert_eq!(certain(|_| {}), [true]);
    assert_eq!(certain(|wait| wait.kind = WaitKind::Movable), [false]);
    assert_eq!(certain(|wait| wait.kind = WaitKind::Limited), [false]);
    assert_eq!(certain(|wait| wait.is_only = false), [false]);
    assert_eq!(certain(|wait| wait.is_read = false), [false]);
}

#[test]
fn a_circle_is_paused_for_once() {
    let (world, mut watch) = (World::circle(), Watch::default());
    assert!(watch.wants_pause(&world));
    assert!(watch.wants_pause(&world), "the third one has not run");
    watch.stop_pauses();
    for _ in 0..3 {
        std::thread::sleep(PAUSE);
        assert!(!watch.wants_pause(&world));
        assert!(watch.find(&world).1.is_empty());
    }
    world.third_runs();
    assert_eq!(watch.find(&world).1.len(), 1);
}

#[test]
fn whoever_does_not_sleep_is_in_no_deadlock_and_is_paused_for_once() {
    let (world, mut watch) = (World::circle(), Watch::default());
    world.second_sleeps.set(false);
    assert!(watch.wants_pause(&world));
    for _ in 0..3 {
        world.third_runs();
        assert!(!watch.wants_pause(&world));
        assert!(watch.find(&world).1.is_empty());
    }
    world.second_sleeps.set(true);
    world.third_runs();
    let _ = watch.find(&world);
    world.third_runs();
    assert_eq!(watch.find(&world).1.len(), 1);
}

#[test]
fn a_circle_that_changes_is_none() {
    let (world, mut watch) = (World::circle(), Watch::default());
    for _ in 0..3 {
        assert!(watch.find(&world).1.is_empty());
        world.third_runs();
        world.waits.borrow_mut()[0].id.number += 2;
    }
}

/// The one who was woken may not have run yet.
#[test]
fn a_holder_has_exited_if_two_collections_say_so() {
    let exited = |waits: &[Wait]| waits[0].waiter.holder.as_ref().unwrap().exited;
    let (world, mut watch) = (World::new(vec![wait(1, None)]), Watch::default());
    let (waits, found) = watch.find(&world);
    let mut events = Vec::new();
    watch.tell(&waits, &found, &Config::default(), &mut events);
    assert!(!exited(&waits));
    assert_eq!(events, []);
    world.third_runs();
    let (waits, found) = watch.find(&world);
    watch.tell(&waits, &found, &Config::default(), &mut events);
    assert!(exited(&waits));
    assert_eq!(events.len(), 1);
}

/// The holder in such a wait, to change it.
fn holder(wait: &mut Wait) -> &mut Holder {
    wait.waiter.holder.as_mut().unwrap()
}

/// The events of a collection.
fn told(watch: &mut Watch, world: &World) -> Vec<&'static str> {
    let (waits, found) = watch.find(world);
    let config = Config::default().stuck(STUCK_AFTER);
    let mut events = Vec::new();
    watch.tell(&waits, &found, &config, &mut events);
    let name = |event: &Event| match event {
        Event::Deadlock(_) => "deadlock",
        Event::Stuck(_) => "stuck",
        _ => "other",
    };
    events.iter().map(name).collect()
}

/// A deadlock is told once, and its waits are never told as stuck, however long it lasts.
#[test]
fn a_deadlock_is_told_once() {
    let (world, mut watch) = (World::circle(), Watch::default());
    assert!(told(&mut watch, &world).is_empty());
    world.third_runs();
    assert_eq!(told(&mut watch, &world), ["deadlock"]);
    for wait in world.waits.borrow_mut().iter_mut() {
        wait.waiter.waited_ns = 100_000_000_000;
    }
    assert!(told(&mut watch, &world).is_empty());
}

/// While a circle is not confirmed, its waits have as much time again to be found in a deadlock.
#[test]
fn a_wait_in_a_circle_is_stuck_later_than_another_one() {
    let mut waits = World::circle().waits.into_inner();
    waits.push(wait(THIRD, Some(4)));
    let (world, mut watch) = (World::new(waits), Watch::default());
    let waited = |seconds: u64| {
        for wait in world.waits.borrow_mut().iter_mut() {
            wait.waiter.waited_ns = seconds * 1_000_000_000;
        }
    };
    waited(9);
    assert!(told(&mut watch, &world).is_empty());
    waited(10);
    assert_eq!(told(&mut watch, &world), ["stuck"]);
    waited(19);
    assert!(told(&mut watch, &world).is_empty(), "once");
    waited(20);
    assert_eq!(told(&mut watch, &world), ["stuck"; 2]);
}

/// Its lock was released and acquired again since it was confirmed.
#[test]
fn a_wait_with_another_holder_must_be_confirmed_again() {
    let (world, mut watch) = (World::circle(), Watch::default());
    let _ = watch.find(&world);
    world.third_runs();
    assert_eq!(watch.find(&world).1.len(), 1);
    holder(&mut world.waits.borrow_mut()[0]).site = Site::new("src/main.rs", 99, 1);
    assert!(watch.find(&world).1.is_empty());
    world.third_runs();
    assert_eq!(watch.find(&world).1.len(), 1);
}

#[test]
fn waits_that_have_ended_are_forgotten() {
    let (world, mut watch) = (World::circle(), Watch::default());
    let _ = told(&mut watch, &world);
    world.third_runs();
    let _ = told(&mut watch, &world);
    assert_eq!((watch.confirmed.len(), watch.deadlocked.len()), (2, 2));
    world.waits.borrow_mut().clear();
    let _ = told(&mut watch, &world);
    assert_eq!((watch.confirmed.len(), watch.deadlocked.len()), (0, 0));
}

/// The others may still hold it.
#[test]
fn a_reader_that_has_ended_leaves_nobody_stuck() {
    let mut of_reader = wait(1, None);
    holder(&mut of_reader).mode = AcquireMode::Shared;
    let (world, mut watch) = (World::new(vec![of_reader]), Watch::default());
    for _ in 0..3 {
        assert!(told(&mut watch, &world).is_empty());
        let (waits, _) = watch.find(&world);
        assert!(!waits[0].waiter.holder.as_ref().unwrap().exited);
        world.third_runs();
    }
}

/// The lock names its own upgradable hold. Who waits for a reader, or for another thread, may be in
/// a deadlock.
#[test]
fn an_upgrade_does_not_wait_for_itself() {
    let deadlocks = |other: u64, mode: AcquireMode| {
        let mut upgrade = wait(1, Some(other));
        upgrade.kind = WaitKind::Upgrade;
        holder(&mut upgrade).mode = mode;
        let waits = vec![upgrade, wait(2, Some(1))];
        let (world, mut watch) = (World::new(waits), Watch::default());
        let _ = watch.find(&world);
        world.third_runs();
        watch.find(&world).1.len()
    };
    assert_eq!(deadlocks(1, AcquireMode::Upgradable), 0);
    assert_eq!(deadlocks(1, AcquireMode::Shared), 1);
    assert_eq!(deadlocks(2, AcquireMode::Upgradable), 1);
}

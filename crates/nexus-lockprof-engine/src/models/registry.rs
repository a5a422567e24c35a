//! The registry of shards.

use super::*;

/// A thread that ends gives its shard back, and two that begin want it.
#[test]
fn a_free_shard_is_claimed_by_one() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        assert!(registry.insert(Box::new(Witness::new())).is_some());
        let claim = {
            let registry = Arc::clone(&registry);
            move || {
                let claimed = registry.claim(|_| Claim::Take);
                claimed.map(|(_, used)| used.touch()).is_some()
            }
        };
        let others = [claim.clone(), claim.clone()].map(thread::spawn);
        // The one that has it from the start.
        registry.iter().for_each(Witness::touch);
        registry.give_back(0);
        let claimed = others.map(|other| other.join().unwrap_or_default());
        assert_ne!(claimed, [true; 2], "claimed twice");
        assert!(claimed.contains(&true) || claim(), "it is lost");
    });
}

/// An item of a registry, which its maker has written to.
fn item(number: usize) -> Box<UnsafeCell<usize>> {
    let item = UnsafeCell::new(usize::MAX);
    item.with_mut(|item| {
        // SAFETY: loom fails the model if another thread touches it and nothing orders the two.
        unsafe { *item = number };
    });
    Box::new(item)
}

/// Which items a walk sees, and how often.
fn walk(registry: &Registry<UnsafeCell<usize>>) -> [usize; 3] {
    let mut seen = [0; 3];
    for item in registry.iter() {
        // SAFETY: nobody writes an item once it is in the registry.
        seen[item.with(|number| unsafe { *number })] += 1;
    }
    seen
}

#[test]
fn a_shard_is_put_in_while_they_are_walked() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        // The block is there: that it is seen orders nothing but what was before it.
        assert!(registry.insert(item(0)).is_some() && registry.insert(item(1)).is_some());
        let comer = thread::spawn({
            let registry = Arc::clone(&registry);
            move || registry.insert(item(2)).is_some()
        });
        let seen = walk(&registry);
        assert_eq!(seen[..2], [1, 1], "there at the start");
        assert!(seen[2] <= 1, "seen twice");
        assert!(comer.join().unwrap_or_default());
        assert_eq!(walk(&registry), [1; 3]);
    });
}

/// Two threads come at once, and the block that both need is not there yet.
#[test]
fn two_shards_are_put_in_while_they_are_walked() {
    bounded(3, || {
        let registry = Arc::new(Registry::new());
        assert!(registry.insert(item(0)).is_some());
        let comers = [1, 2].map(|number| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || registry.insert(item(number)).map(|(place, _)| place))
        });
        let seen = walk(&registry);
        assert_eq!(seen[0], 1, "there at the start");
        assert!(seen.iter().all(|&n| n <= 1), "seen twice");
        let [one, other] = comers.map(|comer| comer.join().unwrap_or_default());
        assert!(one.is_some() && other.is_some() && one != other);
        assert_eq!(walk(&registry), [1; 3]);
    });
}

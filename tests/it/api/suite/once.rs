//! `Once` and `OnceState`, which are parking_lot's own in both.

use super::locks::{Once, OnceState};
use super::{quiet_panic, unwinds};

#[test]
fn runs_once() {
    static ONCE: Once = Once::new();
    let mut runs = 0;
    assert_eq!(ONCE.state(), OnceState::New);
    ONCE.call_once(|| runs += 1);
    ONCE.call_once(|| runs += 1);
    assert_eq!((runs, ONCE.state()), (1, OnceState::Done));
}

#[test]
fn a_panic_poisons() {
    let once = Once::new();
    unwinds(|| once.call_once(|| quiet_panic()));
    assert_eq!(once.state(), OnceState::Poisoned);
    once.call_once_force(|state| assert!(state.poisoned()));
    assert!(once.state().done());
}

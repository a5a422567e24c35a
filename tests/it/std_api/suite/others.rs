//! The rest of `std::sync`.

use super::super::sync::{
    Arc, Barrier, BarrierWaitResult, LazyLock, Once, OnceLock, OnceState, Weak, atomic, mpsc,
};

#[test]
fn is_there() {
    static ONCE: Once = Once::new();
    static LAZY: LazyLock<u32> = LazyLock::new(|| 1);
    static CELL: OnceLock<u32> = OnceLock::new();
    ONCE.call_once_force(|state: &OnceState| assert!(!state.is_poisoned()));
    assert!(ONCE.is_completed());
    #[allow(deprecated, reason = "std still has it")]
    let _ = super::super::sync::ONCE_INIT;
    assert_eq!(*LAZY + *CELL.get_or_init(|| 2), 3);

    let result: BarrierWaitResult = Barrier::new(1).wait();
    assert!(result.is_leader());
    let strong = Arc::new(1);
    let weak: Weak<i32> = Arc::downgrade(&strong);
    assert_eq!(weak.upgrade().as_deref(), Some(&1));

    let (sender, receiver) = mpsc::channel();
    sender.send(atomic::AtomicBool::new(true)).unwrap();
    let flag = receiver.recv().unwrap();
    assert!(flag.load(atomic::Ordering::Relaxed));
}

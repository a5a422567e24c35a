//! Numbers of lock classes.

use super::*;

/// The last record with a late number goes away while another class takes the number, if it can.
#[test]
fn a_late_number_goes_to_another_class() {
    loom::model(|| {
        let names = ["x", "y"];
        let class = |name: &'static str| Class {
            len: 1,
            data: name.as_ptr(),
        };
        let shared = Arc::new((Late::<2>::new(), [Witness::new(), Witness::new()]));
        let use_it = move |(late, used): &(Late<2>, [Witness; 2]), name: &'static str| {
            let Some(number) = late.number(class(name)) else {
                return;
            };
            assert_eq!(late.class(number.place).data, name.as_ptr(), "another's");
            used[number.place].touch();
        };
        // One of them had a number that no record has: it may find that, or the other class may
        // take it.
        use_it(&shared, names[0]);
        let other = thread::spawn({
            let shared = Arc::clone(&shared);
            move || use_it(&shared, names[0])
        });
        use_it(&shared, names[1]);
        assert!(other.join().is_ok());
    });
}

#[test]
fn two_threads_number_one_class() {
    // A static: of a literal there may be two copies, which would be two classes.
    static NAME: &str = "a";
    loom::model(|| {
        let numbered = || {
            let tag = number_of(NAME).unwrap_or_else(|| unreachable!());
            // What the number stands for is seen by whoever has it.
            let lock = class(tag.number()).to_lock();
            assert_eq!(lock, Lock::Named("a".into()));
            tag
        };
        let other = thread::spawn(numbered);
        let mine = numbered();
        let others = other.join().unwrap_or_else(|_| unreachable!());
        assert_eq!(others, mine);
    });
}

/// A lock of which nothing is known is known by one place, also if two threads are the first at
/// two.
#[test]
fn two_threads_are_the_first_to_use_a_lock() {
    loom::model(|| {
        let LockClass { word, len } = LockClass::anonymous();
        let word = Arc::new(word);
        let other = thread::spawn({
            let word = Arc::clone(&word);
            move || word.number(len, Location::caller()).tag
        });
        let mine = word.number(len, Location::caller()).tag;
        let others = other.join().unwrap_or_else(|_| unreachable!());
        assert_eq!(others, mine);
        assert_eq!(word.tag(), mine);
        assert!(matches!(class(mine.number()).to_lock(), Lock::FirstUsed(_)));
    });
}

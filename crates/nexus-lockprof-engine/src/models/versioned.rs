//! Words that one thread writes: the start of a shard's thread, and an entry of the hottest locks.

use super::*;
use crate::record::versioned::Versioned;

/// A reader gets all words of one version or nothing, whatever the owner does meanwhile.
#[test]
fn words_are_read_while_they_change() {
    loom::model(|| {
        let words = Arc::new(Versioned::<2>::default());
        words.set(&[1, 1]);
        let owner = thread::spawn({
            let words = Arc::clone(&words);
            move || {
                words.set(&[2, 2]);
                words.set(&[3, 3]);
            }
        });
        if let Some([first, second]) = words.read() {
            assert_eq!(first, second, "parts of two versions");
            assert_ne!(first, 0, "older than what the reader knew");
        }
        assert!(owner.join().is_ok());
        assert_eq!(words.read(), Some([3, 3]));
    });
}

//! The symbol table: one number for each distinct term, shared by all workers.

use std::collections::HashMap;

use nexus_lockprof::RwLock;

/// Number of a term, from 0 in order of first occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TermId(pub(crate) usize);

/// Terms and their numbers.
///
/// Texts repeat their words, so nearly every call finds its term under the read lock.
pub(crate) struct Symbols {
    ids: RwLock<HashMap<Box<str>, TermId>>,
}

impl Symbols {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Symbols {
            ids: RwLock::named("symbols", HashMap::new()),
        }
    }

    /// The number of `term`; a new one if it is new.
    pub(crate) fn intern(&self, term: &str) -> TermId {
        if let Some(id) = self.get(term) {
            return id;
        }
        self.add(Box::from(term)) // allocated before the lock is taken
    }

    /// The second half of [`Symbols::intern`]. Another worker may have added the term in between.
    fn add(&self, term: Box<str>) -> TermId {
        let mut ids = self.ids.write();
        let next = TermId(ids.len());
        *ids.entry(term).or_insert(next)
    }

    /// The number of `term`, if it is known.
    pub(crate) fn get(&self, term: &str) -> Option<TermId> {
        self.ids.read().get(term).copied()
    }

    /// Distinct terms.
    pub(crate) fn len(&self) -> usize {
        self.ids.read().len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn a_term_keeps_its_number() {
        let symbols = Symbols::new();
        assert_eq!(symbols.get("a"), None);
        assert_eq!(symbols.intern("a"), TermId(0));
        assert_eq!(symbols.intern("b"), TermId(1));
        assert_eq!(symbols.intern("a"), TermId(0));
        assert_eq!(symbols.get("b"), Some(TermId(1)));
        assert_eq!(symbols.len(), 2);
    }

    #[test]
    fn a_term_that_another_worker_added_first_keeps_its_number() {
        let symbols = Symbols::new();
        assert_eq!(symbols.intern("a"), TermId(0));
        assert_eq!(symbols.add(Box::from("a")), TermId(0));
        assert_eq!(symbols.intern("b"), TermId(1));
    }

    #[test]
    fn threads_agree_on_the_numbers() {
        let symbols = Symbols::new();
        let terms: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
        let of_threads: Vec<Vec<TermId>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| terms.iter().map(|t| symbols.intern(t)).collect()))
                .collect();
            threads.into_iter().filter_map(|t| t.join().ok()).collect()
        });
        assert_eq!(of_threads.len(), 4);
        assert!(of_threads.iter().all(|ids| *ids == of_threads[0]));
        let distinct: HashSet<_> = of_threads[0].iter().map(|id| id.0).collect();
        assert_eq!(distinct, (0..terms.len()).collect());
    }
}

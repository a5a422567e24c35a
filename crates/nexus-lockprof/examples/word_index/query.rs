//! Ranks files by how well they match some words (Okapi BM25).

use std::collections::HashMap;

use crate::index::{FileId, Index};
use crate::tokenize;

/// How fast repetitions of a word lose weight.
const K1: f64 = 1.2;
/// The penalty for long files: 0 is none, 1 is proportional to their length.
const B: f64 = 0.75;

/// A query word in a matching file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The word, folded.
    pub(crate) term: String,
    /// Occurrences.
    pub(crate) count: u32,
    /// Line of the first one, from 1.
    pub(crate) line: u32,
}

/// A file that contains at least one of the words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    /// The file.
    pub(crate) file: FileId,
    /// Higher is better; comparable within one query only.
    pub(crate) score: f64,
    /// The words found, in the order of the query.
    pub(crate) hits: Vec<Hit>,
}

/// All files that contain a word of `query`, best first; ties in walk order.
pub(crate) fn search(index: &Index, query: &str) -> Vec<Match> {
    let (files, words) = index.files_and_words();
    let mean_words = words as f64 / files.max(1) as f64;
    let mut matches: HashMap<FileId, Match> = HashMap::new();
    for term in distinct_terms(query) {
        let postings = index.postings(&term);
        let rarity = rarity(files, postings.len());
        for posting in postings {
            let file_words = index.with_file(posting.file, |file| file.words) as f64;
            let count = f64::from(posting.count);
            let length = 1.0 - B + B * file_words / mean_words;
            let found = matches.entry(posting.file).or_insert_with(|| Match {
                file: posting.file,
                score: 0.0,
                hits: Vec::new(),
            });
            found.score += rarity * count * (K1 + 1.0) / (count + K1 * length);
            found.hits.push(Hit {
                term: term.clone(),
                count: posting.count,
                line: posting.line,
            });
        }
    }
    let mut matches: Vec<Match> = matches.into_values().collect();
    matches.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.file.cmp(&b.file)));
    matches
}

/// Weight of a term that occurs in `found` of `files` files: rare terms tell more.
fn rarity(files: usize, found: usize) -> f64 {
    let (files, found) = (files as f64, found as f64);
    (1.0 + (files - found + 0.5) / (found + 0.5)).ln()
}

fn distinct_terms(query: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    for word in tokenize::words(query) {
        let term = tokenize::fold(word);
        if !terms.iter().any(|known| *known == term) {
            terms.push(term.into_owned());
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::PathBuf;

    use super::*;
    use crate::tokenize::Document;

    fn index(texts: &[(&str, &str)]) -> Index {
        let index = Index::new(NonZeroUsize::MIN);
        let mut batch = index.batch();
        for (path, text) in texts {
            let file = index.add_file(PathBuf::from(path));
            index.add_document(file, &Document::parse(text), &mut batch);
        }
        index
    }

    #[track_caller]
    fn check(texts: &[(&str, &str)], query: &str, expected: &[&str]) {
        let index = index(texts);
        let found: Vec<_> = search(&index, query)
            .iter()
            .map(|found| index.path(found.file).display().to_string())
            .collect();
        assert_eq!(found, expected, "files for {query:?}");
    }

    #[test]
    fn files_without_the_words_are_left_out() {
        let texts = [("a", "lock"), ("b", "key"), ("c", "door")];
        check(&texts, "LOCK key", &["a", "b"]);
        check(&texts, "window", &[]);
        check(&texts, "  ?! ", &[]);
        check(&[], "lock", &[]);
    }

    #[test]
    fn better_matches_come_first() {
        // More of the words, in either order.
        let texts = [("a", "lock x"), ("b", "lock key")];
        check(&texts, "lock key", &["b", "a"]);
        check(&texts, "key lock", &["b", "a"]);
        // More often.
        check(
            &[("a", "lock x x"), ("b", "lock lock x")],
            "lock",
            &["b", "a"],
        );
        // In a shorter file.
        check(&[("a", "lock x x x x"), ("b", "lock")], "lock", &["b", "a"]);
        // The rarer word.
        let texts = [("a", "the"), ("b", "the"), ("c", "the"), ("d", "epoch")];
        check(&texts, "the epoch", &["d", "a", "b", "c"]);
    }

    #[test]
    fn a_match_says_what_was_found_and_where() {
        let index = index(&[("a", "key\nlock\nlock")]);
        let hit = |term: &str, count, line| Hit {
            term: term.to_owned(),
            count,
            line,
        };
        let found = search(&index, "Lock, lock KEY none");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].hits, [hit("lock", 2, 2), hit("key", 1, 1)]);
        assert!(found[0].score > 0.0);
    }
}

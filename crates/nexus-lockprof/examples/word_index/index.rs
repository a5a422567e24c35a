//! The inverted index: for each term, the files it occurs in.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use nexus_lockprof::RwLock;

use crate::symbols::Symbols;
use crate::tokenize::Document;

/// Number of a file, from 0 in walk order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(u32);

/// A file of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Words in it, repetitions included; 0 until a worker has read it.
    pub(crate) words: u64,
}

/// One term in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    /// The file.
    pub(crate) file: FileId,
    /// Occurrences in it.
    pub(crate) count: u32,
    /// Line of the first one, from 1.
    pub(crate) line: u32,
}

/// How much is in an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Distinct terms.
    pub(crate) terms: usize,
    /// (term, file) pairs.
    pub(crate) postings: usize,
}

/// Maps terms to postings. It is split into shards so that workers seldom meet.
pub(crate) struct Index {
    symbols: Symbols,
    files: RwLock<Vec<FileEntry>>,
    shards: Box<[RwLock<Shard>]>,
}

/// The postings of every n-th term: term `id` is in shard `id % n`, at `id / n`.
type Shard = Vec<Vec<Posting>>;

/// Postings of one document on their way into the shards. Each worker reuses one.
pub(crate) struct Batch {
    by_shard: Vec<Vec<(usize, Posting)>>,
}

impl Index {
    /// An empty index.
    pub(crate) fn new(shards: NonZeroUsize) -> Self {
        Index {
            symbols: Symbols::new(),
            files: RwLock::named("files", Vec::new()),
            shards: (0..shards.get())
                .map(|_| RwLock::named("index.shard", Shard::new()))
                .collect(),
        }
    }

    /// A batch that fits this index.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            by_shard: vec![Vec::new(); self.shards.len()],
        }
    }

    /// Gives a file its number.
    pub(crate) fn add_file(&self, path: PathBuf) -> FileId {
        let mut files = self.files.write();
        // Cannot wrap: four billion paths do not fit in memory.
        let id = FileId(files.len() as u32);
        files.push(FileEntry { path, words: 0 });
        id
    }

    /// Adds the terms of a file. Call it once per file.
    pub(crate) fn add_document(&self, file: FileId, document: &Document<'_>, batch: &mut Batch) {
        let count = self.shards.len();
        for (term, found) in &document.terms {
            let id = self.symbols.intern(term).0;
            batch.by_shard[id % count].push((
                id / count,
                Posting {
                    file,
                    count: found.count,
                    line: found.line,
                },
            ));
        }
        // Each file starts at a different shard, so that workers do not queue up behind each other.
        let first = file.0 as usize % count;
        for n in (first..count).chain(0..first) {
            let postings = &mut batch.by_shard[n];
            if !postings.is_empty() {
                add_to_shard(&mut self.shards[n].write(), postings);
            }
        }
        self.files.write()[file.0 as usize].words = document.words;
    }

    /// The files that contain `term`, which must be folded, in walk order.
    pub(crate) fn postings(&self, term: &str) -> Vec<Posting> {
        let Some(id) = self.symbols.get(term) else {
            return Vec::new();
        };
        let count = self.shards.len();
        let shard = self.shards[id.0 % count].read();
        let mut postings = shard.get(id.0 / count).cloned().unwrap_or_default();
        drop(shard);
        postings.sort_unstable_by_key(|posting| posting.file);
        postings
    }

    /// Calls `f` with the entry of a file.
    pub(crate) fn with_file<T>(&self, id: FileId, f: impl FnOnce(&FileEntry) -> T) -> T {
        f(&self.files.read()[id.0 as usize])
    }

    /// Path of a file.
    pub(crate) fn path(&self, id: FileId) -> PathBuf {
        self.with_file(id, |file| Path::to_owned(&file.path))
    }

    /// Number of files, and of words in all of them.
    pub(crate) fn files_and_words(&self) -> (usize, u64) {
        let files = self.files.read();
        (files.len(), files.iter().map(|file| file.words).sum())
    }

    /// Counts what is inside.
    pub(crate) fn size(&self) -> Size {
        let postings_of = |shard: &RwLock<Shard>| shard.read().iter().map(Vec::len).sum::<usize>();
        Size {
            terms: self.symbols.len(),
            postings: self.shards.iter().map(postings_of).sum(),
        }
    }
}

/// Moves `postings` into `shard`.
fn add_to_shard(shard: &mut Shard, postings: &mut Vec<(usize, Posting)>) {
    for (slot, posting) in postings.drain(..) {
        if slot >= shard.len() {
            shard.resize_with(slot + 1, Vec::new);
        }
        let list = &mut shard[slot];
        if list.is_empty() {
            // About half of all terms occur in only one file, so the usual first capacity of 4
            // would waste memory.
            list.reserve_exact(1);
        }
        list.push(posting);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::args::at_least_one;

    fn index(shards: usize) -> Index {
        Index::new(at_least_one(shards))
    }

    fn add(index: &Index, path: &str, text: &str) -> FileId {
        let file = index.add_file(PathBuf::from(path));
        index.add_document(file, &Document::parse(text), &mut index.batch());
        file
    }

    #[test]
    fn a_term_leads_to_its_files() {
        for shards in [1, 2, 7, 64] {
            let index = index(shards);
            let a = add(&index, "a", "red green\nred");
            let b = add(&index, "b", "blue\n\nGreen");
            let posting = |file, count, line| Posting { file, count, line };
            assert_eq!(index.postings("red"), [posting(a, 2, 1)]);
            assert_eq!(
                index.postings("green"),
                [posting(a, 1, 1), posting(b, 1, 3)]
            );
            assert_eq!(index.postings("blue"), [posting(b, 1, 1)]);
            assert_eq!(index.postings("yellow"), []);
            assert_eq!(
                index.size(),
                Size {
                    terms: 3,
                    postings: 4
                }
            );
            assert_eq!(index.files_and_words(), (2, 5));
            assert_eq!(index.path(b), Path::new("b"));
        }
    }

    #[test]
    fn a_batch_is_empty_after_use() {
        let index = index(3);
        let mut batch = index.batch();
        for path in ["a", "b"] {
            let file = index.add_file(PathBuf::from(path));
            index.add_document(file, &Document::parse("one two three four"), &mut batch);
            assert!(batch.by_shard.iter().all(Vec::is_empty));
        }
        assert_eq!(
            index.size(),
            Size {
                terms: 4,
                postings: 8
            }
        );
    }

    #[test]
    fn an_empty_document_is_a_file_without_postings() {
        let index = index(4);
        add(&index, "empty", "");
        assert_eq!(index.files_and_words(), (1, 0));
        assert_eq!(index.size(), Size::default());
    }

    #[test]
    fn workers_together_build_what_one_would() {
        let texts: Vec<String> = (0..200)
            .map(|n| format!("all mod{} mod{} own{n}", n % 2, n % 3))
            .collect();
        let index = index(5);
        let ids: Vec<FileId> = (0..texts.len())
            .map(|n| index.add_file(PathBuf::from(n.to_string())))
            .collect();
        thread::scope(|scope| {
            for worker in 0..4 {
                let (index, texts, ids) = (&index, &texts, &ids);
                scope.spawn(move || {
                    let mut batch = index.batch();
                    for n in (worker..texts.len()).step_by(4) {
                        index.add_document(ids[n], &Document::parse(&texts[n]), &mut batch);
                    }
                });
            }
        });
        let files = |term: &str| -> Vec<FileId> {
            index
                .postings(term)
                .iter()
                .map(|posting| posting.file)
                .collect()
        };
        assert_eq!(files("all"), ids);
        assert_eq!(files("own123"), [ids[123]]);
        assert_eq!(files("mod2").len(), (0..200).filter(|n| n % 3 == 2).count());
        assert_eq!(index.size().terms, 1 + 3 + 200);
        assert_eq!(index.files_and_words(), (200, 800));
    }
}

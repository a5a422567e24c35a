//! The pipeline: a reader thread, a bounded queue, workers, and the calling thread, which shows
//! progress.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::index::{FileId, Index};
use crate::progress::{Done, Progress};
use crate::queue::Queue;
use crate::tokenize::Document;
use crate::walk::{self, Found, Skip};

/// How to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Worker threads, not counting the reader.
    pub(crate) threads: NonZeroUsize,
    /// Files read ahead of the workers. With `longest_file`, this bounds the memory for texts.
    pub(crate) queue: NonZeroUsize,
    /// Shards of the index.
    pub(crate) shards: NonZeroUsize,
    /// The limit in bytes; longer files are skipped.
    pub(crate) longest_file: u64,
}

/// A finished build.
pub(crate) struct Built {
    /// The index.
    pub(crate) index: Index,
    /// What went into it.
    pub(crate) done: Done,
    /// What was left out.
    pub(crate) left_out: LeftOut,
    /// Wall-clock time.
    pub(crate) time: Duration,
}

/// Files that are not in the index.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    /// Not text.
    pub(crate) binary: u64,
    /// Longer than the limit.
    pub(crate) too_long: u64,
    /// Could not be read.
    pub(crate) unreadable: u64,
    /// The first few of those, to name them.
    pub(crate) named: Vec<(PathBuf, io::Error)>,
}

impl LeftOut {
    /// Keeps an unreadable tree from filling the memory or the screen.
    const MOST_NAMED: usize = 10;

    fn add_unreadable(&mut self, path: PathBuf, error: io::Error) {
        self.unreadable += 1;
        if self.named.len() < Self::MOST_NAMED {
            self.named.push((path, error));
        }
    }
}

/// State of a running build.
pub(crate) struct Tick {
    /// Done so far.
    pub(crate) done: Done,
    /// Files that wait for a worker.
    pub(crate) queued: usize,
}

/// A file on its way to a worker.
struct Job {
    file: FileId,
    text: String,
}

/// Indexes the text files under `root`, and calls `watch` after each `tick` until done.
///
/// # Errors
///
/// If a thread could not be started. Unreadable files are no error: see [`Built::left_out`].
pub(crate) fn build(
    root: &Path,
    options: &Options,
    tick: Duration,
    mut watch: impl FnMut(&Tick),
) -> io::Result<Built> {
    let start = Instant::now();
    let index = Index::new(options.shards);
    let queue = Queue::new(options.queue);
    let progress = Progress::new();

    let left_out = thread::scope(|scope| {
        // Dropped on every way out, even if the second of two threads cannot be started.
        let closer = queue.close_on_drop();
        for n in 0..options.threads.get() {
            let at_work = progress.thread();
            let (index, queue, progress) = (&index, &queue, &progress);
            thread::Builder::new()
                .name(format!("worker-{n}"))
                .spawn_scoped(scope, move || {
                    let _at_work = at_work;
                    let _closer = queue.close_on_drop();
                    work(index, queue, progress);
                })?;
        }
        let at_work = progress.thread();
        let (index, queue, progress) = (&index, &queue, &progress);
        let reader = thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || {
                let _at_work = at_work;
                let _closer = queue.close_on_drop();
                read(root, options.longest_file, index, queue)
            })?;

        while !progress.wait_for_end(tick) {
            watch(&Tick {
                done: progress.done(),
                queued: queue.len(),
            });
        }
        drop(closer);
        Ok::<_, io::Error>(
            reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    })?;

    Ok(Built {
        done: progress.done(),
        index,
        left_out,
        time: start.elapsed(),
    })
}

/// The reader: numbers the files and hands their texts to the workers.
fn read(root: &Path, longest_file: u64, index: &Index, queue: &Queue<Job>) -> LeftOut {
    let mut left_out = LeftOut::default();
    for found in walk::text_files(root, longest_file) {
        match found {
            Found::Text { path, text } => {
                let file = index.add_file(path);
                if queue.push(Job { file, text }).is_err() {
                    break; // the workers are gone
                }
            }
            Found::Skipped(Skip::Binary) => left_out.binary += 1,
            Found::Skipped(Skip::TooLong) => left_out.too_long += 1,
            Found::Unreadable { path, error } => left_out.add_unreadable(path, error),
        }
    }
    left_out
}

/// A worker: counts words without any lock, then takes each lock for one short step.
fn work(index: &Index, queue: &Queue<Job>, progress: &Progress) {
    let mut batch = index.batch();
    while let Some(Job { file, text }) = queue.pop() {
        let document = Document::parse(&text);
        index.add_document(file, &document, &mut batch);
        progress.add_file(text.len() as u64, document.words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::at_least_one;
    use crate::scratch::Folder;

    #[test]
    fn every_text_file_is_indexed_whatever_the_threads() -> io::Result<()> {
        let folder = Folder::new("build")?;
        let mut bytes = 0;
        for n in 0..60_u64 {
            let text = format!("common word{n}\n");
            bytes += text.len() as u64;
            folder.write(&n.to_string(), text)?;
        }
        folder.write("data", [0; 10])?;
        folder.write("long", "long ".repeat(1_000))?;
        for (threads, queue, shards) in [(1, 1, 1), (3, 2, 4), (8, 100, 16)] {
            let options = Options {
                threads: at_least_one(threads),
                queue: at_least_one(queue),
                shards: at_least_one(shards),
                longest_file: 100,
            };
            let mut last = Done::default();
            let built = build(&folder.path, &options, Duration::from_millis(1), |tick| {
                assert!(tick.done.files >= last.files && tick.queued <= queue);
                last = tick.done;
            })?;
            let done = Done {
                files: 60,
                bytes,
                words: 120,
            };
            assert_eq!(built.done, done);
            assert_eq!((built.left_out.binary, built.left_out.too_long), (1, 1));
            assert_eq!(built.left_out.unreadable, 0);
            assert_eq!(built.index.size().terms, 61);
            assert_eq!(built.index.postings("common").len(), 60);
        }
        Ok(())
    }

    #[test]
    fn only_the_first_unreadable_files_are_kept() {
        let mut left_out = LeftOut::default();
        for n in 0..25 {
            left_out.add_unreadable(PathBuf::from(n.to_string()), io::ErrorKind::NotFound.into());
        }
        assert_eq!(left_out.unreadable, 25);
        assert_eq!(left_out.named.len(), LeftOut::MOST_NAMED);
        assert_eq!(left_out.named[0].0, Path::new("0"));
    }
}

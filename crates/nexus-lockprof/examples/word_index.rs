//! Builds an inverted index over the text files of a folder with several threads, and shows where
//! they waited for one another.
//!
//! ```text
//! cargo run --release --example word_index -- . mutex poison
//! ```
//!
//! Words after the folder are looked up: the example prints the files that have all of them.
//! `LOCKPROF_OUT=words.lockprof` in the environment writes the profile to a file, too.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io, thread};

use nexus_lockprof::{AcquireMode, Mutex, Point, ProfilerMode, RwLock, Snapshot};

/// What the threads share. Each lock has a name, by which the report calls it.
struct Shared {
    /// Files that no thread has taken yet.
    files: Mutex<Vec<PathBuf>>,
    /// Paths of the files that were read. A file's number is its place here.
    texts: Mutex<Vec<PathBuf>>,
    /// For each word, the numbers of the files that have it.
    index: RwLock<HashMap<String, BTreeSet<usize>>>,
}

impl Shared {
    fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files: Mutex::named("files to read", files),
            texts: Mutex::named("texts", Vec::new()),
            index: RwLock::named("index", HashMap::new()),
        }
    }

    /// What each thread does: reads files until none is left. Returns for how many words of how
    /// many files it was.
    fn work(&self) -> Done {
        let mut done = Done::default();
        loop {
            // A statement of its own, so that the lock is free again before the file is read.
            let next = self.files.lock().pop();
            let Some(path) = next else { return done };
            // A file that is not UTF-8 is no text.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let words = words(&text);
            done.texts += 1;
            done.words += words.len();
            let number = {
                let mut texts = self.texts.lock();
                texts.push(path);
                texts.len() - 1
            };
            // The longest hold of the program: it is where the others wait.
            let mut index = self.index.write();
            for word in words {
                index.entry(word).or_default().insert(number);
            }
        }
    }

    /// The files that have each of `words`.
    fn find(&self, words: &[String]) -> Vec<PathBuf> {
        let index = self.index.read();
        let mut sets = words.iter().map(|word| index.get(&word.to_lowercase()));
        let mut found = sets.next().flatten().cloned().unwrap_or_default();
        for set in sets {
            found.retain(|number| set.is_some_and(|set| set.contains(number)));
        }
        let texts = self.texts.lock();
        let paths = found.iter().filter_map(|number| texts.get(*number));
        let mut paths: Vec<PathBuf> = paths.cloned().collect();
        paths.sort();
        paths
    }
}

/// What one thread has done.
#[derive(Default)]
struct Done {
    texts: usize,
    words: usize,
}

/// The different words of a text, in small letters.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The files below `folder`, without hidden ones and what cargo has built.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if kind.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Builds the index with `threads` threads. Returns what they have done in all.
fn build(shared: &Shared, threads: usize) -> Result<Done, String> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| shared.work()))
            .collect();
        let mut all = Done::default();
        for worker in workers {
            let done = worker.join().map_err(|_| "a thread panicked")?;
            all.texts += done.texts;
            all.words += done.words;
        }
        Ok(all)
    })
}

/// Compares what the threads counted with what is in the index.
fn check_index(shared: &Shared, done: &Done) -> Result<(), String> {
    let indexed: usize = shared.index.read().values().map(BTreeSet::len).sum();
    match indexed == done.words {
        true => Ok(()),
        false => Err(format!(
            "{} words were found, {indexed} are in the index",
            done.words
        )),
    }
}

/// Compares what the threads counted with what the profiler has counted. Its counts are exact,
/// unless it is off.
fn check_profile(profile: &Snapshot, done: &Done) -> Result<(), String> {
    let writes = |point: &&Point| point.mode == AcquireMode::Exclusive;
    let writes = profile.points_of("index").filter(writes);
    let writes: u64 = writes.map(|point| point.acquisitions).sum();
    match profile.profiler_mode() == ProfilerMode::Off || writes == done.texts as u64 {
        true => Ok(()),
        false => Err(format!(
            "{} texts were indexed, the profile says {writes}",
            done.texts
        )),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let folder = args
        .next()
        .ok_or("which folder? word_index FOLDER [WORD]...")?;
    let wanted: Vec<String> = args.collect();
    let files = files_below(Path::new(&folder)).map_err(|error| format!("{folder}: {error}"))?;

    // Two threads at least, so that there is somebody to wait for.
    let threads = thread::available_parallelism()?.get().clamp(2, 8);
    let shared = Shared::new(files);
    let done = build(&shared, threads)?;
    check_index(&shared, &done)?;
    println!(
        "{threads} threads read {} files and indexed {} different words.",
        done.texts,
        shared.index.read().len()
    );
    if !wanted.is_empty() {
        let found = shared.find(&wanted);
        println!("{} files have {}:", found.len(), wanted.join(" and "));
        for path in found {
            println!("  {}", path.display());
        }
    }

    let profile = nexus_lockprof::snapshot();
    println!("\n{}", nexus_lockprof_export::text::table(&profile));
    check_profile(&profile, &done)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_by_what_is_between_them() {
        let found = words("Mutex::new(x), the mutex's try_lock; größe\n");
        let expected = ["größe", "mutex", "new", "s", "the", "try_lock", "x"];
        assert_eq!(found, expected.map(str::to_owned).into());
    }

    #[test]
    fn any_number_of_threads_builds_the_same_index() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let found = [1, 3].map(|threads| {
            let shared = Shared::new(files_below(&source).unwrap());
            let done = build(&shared, threads).unwrap();
            check_index(&shared, &done).unwrap();
            (
                done.words,
                shared.find(&["RwLock".to_owned(), "tokio".to_owned()]),
            )
        });
        assert_eq!(found[0], found[1]);
        assert!(found[0].1.contains(&source.join("tokio/rwlock.rs")));
    }
}

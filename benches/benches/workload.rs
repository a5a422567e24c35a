//! Two whole programs, on our locks and on the bare ones: an inverted index as in
//! `examples/word_index`, and a cache under a skewed load.
//!
//! The bare lock stands for the feature `profile` off: both have the same machine code, as
//! `ci/gate-off.sh` shows.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench workload
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nexus_lockprof_benches::modes;
use nexus_lockprof_benches::results::{self, Args, verdict};
use nexus_lockprof_benches::threads::{ratio, take_turns};
use serde_json::json;

/// How much of the throughput the default mode may cost.
const TARGET: f64 = 0.01;

/// Draws from 0..n with probability 1/rank.
struct Zipf {
    cumulated: Vec<f64>,
}

impl Zipf {
    fn new(n: usize) -> Self {
        let mut sum = 0.0;
        let cumulated = (1..=n)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Zipf { cumulated }
    }

    fn draw(&self, rng: &mut fastrand::Rng) -> usize {
        let end = self.cumulated.last().copied().unwrap_or(0.0);
        let at = rng.f64() * end;
        self.cumulated
            .partition_point(|&sum| sum <= at)
            .min(self.cumulated.len() - 1)
    }
}

/// Lines of words from a skewed vocabulary.
fn texts() -> Vec<String> {
    let zipf = Zipf::new(20_000);
    let mut rng = fastrand::Rng::with_seed(1);
    (0..200)
        .map(|_| {
            (0..rng.usize(200..800))
                .map(|word| {
                    let end = if word % 9 == 8 { ".\n" } else { " " };
                    format!("Word{:x}{end}", zipf.draw(&mut rng))
                })
                .collect()
        })
        .collect()
}

macro_rules! workloads {
    ($module:ident) => {
        mod $module {
            use std::collections::{HashMap, VecDeque};
            use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
            use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

            use $module::{Mutex, RwLock};

            /// Documents after which the index starts again, to keep its size constant.
            const DOCUMENTS: usize = 2_000;
            const SHARDS: usize = 64;

            type Postings = Vec<Vec<(usize, u32)>>;
            /// The same hashes in every instance.
            type Hasher = BuildHasherDefault<DefaultHasher>;

            /// An inverted index with the locks of `examples/word_index`.
            pub(crate) struct Index {
                symbols: RwLock<HashMap<Box<str>, usize, Hasher>>,
                shards: Vec<RwLock<Postings>>,
                words: RwLock<Vec<u64>>,
                queue: Mutex<usize>,
                progress: Mutex<u64>,
            }

            impl Index {
                pub(crate) fn new() -> Self {
                    Index {
                        symbols: RwLock::new(HashMap::default()),
                        shards: (0..SHARDS).map(|_| RwLock::new(Vec::new())).collect(),
                        words: RwLock::new(vec![0; DOCUMENTS]),
                        queue: Mutex::new(0),
                        progress: Mutex::new(0),
                    }
                }

                /// Indexes documents until told to stop; returns how many.
                pub(crate) fn work(&self, texts: &[String], stop: &AtomicBool) -> u64 {
                    let mut done = 0;
                    let mut batch = vec![Vec::new(); SHARDS];
                    while !stop.load(Relaxed) {
                        let number = {
                            let mut queue = self.queue.lock();
                            *queue += 1;
                            *queue
                        };
                        let file = number % DOCUMENTS;
                        if file == 0 {
                            for shard in &self.shards {
                                *shard.write() = Vec::new();
                            }
                        }
                        self.add(file, &texts[number % texts.len()], &mut batch);
                        *self.progress.lock() += 1;
                        done += 1;
                    }
                    done
                }

                fn add(&self, file: usize, text: &str, batch: &mut [Vec<(usize, (usize, u32))>]) {
                    let mut counts: HashMap<String, u32, Hasher> = HashMap::default();
                    let mut words = 0;
                    for word in text.split(|c: char| !c.is_alphanumeric()) {
                        if word.is_empty() {
                            continue;
                        }
                        let folded: String = word.chars().flat_map(char::to_lowercase).collect();
                        *counts.entry(folded).or_default() += 1;
                        words += 1;
                    }
                    for (term, count) in counts {
                        let id = self.intern(&term);
                        batch[id % SHARDS].push((id / SHARDS, (file, count)));
                    }
                    for (shard, batch) in self.shards.iter().zip(batch) {
                        if batch.is_empty() {
                            continue;
                        }
                        let mut shard = shard.write();
                        for (slot, posting) in batch.drain(..) {
                            if slot >= shard.len() {
                                shard.resize_with(slot + 1, Vec::new);
                            }
                            shard[slot].push(posting);
                        }
                    }
                    self.words.write()[file] = words;
                }

                fn intern(&self, term: &str) -> usize {
                    if let Some(&id) = self.symbols.read().get(term) {
                        return id;
                    }
                    let mut symbols = self.symbols.write();
                    let next = symbols.len();
                    *symbols.entry(term.into()).or_insert(next)
                }
            }

            /// A cache of 256-byte values under names. It evicts the oldest.
            pub(crate) struct Cache {
                shards: Vec<Mutex<Shard>>,
            }

            #[derive(Default)]
            struct Shard {
                values: HashMap<String, [u64; 32], Hasher>,
                order: VecDeque<String>,
            }

            impl Cache {
                pub(crate) fn new() -> Self {
                    Cache {
                        shards: (0..16).map(|_| Mutex::new(Shard::default())).collect(),
                    }
                }

                /// Uses it until told to stop; returns how often.
                pub(crate) fn work(
                    &self,
                    thread: usize,
                    keys: &[String],
                    stop: &AtomicBool,
                ) -> u64 {
                    let (mut done, mut sum) = (0, 0_u64);
                    while !stop.load(Relaxed) {
                        for step in 0..64 {
                            let at = (done as usize + step + thread * 7_919) % keys.len();
                            let key = &keys[at];
                            match self.get(key) {
                                // 5 % of them write a new value.
                                Some(value) if at % 20 != 0 => {
                                    sum = value
                                        .iter()
                                        .fold(sum, |sum, word| sum.rotate_left(5) ^ word)
                                }
                                _ => self.put(key, [at as u64; 32]),
                            }
                        }
                        done += 64;
                    }
                    std::hint::black_box(sum);
                    done
                }

                fn shard(&self, key: &str) -> &Mutex<Shard> {
                    &self.shards[Hasher::default().hash_one(key) as usize >> 7 & 15]
                }

                fn get(&self, key: &str) -> Option<[u64; 32]> {
                    self.shard(key).lock().values.get(key).copied()
                }

                fn put(&self, key: &str, value: [u64; 32]) {
                    let name = key.to_owned();
                    let mut shard = self.shard(key).lock();
                    if shard.values.insert(name.clone(), value).is_none() {
                        shard.order.push_back(name);
                    }
                    if shard.order.len() > 500
                        && let Some(oldest) = shard.order.pop_front()
                    {
                        shard.values.remove(&oldest);
                    }
                }
            }
        }
    };
}

workloads!(parking_lot);
workloads!(nexus_lockprof);

fn main() -> ExitCode {
    results::main("workload", &["--mode", "--trials"], run)
}

fn run(args: &Args) -> Result<(), String> {
    modes::switch_to(args.text("--mode", "sampled"))?;
    let (trials, rounds, round) = if args.smoke { (1, 2, 2) } else { (15, 15, 20) };
    let trials = args.numbers("--trials", &[trials])?[0];
    let round = Duration::from_millis(round);
    let texts = texts();
    let keys: Vec<String> = {
        let zipf = Zipf::new(100_000);
        let mut rng = fastrand::Rng::with_seed(2);
        (0..1 << 16)
            .map(|_| format!("user:{:08}:profile", zipf.draw(&mut rng)))
            .collect()
    };
    println!(
        "| program | threads | bare, a second | cost of the default mode | bare over bare | |\n| --- | ---: | ---: | ---: | ---: | --- |"
    );
    let mut rows = Vec::new();
    for threads in [1, 2] {
        // Each trial has its own instances: an instance's place in memory matters more than the
        // locks.
        let mut trial = |program: &str, sides: &mut dyn FnMut(usize) -> Vec<Vec<f64>>| {
            let (mut cost, mut noise, mut rate) = (Vec::new(), Vec::new(), Vec::new());
            for number in 0..trials as usize {
                let rates = sides(number);
                cost.push(1.0 - ratio(&rates[1], &rates[0]));
                noise.push(1.0 - ratio(&rates[2], &rates[0]));
                rate.push(results::median(rates[0].clone()));
            }
            let (cost, noise, rate) = (
                results::median(cost),
                results::median(noise),
                results::median(rate),
            );
            println!(
                "| {program} | {threads} | {rate:.3e} | {:+.2} % | {:+.2} % | {} |",
                cost * 100.0,
                noise * 100.0,
                verdict(cost <= TARGET)
            );
            rows.push(json!({"bench": "workload", "program": program, "threads": threads, "cost": cost, "noise": noise, "bare_per_second": rate}));
        };
        trial("word index", &mut |number| {
            let (bare, again) = in_turn(number, parking_lot::Index::new);
            let ours = nexus_lockprof::Index::new();
            take_turns(
                threads,
                rounds,
                round,
                &[
                    &|_, stop: &AtomicBool| bare.work(&texts, stop),
                    &|_, stop: &AtomicBool| ours.work(&texts, stop),
                    &|_, stop: &AtomicBool| again.work(&texts, stop),
                ],
            )
        });
        trial("zipf cache", &mut |number| {
            let (bare, again) = in_turn(number, parking_lot::Cache::new);
            let ours = nexus_lockprof::Cache::new();
            take_turns(
                threads,
                rounds,
                round,
                &[
                    &|thread, stop: &AtomicBool| bare.work(thread, &keys, stop),
                    &|thread, stop: &AtomicBool| ours.work(thread, &keys, stop),
                    &|thread, stop: &AtomicBool| again.work(thread, &keys, stop),
                ],
            )
        });
    }
    args.save(&rows)
}

/// Creates two, in an order that changes from trial to trial.
fn in_turn<T>(trial: usize, new: impl Fn() -> T) -> (T, T) {
    let (first, second) = (new(), new());
    if trial.is_multiple_of(2) {
        (first, second)
    } else {
        (second, first)
    }
}

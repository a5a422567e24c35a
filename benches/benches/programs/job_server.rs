//! A job server. Clients queue jobs; workers take them, look up the session, compute or wait for a
//! disk, and record the result. The workers sleep most of the time.

use crate::Setting;
use nexus_lockprof_benches::truth::locks::{Condvar, Mutex, RwLock};
use nexus_lockprof_benches::truth::{compute, crew};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

const WORKERS: usize = 4;
const SESSIONS: u64 = 500;

/// The session it belongs to. `None` sends a worker home.
type Job = Option<u64>;

static QUEUE: Mutex<VecDeque<Job>> = Mutex::named("queue", VecDeque::new());
static READY: Condvar = Condvar::new();
static LAST_SEEN: RwLock<BTreeMap<u64, u64>> = RwLock::named("sessions", BTreeMap::new());
static RESULTS: Mutex<Vec<u64>> = Mutex::named("results", Vec::new());

pub(crate) fn run(setting: &Setting) {
    crew(1 + WORKERS, setting.length, |number, stop| {
        let mut rng = setting.rng(number);
        if number > 0 {
            return work(&mut rng);
        }
        while !stop.load(Relaxed) {
            sleep(Duration::from_micros(rng.u64(500..3_000)));
            queue((0..rng.u64(1..5)).map(|_| Some(rng.u64(0..SESSIONS))));
        }
        queue(std::iter::repeat_n(None, WORKERS));
    });
}

fn queue(jobs: impl Iterator<Item = Job>) {
    let jobs: Vec<Job> = jobs.collect();
    QUEUE.lock().extend(&jobs);
    jobs.iter().for_each(|_| READY.notify_one());
}

fn work(rng: &mut fastrand::Rng) {
    let mut now = 0;
    loop {
        let job = {
            let mut queue = QUEUE.lock();
            loop {
                match queue.pop_front() {
                    Some(job) => break job,
                    None => READY.wait(&mut queue),
                }
            }
        };
        let Some(session) = job else {
            return;
        };
        now += 1;
        let seen_before = LAST_SEEN.read().contains_key(&session);
        if !seen_before || rng.u32(0..10) == 0 {
            LAST_SEEN.write().insert(session, now);
        }
        if rng.u32(0..200) == 0 {
            // Old sessions end.
            LAST_SEEN.write().retain(|_, &mut seen| seen + 200 > now);
        }
        compute(rng.u64(50_000..300_000));
        if rng.u32(0..4) == 0 {
            // A read from the disk.
            sleep(Duration::from_micros(rng.u64(500..5_000)));
        }
        book(session, rng);
    }
}

/// Keeps the results in order. If there are many, writes them to disk.
fn book(session: u64, rng: &mut fastrand::Rng) {
    let mut results = RESULTS.lock();
    let at = results.partition_point(|&other| other < session);
    results.insert(at, session);
    compute(rng.u64(500..5_000));
    if results.len() == 200 {
        sleep(Duration::from_micros(rng.u64(500..3_000)));
        results.clear();
    }
}

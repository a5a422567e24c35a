//! A thread per request: 5,000 in five seconds, each gone after a millisecond or two.

use crate::Setting;
use nexus_lockprof_benches::truth::locks::{Mutex, RwLock};
use nexus_lockprof_benches::truth::{compute, crew};
use std::thread;

const LISTENERS: usize = 2;
/// Requests per second of the setting's length.
const A_SECOND: f64 = 1_000.0;

static CONFIG: RwLock<u64> = RwLock::named("config", 50);
static USERS: Mutex<[u64; 100]> = Mutex::named("users", [0; 100]);
static JOURNAL: Mutex<String> = Mutex::named("journal", String::new());

pub(crate) fn run(setting: &Setting) {
    let requests = (setting.length.as_secs_f64() * A_SECOND) as usize / LISTENERS;
    let none = std::time::Duration::ZERO;
    crew(LISTENERS, none, |number, _| {
        for request in 0..requests {
            let mut rng = setting.rng(number + LISTENERS * request);
            let handler = thread::spawn(move || handle(&mut rng));
            if let Err(panic) = handler.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

fn handle(rng: &mut fastrand::Rng) {
    let steps = *CONFIG.read();
    for _ in 0..rng.u32(10..steps as u32) {
        compute(rng.u64(5_000..50_000));
        {
            let mut users = USERS.lock();
            users[rng.usize(0..100)] += 1;
            compute(rng.u64(50..500));
        }
        if rng.u32(0..5) == 0 {
            let mut journal = JOURNAL.lock();
            journal.push_str("request done\n");
            compute(rng.u64(500..10_000));
            if journal.len() > 10_000 {
                compute(200_000);
                journal.clear();
            }
        }
    }
    if rng.u32(0..100) == 0 {
        *CONFIG.write() = 50;
    }
}

//! A cache with a rare slow path. One look-up in 2,000 finds an outdated entry and recreates it,
//! which takes 1 to 10 ms with the shard locked. The others copy a value.

use crate::Setting;
use nexus_lockprof_benches::truth::locks::Mutex;
use nexus_lockprof_benches::truth::{compute, crew};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

const SHARDS: usize = 64;
const KEYS: u64 = 20_000;
/// Look-ups per slow one.
const RARE: u32 = 2_000;

type Value = [u64; 32];
type Shard = Mutex<HashMap<u64, Value>>;

pub(crate) fn run(setting: &Setting) {
    let shards: Vec<Shard> = (0..SHARDS)
        .map(|_| Mutex::named("shard", HashMap::new()))
        .collect();
    for key in 0..KEYS {
        put(&shards, key, [key; 32]);
    }
    crew(3, setting.length, |number, stop| {
        let mut rng = setting.rng(number);
        while !stop.load(Relaxed) {
            let value = get(&shards, rng.u64(0..KEYS), &mut rng);
            // Uses the value.
            compute(value.iter().map(|word| word % 16).sum());
            if rng.u32(0..50) == 0 {
                put(&shards, rng.u64(0..KEYS), value);
            }
        }
    });
}

fn shard(shards: &[Shard], key: u64) -> &Shard {
    &shards[key as usize % SHARDS]
}

fn put(shards: &[Shard], key: u64, value: Value) {
    shard(shards, key).lock().insert(key, value);
}

fn get(shards: &[Shard], key: u64, rng: &mut fastrand::Rng) -> Value {
    let mut shard = shard(shards, key).lock();
    let value = shard.entry(key).or_insert([key; 32]);
    if rng.u32(0..RARE) == 0 {
        make_again(value, rng);
    }
    *value
}

/// Reads the value from a disk, or computes it.
fn make_again(value: &mut Value, rng: &mut fastrand::Rng) {
    let ms = rng.u64(1..10);
    if rng.bool() {
        sleep(Duration::from_millis(ms));
    } else {
        compute(ms * 600_000);
    }
    value[0] += 1;
}

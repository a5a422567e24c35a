//! A program that rustc compiles alone, without knowledge of us. First it has one thread, then some
//! that wait.

use std::sync::Mutex;
use std::time::Duration;

static LOCK: Mutex<u32> = Mutex::new(0);

fn threads() -> Vec<std::path::PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| task.unwrap().path()).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    println!("threads {}", threads().len());
    println!("preload {}", std::env::var("LD_PRELOAD").unwrap_or_default());
    if args[1] == "wait" {
        std::thread::scope(|scope| {
            let guard = LOCK.lock().unwrap();
            scope.spawn(|| drop(LOCK.lock()));
            let futex = format!("{} ", if cfg!(target_arch = "x86_64") { 202 } else { 98 });
            let address = format!("{:#x}", std::ptr::from_ref(&LOCK).addr());
            // Until it is asleep.
            while !threads().iter().any(|task| {
                let call = std::fs::read_to_string(task.join("syscall")).unwrap_or_default();
                call.starts_with(&futex) && call.contains(&address)
            }) {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(guard);
        });
    }
    std::process::exit(args[2].parse().unwrap());
}

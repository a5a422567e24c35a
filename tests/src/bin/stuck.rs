//! A program that hangs until it is killed. `stuck deadlock`: two threads wait for each other.
//! `stuck held`: one thread keeps a lock that two others want. LOCKPROF_SERVE sets the address.

use std::env;
use std::sync::Barrier;
use std::thread::{self, Builder};
use std::time::Duration;

use nexus_lockprof::{Mutex, MutexGuard};

static ACCOUNTS: Mutex<Vec<u64>> = Mutex::named("accounts", Vec::new());
static AUDIT: Mutex<Vec<String>> = Mutex::named("audit", Vec::new());
/// Passed once both threads of the deadlock have their first lock.
static BOTH: Barrier = Barrier::new(2);

fn transfer() {
    let mut accounts = ACCOUNTS.lock(); // transfer has accounts
    BOTH.wait();
    let mut audit = AUDIT.lock(); // transfer wants audit
    audit.push("transfer".to_owned());
    accounts.push(7);
}

fn report() {
    let mut audit = AUDIT.lock(); // report has audit
    BOTH.wait();
    let accounts = ACCOUNTS.lock(); // report wants accounts
    audit.push(format!("{} accounts", accounts.len()));
}

fn keep(accounts: MutexGuard<'_, Vec<u64>>) {
    thread::sleep(Duration::from_secs(3_600));
    drop(accounts);
}

fn spawn(name: &str, run: fn()) {
    if let Err(error) = Builder::new().name(name.to_owned()).spawn(run) {
        eprintln!("no thread {name}: {error}");
    }
}

fn main() {
    match env::args().nth(1).as_deref() {
        Some("deadlock") => {
            spawn("transfer", transfer);
            spawn("report", report);
        }
        Some("held") => {
            let accounts = ACCOUNTS.lock(); // main has accounts
            for name in ["first", "second"] {
                spawn(name, || ACCOUNTS.lock().push(1)); // first and second want accounts
            }
            keep(accounts);
        }
        _ => eprintln!("stuck deadlock|held"),
    }
    thread::sleep(Duration::from_secs(3_600));
}

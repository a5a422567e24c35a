//! Two threads that deadlock.

use nexus_lockprof::{Mutex, abort_on_deadlock, std_sync};
use std::sync::{Arc, Barrier};
use std::thread::Builder;
use std::time::Duration;

static ACCOUNTS: Mutex<()> = Mutex::named("accounts", ());
static AUDIT: std_sync::RwLock<()> = std_sync::RwLock::named("audit", ());

/// Would hang without the watch.
pub(crate) fn main() {
    let watch = abort_on_deadlock(Duration::from_millis(100));
    let both = Arc::new(Barrier::new(2));
    let start = |name: &str, body: Box<dyn FnOnce(&Barrier) + Send>| {
        let both = Arc::clone(&both);
        let started = Builder::new()
            .name(name.to_owned())
            .spawn(move || body(&both));
        assert!(started.is_ok());
        started.ok()
    };
    let threads = [
        start(
            "transfer",
            Box::new(|both| {
                let _accounts = ACCOUNTS.lock(); // holds accounts
                both.wait();
                let _audit = AUDIT.write(); // waits for audit
            }),
        ),
        start(
            "report",
            Box::new(|both| {
                let _audit = AUDIT.write(); // holds audit
                both.wait();
                let _accounts = ACCOUNTS.lock(); // waits for accounts
            }),
        ),
    ];
    for thread in threads.into_iter().flatten() {
        assert!(thread.join().is_ok());
    }
    drop(watch);
}

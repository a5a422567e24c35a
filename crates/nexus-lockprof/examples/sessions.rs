//! The README's example.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use nexus_lockprof::Mutex;

static SESSIONS: Mutex<Vec<u64>> = Mutex::named("sessions", Vec::new());

fn main() {
    std::thread::scope(|scope| {
        scope.spawn(|| (0..1_000_000).for_each(|id| SESSIONS.lock().push(id)));
        scope.spawn(|| (0..1_000).for_each(|_| SESSIONS.lock().retain(|id| id % 3 != 0)));
    });
    let snapshot = nexus_lockprof::snapshot();
    println!("{}", nexus_lockprof_export::text::table(&snapshot));
}

//! A program that the tests run to test a whole process.
//!
//! The first argument names its part. It checks itself, and exits with 0 if all is well.

#[cfg(unix)]
mod churn;
mod conservation;
#[cfg(unix)]
mod daemon;
#[cfg(target_os = "linux")]
mod deadlock;
mod environment;
mod exit;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod fork;
mod memory;
#[cfg(target_os = "linux")]
mod plugin;
mod room;
#[cfg(all(feature = "serve", unix))]
mod serving;
#[cfg(unix)]
mod signal;
mod slow;
mod stacks;
mod std_sync;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stepping;

fn main() {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().unwrap_or_default();
    let part = next();
    match part.as_str() {
        #[cfg(unix)]
        "churn" => churn::main(&next()),
        "conservation" => conservation::main(&next(), next() == "capped"),
        #[cfg(unix)]
        "daemon" => daemon::main(),
        #[cfg(target_os = "linux")]
        "daemon: threads" => daemon::threads(),
        #[cfg(target_os = "linux")]
        "daemon: no threads" => daemon::no_threads(),
        #[cfg(target_os = "linux")]
        "daemon: one thread" => daemon::one_thread(),
        #[cfg(target_os = "linux")]
        "deadlock" => deadlock::main(),
        "destructors" => exit::destructors(),
        "end with events" => exit::with_events(),
        "engines" => memory::engines(),
        "environment" => environment::main(&next(), &next()),
        "environment: serve" => environment::serve(),
        #[cfg(unix)]
        "environment: fork" => environment::fork(),
        #[cfg(unix)]
        "files: chdir" => files::chdir(&next(), &next()),
        #[cfg(unix)]
        "files: child" => files::child(),
        #[cfg(unix)]
        "files: forks" => files::forks(),
        #[cfg(unix)]
        "files: once" => files::once(),
        #[cfg(unix)]
        "files: parent" => files::parent(&next()),
        #[cfg(unix)]
        "fork" => fork::main(),
        #[cfg(unix)]
        "fork while calibrating" => fork::while_calibrating(),
        #[cfg(unix)]
        "fork: time of threads" => fork::time_of_threads(),
        #[cfg(unix)]
        "fork: local engines" => fork::local_engines(),
        #[cfg(unix)]
        "fork: intervals" => fork::intervals(),
        "memory" => memory::main(),
        #[cfg(target_os = "linux")]
        "plugin" => plugin::main(&next()),
        "room" => room::main(&next()),
        "outlive main" => exit::outlive_main(),
        #[cfg(all(feature = "serve", unix))]
        "serving" => serving::main(),
        #[cfg(all(feature = "serve", unix))]
        "serving: fork" => serving::fork(),
        #[cfg(all(feature = "serve", unix))]
        "serving: end after fork" => serving::end_after_fork(),
        #[cfg(all(feature = "serve", target_os = "linux"))]
        "serving: fork meanwhile" => serving::fork_meanwhile(&next()),
        #[cfg(unix)]
        "signal" => signal::main(),
        "slow" => slow::main(&next()),
        "std_sync" => std_sync::main(&next()),
        "stacks" => stacks::main(),
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        "stepping" => stepping::main(),
        _ => panic!("no such part: {part:?}"),
    }
}

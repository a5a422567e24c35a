//! Tests that run the program `lockprof`.

// Under `cfg(test)`, so that helpers may unwrap as tests may.
#[cfg(test)]
mod diff;
#[cfg(test)]
mod files;
#[cfg(test)]
mod golden;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(test)]
mod report;
#[cfg(test)]
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod run;
#[cfg(test)]
mod support;
#[cfg(test)]
#[cfg(unix)]
mod targets;
#[cfg(test)]
#[cfg(unix)]
mod terminal;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod waiters;

//! The inputs of `POST /config` and `LOCKPROF_SERVE`.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use libfuzzer_sys::fuzz_target;
use nexus_lockprof_serve::{Change, Listen, Settings};
use nexus_lockprof_snapshot::ProfilerMode;

fuzz_target!(|bytes: &[u8]| {
    match Change::parse(bytes) {
        Ok(change) => {
            for mode in [
                ProfilerMode::Off,
                ProfilerMode::Counts,
                ProfilerMode::Sampled { budget: 0.5 },
                ProfilerMode::Exact,
            ] {
                let Ok(Settings { mode }) = change.apply(Settings { mode }) else {
                    continue;
                };
                if let ProfilerMode::Sampled { budget } = mode {
                    assert!(budget > 0.0 && budget <= 1.0, "{budget}");
                    if cfg!(feature = "planted") {
                        assert!(budget == 0.5 || budget == 0.01 || budget < 0.6, "planted");
                    }
                }
            }
        }
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
    match Listen::from_os(OsStr::from_bytes(bytes)) {
        Ok(Listen::Loopback(address)) => assert!(address.ip().to_canonical().is_loopback()),
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

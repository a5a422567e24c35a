//! The reader of files, and what follows a successful read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_lockprof_snapshot::{Lock, Merge, Snapshot};

fuzz_target!(|bytes: &[u8]| {
    // Nobody guesses a checksum, so sections get the right one, and the reader parses them. JSON
    // has none.
    if bytes.first() == Some(&0x8C) {
        check(&sealed(bytes));
    }
    check(bytes);
});

/// `bytes` with an end and the right checksum.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut file = bytes.to_vec();
    file.extend_from_slice(b"END.\x04");
    let sum = crc32(&file);
    file.extend_from_slice(&sum.to_le_bytes());
    file
}

/// The CRC-32 of zlib, bit by bit: independent of the tested code.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

fn check(bytes: &[u8]) {
    let mut merge = Merge::new();
    let merged = merge.add_bytes(bytes);
    let snapshot = match Snapshot::from_bytes(bytes) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            // The error is a single line, and a merge says the same.
            let error = error.to_string();
            assert!(!error.is_empty());
            assert_eq!(merged.map_err(|error| error.to_string()), Err(error));
            return;
        }
    };
    assert!(merged.is_ok());
    let Ok(written) = snapshot.to_bytes() else {
        panic!("what was read cannot be written");
    };
    let Ok(json) = snapshot.to_json() else {
        panic!("what was read cannot be written as JSON");
    };
    assert_eq!(Snapshot::from_bytes(&written).ok().as_ref(), Some(&snapshot));
    assert_eq!(Snapshot::from_json(&json).ok().as_ref(), Some(&snapshot));
    let once = merge.finish();
    if once.merged() > 0 {
        // Merging a merged snapshot alone changes nothing.
        assert_eq!(Snapshot::merge([once.clone()]), once);
    }
    if cfg!(feature = "planted") {
        let is_odd = |point: &nexus_lockprof_snapshot::Point| {
            matches!(point.lock, Lock::Anonymous) && point.timeouts > 1_000
        };
        assert!(!snapshot.points().iter().any(is_odd), "planted");
    }
}

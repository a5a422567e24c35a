//! Compression.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// `bytes`, gzipped. Equal bytes make equal ones: no time is in the header.
pub(super) fn gzip(bytes: Vec<u8>) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    let written = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    // Writing to memory does not fail. If it did: readers of pprof take a profile that is not
    // compressed as well.
    written.unwrap_or(bytes)
}

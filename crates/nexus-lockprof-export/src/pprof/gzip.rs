//! Compression.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// Gzips `bytes`. The header has no time, so equal input makes equal output.
pub(super) fn gzip(bytes: Vec<u8>) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    let written = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    // Writing to memory does not fail. If it did, readers of pprof also take uncompressed profiles.
    written.unwrap_or(bytes)
}

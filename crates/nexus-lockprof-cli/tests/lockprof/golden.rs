//! Compares outputs with the files under `tests/golden/`. With `LOCKPROF_BLESS=1` in the
//! environment, writes the files instead: read the diff before you keep it.

use std::path::Path;
use std::{env, fs};

#[track_caller]
pub(crate) fn check(name: &str, output: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("LOCKPROF_BLESS").is_some() {
        fs::write(&path, output).unwrap();
    }
    let expected = fs::read_to_string(&path);
    let expected = expected.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        expected == output,
        "{} differs. Expected:\n{expected}\nFound:\n{output}",
        path.display()
    );
}

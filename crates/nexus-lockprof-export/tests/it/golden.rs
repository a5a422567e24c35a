//! Outputs kept in files under `tests/golden/`. `LOCKPROF_BLESS=1` in the environment writes them
//! instead of comparing; read the difference before you keep it.

use std::path::Path;
use std::{env, fs, io};

#[track_caller]
pub(crate) fn check(name: &str, output: &str) {
    // As `println!` writes it.
    check_whole(name, &format!("{output}\n"));
}

/// Checks an output that ends with a line end.
#[track_caller]
pub(crate) fn check_whole(name: &str, output: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("LOCKPROF_BLESS").is_some() {
        let written = fs::write(&path, output);
        assert!(written.is_ok(), "{}: {written:?}", path.display());
    }
    let expected: io::Result<String> = fs::read_to_string(&path);
    match expected {
        Ok(expected) => assert!(
            expected == output,
            "{} differs. Expected:\n{expected}\nFound:\n{output}",
            path.display()
        ),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

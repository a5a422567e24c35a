//! Compiles the library that `lockprof run` preloads. Its sources are in `preload/`, a link to the
//! crate beside this one; a package has the files there. Plain rustc compiles it: the library has
//! no dependencies, so no registry is needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The library's file name. Other code uses it to leave out the library's frames.
const NAME: &str = "liblockprof_preload.so";

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("preload");
    let out = PathBuf::from(variable("OUT_DIR"));
    watch(&root)?;
    let library = out.join(NAME);
    // Without a library, an empty file and the reason.
    let why_not = match is_for_linux() {
        false => "it is for Linux with glibc, on x86-64 and AArch64".to_owned(),
        true => compile(&root.join("lib.rs"), &library)
            .err()
            .unwrap_or_default(),
    };
    if !why_not.is_empty() {
        fs::write(&library, "")?;
    }
    fs::write(out.join("why_not.txt"), why_not)
}

fn variable(name: &str) -> OsString {
    env::var_os(name).unwrap_or_default()
}

fn is_for_linux() -> bool {
    let is = |name: &str, values: &[&str]| values.iter().any(|value| variable(name) == *value);
    is("CARGO_CFG_TARGET_OS", &["linux"])
        && is("CARGO_CFG_TARGET_ENV", &["gnu"])
        && is("CARGO_CFG_TARGET_ARCH", &["x86_64", "aarch64"])
        && is("CARGO_CFG_TARGET_POINTER_WIDTH", &["64"])
}

/// Compiles the library. If that fails, returns the reason; the rest of the program works without
/// the library.
fn compile(source: &Path, library: &Path) -> Result<(), String> {
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg(source).arg("-o").arg(library);
    rustc.arg("--target").arg(variable("TARGET"));
    rustc.args(["--edition=2024", "--crate-type=cdylib"]);
    rustc.args(["--crate-name=lockprof_preload", "--cap-lints=allow"]);
    rustc.args(["-Copt-level=3", "-Cpanic=abort", "-Clto=fat"]);
    // The library is part of stacks that get unwound. Nobody wants its symbols in a program's
    // profile.
    rustc.args(["-Cforce-unwind-tables=yes", "-Cstrip=symbols"]);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("-Clinker=");
        option.push(linker);
        rustc.arg(option);
    }
    let output = rustc
        .output()
        .map_err(|error| format!("rustc could not be run when lockprof was built: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("cargo::warning=`lockprof run` will not work: its library could not be compiled");
    for line in errors.lines() {
        println!("cargo::warning={line}");
    }
    let error = errors.lines().find(|line| line.starts_with("error"));
    Err(format!(
        "its library could not be compiled when lockprof was built: {}",
        error.unwrap_or("rustc failed")
    ))
}

fn watch(folder: &Path) -> io::Result<()> {
    println!(
        "cargo::rerun-if-changed={}",
        fs::canonicalize(folder)?.display()
    );
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            watch(&path)?;
        }
    }
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    Ok(())
}

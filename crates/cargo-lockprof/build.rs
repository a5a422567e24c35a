//! Packs `runtime/` into the program. In the repository it has links to the crates beside this one;
//! in a package, files.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("runtime");
    let mut files = Vec::new();
    collect(&root, &root, &mut files)?;
    files.sort();
    // These files say how the runtime is built.
    let ours = ["src/sources.rs", "src/runtime.rs"]
        .map(|name| (String::new(), root.join("..").join(name)));

    let mut list = String::from("&[\n");
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for (name, path) in files.iter().chain(&ours) {
        let content = fs::read(path)?;
        // FNV-1a. The zeros separate names from contents.
        for byte in name.bytes().chain([0]).chain(content).chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        let path = fs::canonicalize(path)?;
        println!("cargo::rerun-if-changed={}", path.display());
        if name.is_empty() {
            continue;
        }
        let _ = writeln!(list, "    ({name:?}, include_str!({path:?})),");
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("files.rs"), list)?;
    println!("cargo::rustc-env=LOCKPROF_SOURCES_HASH={hash:016x}");
    Ok(())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    // Rerun when files are added.
    println!(
        "cargo::rerun-if-changed={}",
        fs::canonicalize(folder)?.display()
    );
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let name = name.to_string_lossy().replace('\\', "/");
            files.push((name, path));
        }
    }
    Ok(())
}

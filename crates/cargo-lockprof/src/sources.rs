//! The runtime's sources. This program contains them, and writes them to a folder for cargo to
//! build.

use crate::files;
use anyhow::{Context, Result};
use std::path::Path;
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// The names and contents of the files in `runtime/`.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Changes whenever one of the files does.
pub(crate) const HASH: &str = env!("LOCKPROF_SOURCES_HASH");

/// The package that stands in for std: it depends on all others.
pub(crate) const STD: &str = "nexus-lockprof-std";

/// The packages whose code runs at each acquisition.
const ON_THE_HOT_PATH: [&str; 3] = ["nexus-lockprof-adaptor", "nexus-lockprof-engine", STD];

/// Writes the sources into `folder`, as a workspace.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let mut members = Array::new();
    for (name, content) in FILES {
        if let Some(package) = name.strip_suffix("/manifest.toml") {
            members.push(package);
            let manifest =
                member(content).with_context(|| format!("{name} inside this program"))?;
            files::write(&folder.join(package).join("Cargo.toml"), &manifest)?;
        } else if *name != "workspace.toml" {
            files::write(&folder.join(name), content)?;
        }
    }
    let root = FILES.iter().find(|(name, _)| *name == "workspace.toml");
    let root = root.map_or("", |(_, content)| content);
    let root = workspace(root, members).context("workspace.toml inside this program")?;
    files::write(&folder.join("Cargo.toml"), &root)
}

/// The workspace's manifest, with these members and the runtime's profile.
fn workspace(text: &str, members: Array) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    let workspace = document["workspace"]
        .as_table_mut()
        .context("there is no [workspace]")?;
    workspace.remove("exclude");
    workspace["members"] = value(members);
    document.remove("profile");
    let mut release = Table::new();
    // Programs may be built with or without LTO, so libraries have machine code and, by rustc's
    // option, bitcode. With `lto` here they would have only bitcode, and every link would compile
    // it. "off" and not false, which optimises each crate again across its units: a fifth of the
    // time of this build.
    release["lto"] = value("off");
    release["opt-level"] = value(3);
    release["debug"] = value(false);
    // With a single unit, rustc inlines across the whole crate without that LTO.
    let mut packages = Table::new();
    packages.set_implicit(true);
    for name in ON_THE_HOT_PATH {
        let mut package = Table::new();
        package["codegen-units"] = value(1);
        packages[name] = Item::Table(package);
    }
    release["package"] = Item::Table(packages);
    let mut profile = Table::new();
    profile.set_implicit(true);
    profile["release"] = Item::Table(release);
    document["profile"] = Item::Table(profile);
    Ok(document.to_string())
}

/// A member's manifest, without the parts that only the repository needs.
fn member(text: &str) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    for part in ["dev-dependencies", "test", "example", "bench"] {
        document.remove(part);
    }
    if let Some(targets) = document.get_mut("target").and_then(Item::as_table_mut) {
        targets.remove("cfg(lockprof_loom)");
        for (_, target) in targets.iter_mut() {
            if let Some(target) = target.as_table_mut() {
                target.remove("dev-dependencies");
            }
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_needs_nothing_of_the_repository() {
        let text = "[package]\nname = \"x\"\n[dev-dependencies]\na = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\nb = \"1\"\n\
                    [target.'cfg(lockprof_loom)'.dependencies]\nloom = \"1\"\n[target.'cfg(unix)'.dependencies]\nc = \"1\"\n";
        let manifest = member(text).unwrap();
        assert!(manifest.contains("c = \"1\""), "{manifest}");
        for gone in ["a = ", "b = ", "loom"] {
            assert!(!manifest.contains(gone), "{manifest}");
        }
    }

    /// Programs get the versions that the profiler is tested with. `LOCKPROF_WRITE_LOCK=1 cargo
    /// test` rewrites the file.
    #[test]
    fn the_runtimes_lock_file_is_a_part_of_the_repositorys() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::temp_dir().join(format!("lockprof-sources-{}", std::process::id()));
        write(&folder).unwrap();
        let lock = folder.join("Cargo.lock");
        std::fs::copy(package.join("../../Cargo.lock"), &lock).unwrap();
        let mut command = std::process::Command::new(env!("CARGO"));
        command
            .args(["update", "--workspace", "--offline", "--quiet"])
            .current_dir(&folder);
        assert!(command.status().unwrap().success());
        let expected = std::fs::read_to_string(&lock).unwrap();
        files::remove(&folder).unwrap();
        if std::env::var_os("LOCKPROF_WRITE_LOCK").is_some() {
            std::fs::write(package.join("runtime/Cargo.lock"), &expected).unwrap();
        }
        let found = std::fs::read_to_string(package.join("runtime/Cargo.lock")).unwrap();
        assert!(found == expected, "run it with LOCKPROF_WRITE_LOCK=1");
    }
}

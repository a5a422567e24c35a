//! A profiled parking_lot of a given version: a manifest for the sources of this repository, and a copy of the real
//! crate under another package name, which those wrap.
//!
//! A package cannot depend on the one it takes the place of, unless that has another name. So the real source, of the
//! very version that is locked, is copied from where cargo has unpacked it, and nothing in it is changed but the name.

use anyhow::{Context, Result, bail};
use cargo_metadata::Package;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

/// Marks a copy that is whole.
const COMPLETE: &str = ".copied-from";

/// Which of our sources takes the place of a version of parking_lot. `None`: none does.
pub(crate) fn source_for(package: &Package) -> Option<&'static str> {
    match (package.version.major, package.version.minor) {
        // What 0.11 has, 0.12 has too, on the same lock_api.
        (0, 11 | 12) => Some("parking_lot-0.12"),
        (0, 13) => Some("parking_lot-0.13"),
        _ => None,
    }
}

/// Whether a package is one that we have written.
pub(crate) fn is_shim(package: &Package) -> bool {
    package.metadata.get("lockprof").is_some()
}

/// Where this program was built from: what is profiled with is built from there.
pub(crate) fn sources() -> Result<PathBuf> {
    let crates = match std::env::var_os("LOCKPROF_SOURCES") {
        Some(root) => PathBuf::from(root).join("crates"),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
    };
    let adaptor = crates.join("nexus-lockprof-adaptor/Cargo.toml");
    if !adaptor.is_file() {
        bail!(
            "{} is not there: the sources that cargo-lockprof was built from have been moved or deleted. Install it \
             again, or set LOCKPROF_SOURCES to a checkout of nexus-lockprof",
            adaptor.display()
        );
    }
    fs::canonicalize(&crates).with_context(|| format!("{} cannot be found", crates.display()))
}

/// The lock file of [`sources`]: the versions that they were tested with.
pub(crate) fn tested_lock() -> Result<PathBuf> {
    let crates = sources()?;
    let lock = crates.with_file_name("Cargo.lock");
    if !lock.is_file() {
        bail!(
            "{} is not there: it has the versions that the profiler was tested with. Restore it from the repository",
            lock.display()
        );
    }
    Ok(lock)
}

/// Where a shim was written.
pub(crate) struct Written {
    /// The package that takes parking_lot's place.
    pub(crate) shim: PathBuf,
    /// What the package is a copy of.
    pub(crate) version: String,
}

/// How the shim finds the sources of this repository.
pub(crate) enum Sources {
    /// Where they are.
    InPlace,
    /// A copy of the shim's, beside its manifest.
    Copied,
}

/// Writes the shim for `package` into folders of `directory`. `engine` is the features that the engine gets.
pub(crate) fn write(
    directory: &Path,
    package: &Package,
    source: &str,
    how: &Sources,
    engine: &[&str],
) -> Result<Written> {
    let crates = sources()?;
    let version = package.version.to_string();
    let real = directory.join(format!("real-parking_lot-{version}"));
    let from = package
        .manifest_path
        .parent()
        .context("cargo names no folder for parking_lot")?;
    copy_once(from.as_std_path(), &real)?;
    let name = format!(
        "lockprof-real-parking_lot-{}_{}",
        package.version.major, package.version.minor
    );
    rename(&real.join("Cargo.toml"), &name)?;

    let shim = directory.join(format!("parking_lot-{version}"));
    let library = match how {
        Sources::InPlace => crates.join(source).join("src/lib.rs"),
        Sources::Copied => {
            copy_tree(&crates.join(source).join("src"), &shim.join("src"))?;
            PathBuf::from("src/lib.rs")
        }
    };
    let manifest = manifest(package, source, &crates, &library, &name, engine)?;
    write_if_new(&shim.join("Cargo.toml"), &manifest)?;
    Ok(Written { shim, version })
}

/// The manifest of the package that takes parking_lot's place.
fn manifest(
    package: &Package,
    source: &str,
    crates: &Path,
    library: &Path,
    real: &str,
    engine_features: &[&str],
) -> Result<String> {
    let mut manifest = DocumentMut::new();
    let mut header = Table::new();
    header["name"] = value("parking_lot");
    header["version"] = value(package.version.to_string());
    header["edition"] = value("2024");
    header["publish"] = value(false);
    // So that we know it again.
    let mut marker = Table::new();
    marker["lockprof"] = value(true);
    header["metadata"] = Item::Table(marker);
    manifest["package"] = Item::Table(header);
    manifest["lib"] = Item::Table(Table::new());
    manifest["lib"]["path"] = value(unicode(library)?);
    manifest["lib"]["doctest"] = value(false);

    // All that the real one has: each switches its namesake on.
    let mut features = Table::new();
    for (feature, implied) in &package.features {
        let mut list = Array::new();
        for other in implied
            .iter()
            .filter(|name| package.features.contains_key(*name))
        {
            list.push(other);
        }
        if feature != "default" {
            list.push(format!("real/{feature}"));
        }
        if feature == "send_guard" && source == "parking_lot-0.13" {
            list.push("nexus-lockprof-adaptor/send_guard");
        }
        features[feature] = value(list);
    }
    manifest["features"] = Item::Table(features);

    let mut dependencies = Table::new();
    let path = |name: &str| unicode(&crates.join(name));
    let mut adaptor = InlineTable::new();
    adaptor.insert("path", path("nexus-lockprof-adaptor")?.into());
    dependencies["nexus-lockprof-adaptor"] = value(adaptor);
    let mut engine = InlineTable::new();
    engine.insert("path", path("nexus-lockprof-engine")?.into());
    engine.insert(
        "features",
        Array::from_iter(engine_features.iter().copied()).into(),
    );
    dependencies["nexus-lockprof-engine"] = value(engine);
    let mut real_one = InlineTable::new();
    real_one.insert("package", real.into());
    real_one.insert(
        "path",
        format!("../real-parking_lot-{}", package.version).into(),
    );
    real_one.insert("default-features", false.into());
    dependencies["real"] = value(real_one);
    if source == "parking_lot-0.12" {
        // From here on its methods pass their caller on, without which all points would be lines of lock_api.
        dependencies["lock_api"] = value("0.4.14");
    }
    manifest["dependencies"] = Item::Table(dependencies);

    let mut lints = Table::new();
    // Features that this version does not have yet.
    lints["unexpected_cfgs"] = value("allow");
    manifest["lints"] = Item::Table(Table::new());
    manifest["lints"]["rust"] = Item::Table(lints);
    // Not a member of the workspace whose target folder it is in.
    manifest["workspace"] = Item::Table(Table::new());
    Ok(manifest.to_string())
}

/// Gives the package of a manifest another name, and takes away what a dependency does not need.
fn rename(manifest: &Path, name: &str) -> Result<()> {
    let text = read(manifest)?;
    let mut document: DocumentMut = text
        .parse()
        .with_context(|| format!("{} is no manifest", manifest.display()))?;
    for part in ["dev-dependencies", "test", "bench", "example", "badges"] {
        document.remove(part);
    }
    let package = document
        .get_mut("package")
        .and_then(Item::as_table_mut)
        .with_context(|| format!("{} has no [package]", manifest.display()))?;
    package["name"] = value(name);
    for part in ["autotests", "autobenches", "autoexamples", "autobins"] {
        package[part] = value(false);
    }
    // The library's name was the package's, if nothing else was said.
    let library = document.entry("lib").or_insert(Item::Table(Table::new()));
    library["name"] = value("parking_lot");
    document["workspace"] = Item::Table(Table::new());
    write_if_new(manifest, &document.to_string())
}

/// Copies a package, unless that was done before: then cargo would find it changed.
fn copy_once(from: &Path, to: &Path) -> Result<()> {
    let marker = to.join(COMPLETE);
    let source = from.display().to_string();
    if fs::read_to_string(&marker).is_ok_and(|copied| copied == source) {
        return Ok(());
    }
    copy_tree(&from.join("src"), &to.join("src"))?;
    for entry in list(from)? {
        let path = from.join(&entry);
        // The manifest, a build script, what the source includes; not what registries put beside it.
        if path.is_file() && !entry.starts_with('.') {
            copy(&path, &to.join(&entry))?;
        }
    }
    write_if_new(&marker, &source)
}

/// Copies a folder, over what is there.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be replaced", to.display()));
        }
        _ => {}
    }
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in list(from)? {
        let (from, to) = (from.join(&entry), to.join(&entry));
        if from.is_dir() {
            copy_tree(&from, &to)?;
        } else {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<String>> {
    let unread = || format!("{} cannot be listed", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(unread)? {
        let name = entry.with_context(unread)?.file_name();
        names.push(unicode(Path::new(&name))?);
    }
    names.sort();
    Ok(names)
}

/// The content only: what a registry has unpacked may be read-only.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?;
    fs::write(to, content).with_context(|| format!("{} cannot be written", to.display()))
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Writes a file, unless it is that already: cargo builds what is newer than its last build.
pub(crate) fn write_if_new(path: &Path, content: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("{} cannot be written", path.display()))
}

/// A path for a manifest, which is Unicode.
pub(crate) fn unicode(path: &Path) -> Result<String> {
    let text = path.to_str();
    Ok(text
        .with_context(|| format!("{}: a path that is not Unicode", path.display()))?
        .to_owned())
}

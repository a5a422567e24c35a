//! A project, made ready: its lock file copied, the shims written, and what cargo makes of them checked.

use crate::args;
use crate::cargo;
use crate::graph::{Graph, Unseen, label};
use crate::say;
use crate::shim::{self, Sources, Written};
use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, Package};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

/// A project whose next build is a profiled one.
pub(crate) struct Project {
    /// Everything of ours: `lockprof` in the target folder.
    pub(crate) directory: PathBuf,
    /// Its lock file with our packages in it.
    pub(crate) lock: PathBuf,
    /// Cargo's settings, with the replacements.
    pub(crate) config: PathBuf,
    /// Crates whose locks are not seen.
    pub(crate) unseen: BTreeSet<Unseen>,
    /// Of its own lock file.
    pub(crate) guard: Guard,
}

/// What is to be replaced.
struct Found {
    replaceable: Vec<(Package, &'static str)>,
    unseen: BTreeSet<Unseen>,
}

impl Project {
    /// Makes the project ready that cargo's options `args` name. With `dev`, its tests and benches too.
    pub(crate) fn prepare(args: &[OsString], dev: bool) -> Result<Self> {
        let about = args::for_metadata(args);
        let target_dir = args::value_of(args, "--target-dir").map(PathBuf::from);
        let workspace = cargo::without_dependencies(&about_project_only(&about))?;
        let target = match target_dir {
            Some(directory) => std::path::absolute(directory)?,
            None => workspace.target_directory.clone().into_std_path_buf(),
        };
        let directory = target.join("lockprof");
        let original = workspace.workspace_root.as_std_path().join("Cargo.lock");
        let guard = Guard::new(&original)?;
        let locks = Locks::copy(&original, &directory)?;
        let platforms = cargo::platforms(args)?;
        let plain = cargo::graph(&about, &platforms, &locks.plain, None)?;
        let found = find(&plain, dev)?;

        let shims = directory.join("shims");
        let mut written = Vec::new();
        for (package, source) in &found.replaceable {
            written.push(shim::write(&shims, package, source, &Sources::InPlace)?);
        }
        let config = directory.join("config.toml");
        shim::write_if_new(&config, &settings(&written)?)?;

        locks.extend()?;
        // It may not be up to date: it has to get our packages.
        let about = args::without(&about, "--locked", false);
        let about = frozen_is_offline(about);
        let patched = cargo::graph(&about, &platforms, &locks.ours, Some(&config))?;
        guard.check()?;
        check(&patched, &found, &shims, dev)?;
        Ok(Project {
            directory,
            lock: locks.ours,
            config,
            unseen: found.unseen,
            guard,
        })
    }
}

/// Writes the shims of a project into `directory`, for good, and returns what to put into Cargo.toml.
pub(crate) fn vendor(directory: &Path, args: &[OsString]) -> Result<String> {
    let about = args::for_metadata(args);
    let workspace = cargo::without_dependencies(&about_project_only(&about))?;
    let work = workspace.target_directory.as_std_path().join("lockprof");
    let original = workspace.workspace_root.as_std_path().join("Cargo.lock");
    let locks = Locks::copy(&original, &work)?;
    let plain = cargo::graph(&about, &cargo::platforms(args)?, &locks.plain, None)?;
    let found = find(&plain, true)?;
    let mut written = Vec::new();
    for (package, source) in &found.replaceable {
        written.push(shim::write(directory, package, source, &Sources::Copied)?);
    }
    patches(&written).map(|patches| patches.to_string())
}

/// `--features` and the like need the graph.
fn about_project_only(args: &[OsString]) -> Vec<OsString> {
    let mut args = args::without(args, "--locked", false);
    for (name, takes_value) in [
        ("--features", true),
        ("-F", true),
        ("--all-features", false),
        ("--no-default-features", false),
        ("--frozen", false),
    ] {
        args = args::without(&args, name, takes_value);
    }
    args.retain(|arg| !arg.to_str().is_some_and(|arg| arg.starts_with("-F")));
    args
}

/// `--frozen` is `--locked` and `--offline`.
pub(crate) fn frozen_is_offline(args: Vec<OsString>) -> Vec<OsString> {
    let end = args::before_dashes(&args).len();
    let rename = |(index, arg): (usize, OsString)| match arg.to_str() {
        Some("--frozen") if index < end => OsString::from("--offline"),
        _ => arg,
    };
    args.into_iter().enumerate().map(rename).collect()
}

/// Sees to it that the project's lock file stays as it is. Cargo is told to use another; should a cargo not do so, the
/// file is put back.
pub(crate) struct Guard {
    path: PathBuf,
    content: Option<Vec<u8>>,
}

impl Guard {
    fn new(path: &Path) -> Result<Self> {
        let content = match fs::read(path) {
            Ok(content) => Some(content),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        Ok(Guard {
            path: path.to_owned(),
            content,
        })
    }

    /// Fails if the file was changed, after it was put back.
    pub(crate) fn check(&self) -> Result<()> {
        let now = fs::read(&self.path).ok();
        if now == self.content {
            return Ok(());
        }
        match &self.content {
            Some(content) => fs::write(&self.path, content),
            None => fs::remove_file(&self.path),
        }
        .with_context(|| format!("{} was changed and cannot be put back", self.path.display()))?;
        bail!(
            "{} was changed meanwhile, and has been put back. If it was not you: this cargo does not take the setting \
             resolver.lockfile-path",
            self.path.display()
        )
    }
}

/// Copies of the project's lock file.
struct Locks {
    /// For a look at the graph as it is.
    plain: PathBuf,
    /// With our packages.
    ours: PathBuf,
    /// What `ours` was made from.
    basis: PathBuf,
}

impl Locks {
    fn copy(original: &Path, directory: &Path) -> Result<Self> {
        let locks = Locks {
            plain: directory.join("plain/Cargo.lock"),
            ours: directory.join("Cargo.lock"),
            basis: directory.join("basis/Cargo.lock"),
        };
        if original.is_file() {
            shim::write_if_new(&locks.plain, &shim::read(original)?)?;
        } else {
            // Cargo would make one: there.
            let folder = directory.join("plain");
            fs::create_dir_all(&folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        Ok(locks)
    }

    /// Starts ours from the project's, if that is another than the last time; if not, the versions of our packages stay.
    fn extend(&self) -> Result<()> {
        let plain = shim::read(&self.plain)?;
        let known = fs::read_to_string(&self.basis).is_ok_and(|basis| basis == plain);
        if !known || !self.ours.is_file() {
            shim::write_if_new(&self.ours, &plain)?;
            shim::write_if_new(&self.basis, &plain)?;
        }
        Ok(())
    }
}

/// All parking_lots of a graph, and what else has locks.
fn find(metadata: &Metadata, dev: bool) -> Result<Found> {
    let graph = Graph::new(metadata, dev);
    if let Some(own) = graph.named("nexus-lockprof").first() {
        bail!(
            "the project uses {} itself ({}), which is made of parking_lot: profiled by both, its locks would be \
             counted twice. Run it with cargo run; LOCKPROF_OUT=FILE has it write its profile",
            label(own),
            graph.dependents(own).join(", ")
        );
    }
    let mut found = Found {
        replaceable: Vec::new(),
        unseen: graph.unseen(),
    };
    for package in graph.named("parking_lot") {
        let of_registry = package
            .source
            .as_ref()
            .is_some_and(|source| source.is_crates_io());
        let users = graph.dependents(package).join(", ");
        match shim::source_for(package) {
            Some(source) if of_registry => found.replaceable.push((package.clone(), source)),
            supported => {
                let why = if supported.is_some() {
                    format!("not from crates.io; used by {users}")
                } else {
                    format!("a version that is not supported; used by {users}")
                };
                found.unseen.insert(Unseen {
                    name: label(package),
                    why,
                });
            }
        }
    }
    if found.replaceable.is_empty() {
        say(format_args!(
            "warning: nothing in this project is built from parking_lot 0.11 to 0.13: there will be no profile"
        ));
    }
    Ok(found)
}

/// `[patch.crates-io]` for what was written.
fn patches(written: &[Written]) -> Result<DocumentMut> {
    let mut patch = Table::new();
    for (index, one) in written.iter().enumerate() {
        let mut place = InlineTable::new();
        // Of several versions, each needs a key of its own.
        let key = if index == 0 {
            "parking_lot".to_owned()
        } else {
            place.insert("package", "parking_lot".into());
            format!("parking_lot-{}", one.version.replace('.', "_"))
        };
        place.insert("path", shim::unicode(&one.shim)?.into());
        patch[&key] = value(place);
    }
    let mut document = DocumentMut::new();
    let mut registries = Table::new();
    registries.set_implicit(true);
    registries["crates-io"] = Item::Table(patch);
    document["patch"] = Item::Table(registries);
    Ok(document)
}

/// Cargo's settings for the profiled build.
fn settings(written: &[Written]) -> Result<String> {
    let mut document = if written.is_empty() {
        DocumentMut::new()
    } else {
        patches(written)?
    };
    // Lines of the functions that call, for the call stacks. The code is the same.
    let mut profiles = Table::new();
    profiles.set_implicit(true);
    for profile in ["release", "bench"] {
        let mut settings = Table::new();
        settings["debug"] = value("line-tables-only");
        settings["strip"] = value("none");
        profiles[profile] = Item::Table(settings);
    }
    document["profile"] = Item::Table(profiles);
    Ok(document.to_string())
}

/// Whether each parking_lot is ours now. Cargo leaves a replacement out without failing.
fn check(metadata: &Metadata, found: &Found, shims: &Path, dev: bool) -> Result<()> {
    let graph = Graph::new(metadata, dev);
    let packages = graph.named("parking_lot");
    for (wanted, _) in &found.replaceable {
        let taken = packages.iter().any(|package| {
            package.version == wanted.version
                && package.manifest_path.as_std_path().starts_with(shims)
        });
        if taken {
            continue;
        }
        let same_line = |package: &&&Package| {
            package.version.major == wanted.version.major
                && package.version.minor == wanted.version.minor
        };
        let instead: Vec<String> = packages
            .iter()
            .filter(same_line)
            .map(|package| {
                let users = graph.dependents(package).join(", ");
                format!("{}, which is used by {users}", label(package))
            })
            .collect();
        bail!(
            "cargo has not taken the profiled {}, but {}. The project's own [patch] or a requirement of one of these \
             may stand in the way",
            label(wanted),
            if instead.is_empty() {
                "nothing instead".to_owned()
            } else {
                instead.join("; ")
            }
        );
    }
    Ok(())
}

//! A project, made ready: its lock file copied, the shims written, and what cargo makes of them checked.

use crate::args;
use crate::cargo;
use crate::graph::{Graph, Unseen, label};
use crate::locks::Locks;
use crate::say;
use crate::shim::{self, Sources, Written};
use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, Package};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
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
}

/// What is to be replaced.
struct Found {
    replaceable: Vec<(Package, &'static str)>,
    /// One that is profiled already, for good.
    vendored: Option<String>,
    unseen: BTreeSet<Unseen>,
}

impl Project {
    /// Makes the project ready that cargo's options `args` name. With `dev`, its tests and benches too; with `serve`, so that
    /// its programs can be asked while they run.
    pub(crate) fn prepare(args: &[OsString], dev: bool, serve: bool) -> Result<Self> {
        let about = args::for_metadata(args);
        let target_dir = args::value_of(args, "--target-dir").map(PathBuf::from);
        let workspace = cargo::without_dependencies(&args::project_only(&about))?;
        let target = match target_dir {
            Some(directory) => std::path::absolute(directory)?,
            None => workspace.target_directory.clone().into_std_path_buf(),
        };
        let directory = target.join("lockprof");
        let root = workspace.workspace_root.as_std_path();
        let own = directory.join("projects").join(name_of(root));
        let original = root.join("Cargo.lock");
        let guard = Guard::new(&original)?;
        let locks = Locks::copy(&original, &own)?;
        let platforms = cargo::platforms(args)?;
        let plain = cargo::graph(&about, &platforms, &locks.plain, None)?;
        guard.check()?;
        let selected = args::packages(args);
        let found = find(&plain, selected.as_deref(), dev)?;
        warn_of_unstable_settings(args);

        // Of each kind its own: two runs at one time do not change each other's manifests.
        let (shims, features) = if serve {
            (directory.join("shims-serve"), &["stacks", "serve"][..])
        } else {
            (directory.join("shims"), &["stacks"][..])
        };
        let mut written = Vec::new();
        for (package, source) in &found.replaceable {
            written.push(shim::write(
                &shims,
                package,
                source,
                &Sources::InPlace,
                features,
            )?);
        }
        let config = own.join("config.toml");
        shim::write_if_new(&config, &settings(&written)?)?;

        let patched = with_ours(&locks, about, &platforms, &config, args)?;
        guard.check()?;
        check(&patched, &plain, &found, &shims, selected.as_deref(), dev)?;
        Ok(Project {
            directory,
            lock: locks.ours,
            config,
            unseen: found.unseen,
        })
    }
}

/// The project's graph with our packages in it, of which `locks` has the lock file then.
fn with_ours(
    locks: &Locks,
    about: Vec<OsString>,
    platforms: &[String],
    config: &Path,
    args: &[OsString],
) -> Result<Metadata> {
    // It may not be up to date: it has to get our packages.
    let about = args::without(&about, "--locked", false);
    let about = frozen_is_offline(about);
    locks
        .graph(&about, platforms, config)
        .map_err(|error| explain(error, args))
}

/// Writes the shims of a project into `directory`, for good, with the lock file that goes with them, and returns what to put
/// into Cargo.toml.
pub(crate) fn vendor(directory: &Path, args: &[OsString]) -> Result<String> {
    let about = args::for_metadata(args);
    let workspace = cargo::without_dependencies(&args::project_only(&about))?;
    let root = workspace.workspace_root.as_std_path();
    let work = workspace.target_directory.as_std_path();
    let work = work.join("lockprof/vendored").join(name_of(root));
    let original = root.join("Cargo.lock");
    let locks = Locks::copy(&original, &work)?;
    let platforms = cargo::platforms(args)?;
    let plain = cargo::graph(&about, &platforms, &locks.plain, None)?;
    let found = find(&plain, None, true)?;
    if let Some(ours) = &found.vendored {
        bail!(
            "{ours} is a profiled one already. To write it anew, take its lines out of [patch.crates-io] first: the \
             project's own version of parking_lot is what it is made from"
        );
    }
    if found.replaceable.is_empty() {
        bail!("nothing in this project is built from parking_lot 0.11 to 0.13");
    }
    let mut written = Vec::new();
    for (package, source) in &found.replaceable {
        let mut one = shim::write(directory, package, source, &Sources::Copied, &["stacks"])?;
        // What is printed goes into the manifest of the workspace, wherever this was called.
        one.shim = relative_to(root, &one.shim)?;
        written.push(one);
    }
    let lines = patches(&written)?.to_string();
    // Named from the root, where the settings are not.
    for one in &mut written {
        one.shim = root.join(&one.shim);
    }
    let config = work.join("config.toml");
    shim::write_if_new(&config, &patches(&written)?.to_string())?;
    with_ours(&locks, about, &platforms, &config, args)?;
    shim::write_if_new(&directory.join("Cargo.lock"), &shim::read(&locks.ours)?)?;
    Ok(lines)
}

/// `path` as a manifest in `root` would name it: absolute if it is not below.
fn relative_to(root: &Path, path: &Path) -> Result<PathBuf> {
    let absolute = |path: &Path| {
        fs::canonicalize(path).with_context(|| format!("{} cannot be found", path.display()))
    };
    let (root, path) = (absolute(root)?, absolute(path)?);
    Ok(path
        .strip_prefix(root)
        .map(Path::to_owned)
        .unwrap_or(path.clone()))
}

/// A name for the folder of a project: several may share a target folder.
fn name_of(root: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}-{:016x}", hasher.finish())
}

/// Cargo takes unstable settings while it takes ours, also where it would have left them alone.
fn warn_of_unstable_settings(args: &[OsString]) {
    let is_stable = cargo::rustc(&["--version"]).is_ok_and(|version| !version.contains("nightly"));
    if let Some(serde_json::Value::Object(settings)) = cargo::setting("unstable", args)
        && is_stable
    {
        let names: Vec<&str> = settings.keys().map(String::as_str).collect();
        say(format_args!(
            "warning: the project's settings [unstable] {} hold here, though this cargo is a stable one: the setting that \
             names another lock file is unstable too",
            names.join(", ")
        ));
    }
}

/// Why our packages may not be had.
fn explain(error: anyhow::Error, args: &[OsString]) -> anyhow::Error {
    match cargo::setting("source.crates-io.replace-with", args) {
        Some(serde_json::Value::String(source)) => error.context(format!(
            "crates.io is replaced by {source} in this project's settings: what the profiler itself is built from has to be \
             there, too"
        )),
        _ => error,
    }
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
struct Guard {
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
    fn check(&self) -> Result<()> {
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

/// All parking_lots of a graph, and what else has locks.
fn find(metadata: &Metadata, selected: Option<&[String]>, dev: bool) -> Result<Found> {
    let graph = Graph::new(metadata, selected, dev);
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
        vendored: None,
        unseen: graph.unseen(),
    };
    for package in graph.named("parking_lot") {
        if shim::is_shim(package) {
            found.vendored = Some(label(package));
            continue;
        }
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
    if found.replaceable.is_empty() && found.vendored.is_none() {
        say(format_args!(
            "warning: nothing in this project is built from parking_lot 0.11 to 0.13: there will be no profile"
        ));
    }
    Ok(found)
}

/// `[patch.crates-io]` for what was written.
fn patches(written: &[Written]) -> Result<DocumentMut> {
    let mut patch = Table::new();
    for one in written {
        let mut place = InlineTable::new();
        // A key of its own: of several versions, and beside a patch of the project's own, which would be replaced.
        let key = format!("lockprof-parking_lot-{}", one.version.replace('.', "_"));
        place.insert("package", "parking_lot".into());
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

/// Whether each parking_lot is ours now, and each that is not to be is what it was. Cargo leaves a replacement out without failing.
fn check(
    metadata: &Metadata,
    plain: &Metadata,
    found: &Found,
    shims: &Path,
    selected: Option<&[String]>,
    dev: bool,
) -> Result<()> {
    let graph = Graph::new(metadata, selected, dev);
    let packages = graph.named("parking_lot");
    for before in Graph::new(plain, selected, dev).named("parking_lot") {
        let is_wanted = |(wanted, _): &(Package, _)| wanted.id == before.id;
        if !found.replaceable.iter().any(is_wanted)
            && !packages.iter().any(|now| now.id == before.id)
        {
            bail!(
                "cargo has left out {}, which is not to be profiled, and would build something else in its place",
                label(before)
            );
        }
    }
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

//! Copies of a project's lock file, in one of which our packages are.

use crate::cargo;
use crate::say;
use crate::shim;
use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml_edit::DocumentMut;

/// Copies of the project's lock file.
pub(crate) struct Locks {
    /// For a look at the graph as it is.
    pub(crate) plain: PathBuf,
    /// With our packages.
    pub(crate) ours: PathBuf,
    /// What `ours` was made from.
    basis: PathBuf,
}

/// The most packages that are moved to other versions before it is given up. Ours depend on about as many.
const MOST_MOVED: usize = 40;

impl Locks {
    /// Copies the project's, if it has one, into a folder of the project's own.
    pub(crate) fn copy(original: &Path, directory: &Path) -> Result<Self> {
        let locks = Locks {
            plain: directory.join("plain/Cargo.lock"),
            ours: directory.join("Cargo.lock"),
            basis: directory.join("basis/Cargo.lock"),
        };
        if original.is_file() {
            shim::write_if_new(&locks.plain, &shim::read(original)?)?;
            return Ok(locks);
        }
        // Cargo would make one: there, and not from one of another day.
        let folder = directory.join("plain");
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        match fs::remove_file(&locks.plain) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error)
                .with_context(|| format!("{} cannot be removed", locks.plain.display()))?,
            _ => Ok(locks),
        }
    }

    /// Starts ours from the project's, if that is another than the last time; if not, the versions of our packages stay.
    pub(crate) fn extend(&self) -> Result<()> {
        let plain = shim::read(&self.plain)?;
        let known = fs::read_to_string(&self.basis).is_ok_and(|basis| basis == plain);
        if !known || !self.ours.is_file() {
            shim::write_if_new(&self.ours, &plain)?;
            shim::write_if_new(&self.basis, &plain)?;
        }
        Ok(())
    }

    /// The graph with our packages in it. Where the project has locked a version that is older than one that ours need, it is
    /// moved to a newer one in our copy, and that is said: the profiled program has another then.
    pub(crate) fn graph(
        &self,
        args: &[OsString],
        platforms: &[String],
        config: &Path,
    ) -> Result<Metadata> {
        let graph = || cargo::graph(args, platforms, &self.ours, Some(config));
        let mut result = graph();
        let mut moved = Vec::new();
        // Each attempt names one package more: also the one to move those before.
        while let Err(error) = &result {
            match in_conflict(&error.to_string()) {
                Some(package) if moved.len() < MOST_MOVED && !moved.contains(&package) => {
                    moved.push(package);
                }
                _ => break,
            }
            result = cargo::update(args, &self.ours, config, &moved).and_then(|()| graph());
        }
        if result.is_ok() {
            self.tell_moved()?;
        }
        result
    }

    fn tell_moved(&self) -> Result<()> {
        let before = packages(&self.plain)?;
        let after = packages(&self.ours)?;
        let moved: Vec<String> = before
            .difference(&after)
            .filter_map(|(name, version)| {
                let new = after.difference(&before).find(|(other, _)| other == name)?;
                Some(format!("{name} {} instead of {version}", new.1))
            })
            .collect();
        if !moved.is_empty() {
            say(format_args!(
                "the profiled program is built with {}, which the profiler needs",
                moved.join(", ")
            ));
        }
        Ok(())
    }
}

/// Names and versions of a lock file's packages.
fn packages(lock: &Path) -> Result<BTreeSet<(String, String)>> {
    let document: DocumentMut = shim::read(lock)?
        .parse()
        .with_context(|| format!("{} is no lock file", lock.display()))?;
    let list = document
        .get("package")
        .and_then(|item| item.as_array_of_tables());
    let text = |table: &toml_edit::Table, key| Some(table.get(key)?.as_str()?.to_owned());
    Ok(list
        .into_iter()
        .flatten()
        .filter_map(|table| Some((text(table, "name")?, text(table, "version")?)))
        .collect())
}

/// The package whose locked version is in the way, as cargo's message has it: `libc@0.2.153`. The message comes from either side: who wants
/// the locked version is refused, or who wants a newer one.
fn in_conflict(message: &str) -> Option<String> {
    let between = |start: &str, end: &str| Some(message.split_once(start)?.1.split_once(end)?.0);
    let name = between("failed to select a version for `", "`")?;
    let wanted = between("versions that meet the requirements", "are:")?;
    let version = match wanted.split_once("(locked to ") {
        Some((_, rest)) => rest.split_once(')')?.0,
        None => {
            let selected = between("previously selected package `", "`")?;
            let (other, version) = selected.split_once(" v")?;
            (other == name).then(|| version.split_whitespace().next())??
        }
    };
    Some(format!("{name}@{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts() {
        let newer = "error: failed to select a version for `libc`.\n    ... required by package `quanta v0.13.0`\n\
            versions that meet the requirements `^0.2.183` are: 0.2.191, 0.2.183\n\n\
            all possible versions conflict with previously selected packages.\n\n\
            \x20 previously selected package `libc v0.2.153`\n    ... which satisfies";
        assert_eq!(in_conflict(newer).as_deref(), Some("libc@0.2.153"));
        let locked = "error: failed to select a version for `lock_api`.\n    ... required by package `real v0.12.3 (/a)`\n\
            versions that meet the requirements `^0.4.6` (locked to 0.4.12) are: 0.4.12\n\n\
            \x20 previously selected package `lock_api v0.4.14`\n";
        assert_eq!(in_conflict(locked).as_deref(), Some("lock_api@0.4.12"));
        assert_eq!(
            in_conflict("error: no matching package named `x` found"),
            None
        );
    }
}

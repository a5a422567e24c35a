//! The modules of a crate, and which of them import which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Names of a path, from the crate's root.
pub(crate) type Module = Vec<String>;

#[derive(Default)]
pub(crate) struct Crate {
    /// Modules that are files.
    pub(crate) files: BTreeMap<Module, PathBuf>,
    /// Modules inside files.
    pub(crate) inline: BTreeSet<Module>,
    /// Modules for tests only.
    pub(crate) tests: BTreeSet<Module>,
    /// Names that a module re-exports, and their sources: several if features decide.
    pub(crate) exports: BTreeMap<(Module, String), Vec<Module>>,
    /// The imports of each file, from the root.
    pub(crate) imports: Vec<(Module, Module)>,
    /// Names that a file's `use` brings in, and their targets.
    pub(crate) names: BTreeMap<(Module, String), Module>,
    /// Paths that begin with a name that may be one of those.
    pub(crate) by_name: Vec<(Module, Module)>,
}

impl Crate {
    pub(crate) fn is_module(&self, path: &[String]) -> bool {
        self.files.contains_key(path) || self.inline.contains(path)
    }

    /// The files that a path leads to: several if features decide.
    fn files(&self, path: &[String], depth: usize) -> BTreeSet<Module> {
        let len = (0..=path.len())
            .rev()
            .find(|&len| self.is_module(&path[..len]))
            .unwrap_or(0);
        let (module, rest) = path.split_at(len);
        let exported = rest
            .first()
            .and_then(|name| self.exports.get(&(module.to_vec(), name.clone())));
        if let Some(targets) = exported.filter(|_| depth < 16) {
            return targets
                .iter()
                .flat_map(|target| self.files(&[target, &rest[1..]].concat(), depth + 1))
                .collect();
        }
        let mut above = (0..=len).rev().map(|len| &path[..len]);
        above
            .find(|path| self.files.contains_key(*path))
            .map(<[String]>::to_vec)
            .into_iter()
            .collect()
    }

    fn is_test(&self, file: &[String]) -> bool {
        (1..=file.len()).any(|len| self.tests.contains(&file[..len]))
    }

    pub(crate) fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        let by_name = self.by_name.iter().filter_map(|(from, path)| {
            let (name, rest) = path.split_first()?;
            let module = self.names.get(&(from.clone(), name.clone()))?;
            self.is_module(module)
                .then(|| (from.clone(), [module, rest].concat()))
        });
        for (from, path) in self.imports.iter().cloned().chain(by_name) {
            for to in self.files(&path, 0) {
                if to != from && !self.is_test(&from) && !self.is_test(&to) {
                    edges.entry(from.clone()).or_default().insert(to);
                }
            }
        }
        edges
    }
}

pub(crate) fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

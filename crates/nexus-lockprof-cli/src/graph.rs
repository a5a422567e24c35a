//! Which locks a dependency graph has: those that can be replaced, and those that cannot.

use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

/// A graph, as far as a program is built from it.
pub(crate) struct Graph<'a> {
    packages: HashMap<&'a PackageId, &'a Package>,
    nodes: HashMap<&'a PackageId, &'a Node>,
    reached: HashSet<&'a PackageId>,
}

/// A crate whose locks are not seen, and why.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Unseen {
    pub(crate) name: String,
    pub(crate) why: String,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.why)
    }
}

/// Name and version, as cargo writes them.
pub(crate) fn label(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

impl<'a> Graph<'a> {
    /// Of the packages `selected` by name, or, if none is, of those that cargo would take where it was called; `None`: of all. With
    /// `dev`, the dependencies of tests, examples and benches are part of it.
    pub(crate) fn new(metadata: &'a Metadata, selected: Option<&[String]>, dev: bool) -> Self {
        let nodes: HashMap<_, _> = metadata
            .resolve
            .iter()
            .flat_map(|resolve| &resolve.nodes)
            .map(|node| (&node.id, node))
            .collect();
        let mut graph = Graph {
            packages: metadata.packages.iter().map(|p| (&p.id, p)).collect(),
            nodes,
            reached: HashSet::new(),
        };
        let members = roots(metadata, selected);
        let mut open: Vec<_> = members.iter().copied().collect();
        while let Some(id) = open.pop() {
            if graph.reached.insert(id) {
                open.extend(graph.dependencies(id, dev && members.contains(id)));
            }
        }
        graph
    }

    /// What goes into the program with `id`: not what its build script or its macros are made of.
    fn dependencies(&self, id: &PackageId, dev: bool) -> Vec<&'a PackageId> {
        let Some(node) = self.nodes.get(id) else {
            return Vec::new();
        };
        node.deps
            .iter()
            .filter(|dep| {
                dep.dep_kinds.iter().any(|kind| match kind.kind {
                    DependencyKind::Normal => true,
                    DependencyKind::Development => dev,
                    _ => false,
                })
            })
            .filter(|dep| !self.is_macro(&dep.pkg))
            .map(|dep| &dep.pkg)
            .collect()
    }

    fn is_macro(&self, id: &PackageId) -> bool {
        self.packages
            .get(id)
            .is_some_and(|package| package.targets.iter().any(|target| target.is_proc_macro()))
    }

    fn reached(&self) -> impl Iterator<Item = &'a Package> + '_ {
        self.packages
            .values()
            .copied()
            .filter(|package| self.reached.contains(&package.id))
    }

    /// All packages of a name, lowest version first.
    pub(crate) fn named(&self, name: &str) -> Vec<&'a Package> {
        let mut found: Vec<_> = self.reached().filter(|p| p.name.as_str() == name).collect();
        found.sort_by(|a, b| a.version.cmp(&b.version));
        found
    }

    /// Who depends on a package, and how: `moka 0.12.16 (^0.12.1)`.
    pub(crate) fn dependents(&self, of: &Package) -> Vec<String> {
        let mut found = BTreeSet::new();
        for package in self.reached() {
            let uses = self
                .nodes
                .get(&package.id)
                .is_some_and(|node| node.deps.iter().any(|dep| dep.pkg == of.id));
            if !uses {
                continue;
            }
            for dependency in &package.dependencies {
                if dependency.name == of.name.as_str() && dependency.req.matches(&of.version) {
                    found.insert(format!("{} ({})", label(package), dependency.req));
                }
            }
        }
        found.into_iter().collect()
    }

    /// Crates with locks that parking_lot's replacement does not reach, besides `parking_lot`s.
    ///
    /// What is made of std's or tokio's locks, or of atomics, cannot be told from a graph.
    pub(crate) fn unseen(&self) -> BTreeSet<Unseen> {
        let mut unseen = BTreeSet::new();
        for package in self.reached() {
            if package.name.as_str() == "parking_lot" || is_of_ours(package) {
                continue;
            }
            if package.name.as_str() == "spin" {
                unseen.insert(Unseen {
                    name: label(package),
                    why: "spin locks of its own".to_owned(),
                });
            }
            let direct: HashSet<&str> = self
                .dependencies(&package.id, false)
                .iter()
                .filter_map(|id| self.packages.get(id))
                .map(|package| package.name.as_str())
                .collect();
            let why = if direct.contains("lock_api") {
                "raw locks of its own, on lock_api"
            } else if direct.contains("parking_lot_core") {
                "locks of its own, on parking_lot_core"
            } else {
                continue;
            };
            unseen.insert(Unseen {
                name: label(package),
                why: why.to_owned(),
            });
        }
        unseen
    }
}

/// The packages that are built.
fn roots<'a>(metadata: &'a Metadata, selected: Option<&[String]>) -> HashSet<&'a PackageId> {
    let all = || metadata.workspace_members.iter().collect();
    let Some(names) = selected else {
        return all();
    };
    if names.is_empty() {
        return match metadata.root_package() {
            Some(package) => HashSet::from([&package.id]),
            None if metadata.workspace_default_members.is_available() => {
                metadata.workspace_default_members.iter().collect()
            }
            None => all(),
        };
    }
    let members = metadata.workspace_packages();
    let mut found = HashSet::new();
    for name in names {
        match members.iter().find(|package| package.name.as_str() == name) {
            Some(package) => found.insert(&package.id),
            // A pattern, or a specification: too many are better than one too few.
            None => return all(),
        };
    }
    found
}

/// What a vendored shim is made of.
fn is_of_ours(package: &Package) -> bool {
    let name = package.name.as_str();
    name.starts_with("lockprof-real-parking_lot-") || name == "nexus-lockprof-adaptor"
}

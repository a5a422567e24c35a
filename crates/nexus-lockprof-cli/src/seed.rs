//! What cargo starts from when it resolves a project with our packages in it: the project's lock file, and beside it the
//! packages of this repository's own, so that the profiler is built from the versions that it was tested with.
//!
//! Cargo keeps a locked version wherever a requirement admits it, also if nothing in the lock file depends on it yet, and
//! drops what stays unused.

use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use cargo_metadata::semver::Version;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use crate::shim;

/// A package of a lock file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id {
    name: String,
    version: Version,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl Id {
    /// `libc v0.2.153`, as cargo's messages have it; a path may follow.
    fn of_message(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once(" v")?;
        Id::new(name, rest.split_whitespace().next()?)
    }

    fn of_table(table: &Table) -> Option<Self> {
        Id::new(
            table.get("name")?.as_str()?,
            table.get("version")?.as_str()?,
        )
    }

    fn new(name: &str, version: &str) -> Option<Self> {
        Some(Id {
            name: name.to_owned(),
            version: version.parse().ok()?,
        })
    }

    /// Whether cargo would not have both in one graph.
    fn is_compatible(&self, other: &Id) -> bool {
        let line = |version: &Version| match (version.major, version.minor) {
            (0, 0) => (0, 0, version.patch),
            (0, minor) => (0, minor, 0),
            (major, _) => (major, 0, 0),
        };
        self.name == other.name && line(&self.version) == line(&other.version)
    }
}

/// A lock file.
#[derive(Clone)]
pub(crate) struct Lock(DocumentMut);

impl Lock {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Lock::parse(&shim::read(path)?)
            .with_context(|| format!("{} is no lock file", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(Lock(text.parse()?))
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        let list = self.0.get("package").and_then(Item::as_array_of_tables);
        list.into_iter().flatten()
    }

    fn packages(&self) -> BTreeSet<Id> {
        self.tables().filter_map(Id::of_table).collect()
    }

    /// All but `moved`, and of `added` what is not there in a compatible version: what is there was decided by the project.
    fn with(&self, moved: &BTreeSet<Id>, added: &[(Id, Table)]) -> Self {
        let mut tables = ArrayOfTables::new();
        let mut there = BTreeSet::new();
        for table in self.tables() {
            let id = Id::of_table(table);
            if id.as_ref().is_some_and(|id| moved.contains(id)) {
                continue;
            }
            there.extend(id);
            tables.push(at_the_end(table));
        }
        for (id, table) in added {
            if !there.iter().any(|other| other.is_compatible(id)) {
                tables.push(at_the_end(table));
            }
        }
        let mut document = self.0.clone();
        document.insert("package", Item::ArrayOfTables(tables));
        Lock(document)
    }
}

/// Without its place in the document that it comes from.
fn at_the_end(table: &Table) -> Table {
    let mut table = table.clone();
    table.set_position(None);
    table
}

/// A lock file to start from, and what had to be changed of it until cargo could.
pub(crate) struct Seed {
    project: Lock,
    /// Packages of the project whose locked versions are too old.
    moved: BTreeSet<Id>,
    /// From registries.
    tested: Vec<(Id, Table)>,
    /// Tested ones that were given up, each with the locked package that it was in conflict with.
    given_up: Vec<(Id, Id)>,
}

/// Versions that someone may wonder at, in words.
#[derive(Default)]
pub(crate) struct Changes {
    /// Of the project's own packages.
    pub(crate) moved: Vec<String>,
    /// Of the profiler's.
    pub(crate) untested: Vec<String>,
}

impl Seed {
    pub(crate) fn new(project: Lock, tested: Lock) -> Self {
        let tested = tested
            .tables()
            .filter(|table| table.contains_key("source"))
            .filter_map(|table| Some((Id::of_table(table)?, table.clone())))
            .collect();
        Seed {
            project,
            moved: BTreeSet::new(),
            tested,
            given_up: Vec::new(),
        }
    }

    /// The lock file.
    pub(crate) fn text(&self) -> String {
        let mut added = self.tested.clone();
        added.retain(|(id, _)| !self.is_given_up(id));
        self.project.with(&self.moved, &added).0.to_string()
    }

    fn is_given_up(&self, id: &Id) -> bool {
        self.given_up.iter().any(|(given_up, _)| given_up == id)
    }

    /// Whether there is another start to try after cargo's refusal.
    ///
    /// The project's versions stay if they can: first we give up the tested version of a package that does not go with
    /// them. If no other version does, a package of the project is moved, and the tested version is right after all.
    pub(crate) fn give_way(&mut self, message: &str) -> bool {
        let Some(conflict) = Conflict::of(message) else {
            return false;
        };
        let locked = conflict.locked;
        let before = self.given_up.len();
        let project = self.project.packages();
        let in_place = |id: &Id| project.contains(id) && !self.moved.contains(id);
        let is_projects = in_place(&locked);
        let sides = if is_projects {
            conflict.users
        } else {
            vec![locked.clone()]
        };
        for id in sides {
            let is_tested = self.tested.iter().any(|(tested, _)| *tested == id);
            if is_tested && !in_place(&id) && !self.is_given_up(&id) {
                self.given_up.push((id, locked.clone()));
            }
        }
        if self.given_up.len() > before {
            return true;
        }
        if is_projects {
            self.given_up.retain(|(_, cause)| *cause != locked);
            self.moved.insert(locked);
        }
        is_projects
    }

    /// What `result` has on the platforms of `metadata` that is neither the project's version nor a tested one.
    pub(crate) fn changes(&self, result: &Lock, metadata: &Metadata) -> Changes {
        let before = self.project.packages();
        let after = result.packages();
        let built: BTreeSet<Id> = metadata
            .packages
            .iter()
            .filter(|package| package.source.is_some())
            .map(|package| Id {
                name: package.name.to_string(),
                version: package.version.clone(),
            })
            .collect();
        let gone: Vec<&Id> = before.difference(&after).collect();
        let mut changes = Changes::default();
        for new in after.difference(&before).filter(|id| built.contains(id)) {
            let tested = self.tested.iter().map(|(tested, _)| tested);
            let tested: Vec<&Id> = tested.filter(|tested| tested.name == new.name).collect();
            if let Some(old) = gone.iter().find(|old| old.is_compatible(new)) {
                let moved = format!("{new} instead of {}", old.version);
                changes.moved.push(moved);
            } else if !tested.contains(&new) {
                changes.untested.push(match tested.first() {
                    Some(tested) => format!("{new} (but with {})", tested.version),
                    None => new.to_string(),
                });
            }
        }
        changes
    }
}

/// Two who want different versions of a package, one of which is locked.
#[derive(Debug, Eq, PartialEq)]
struct Conflict {
    locked: Id,
    /// Who wants one, of either side.
    users: Vec<Id>,
}

impl Conflict {
    /// What cargo's message says. It comes from either side: who wants the locked version is refused, or who wants a newer one.
    fn of(message: &str) -> Option<Self> {
        let name = between(message, "failed to select a version for `", "`")?;
        let wanted = between(message, "versions that meet the requirements", "are:")?;
        let other = message.split_once("previously selected package `");
        let locked = match wanted.split_once("(locked to ") {
            Some((_, rest)) => Id::new(name, rest.split_once(')')?.0)?,
            None => {
                let selected = Id::of_message(other?.1.split_once('`')?.0)?;
                (selected.name == name).then_some(selected)?
            }
        };
        let refused = between(message, "required by package `", "`");
        let served = other.and_then(|(_, rest)| between(rest, "of package `", "`"));
        let users = refused.into_iter().chain(served);
        Some(Conflict {
            locked,
            users: users.filter_map(Id::of_message).collect(),
        })
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "registry+https://registry.example/index";

    fn lock(packages: &[&str]) -> Lock {
        let mut text = "# made by cargo\nversion = 4\n".to_owned();
        for package in packages {
            let (name, version) = package.split_once(' ').unwrap();
            text += &format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
            if name != "victim" && name != "nexus-lockprof-engine" {
                text += &format!("source = \"{REGISTRY}\"\nchecksum = \"0\"\n");
            }
        }
        Lock::parse(&text).unwrap()
    }

    fn id(text: &str) -> Id {
        let (name, version) = text.split_once(' ').unwrap();
        Id::new(name, version).unwrap()
    }

    #[track_caller]
    fn check(seed: &Seed, expected: &[&str]) {
        let found = Lock::parse(&seed.text()).unwrap().packages();
        let found: Vec<String> = found.iter().map(Id::to_string).collect();
        assert_eq!(found, expected);
    }

    /// A conflict over `locked`, in which `user` wants a newer one.
    fn refusal(locked: &str, user: &str) -> String {
        let (name, version) = locked.split_once(' ').unwrap();
        let user = user.replace(' ', " v");
        format!(
            "error: failed to select a version for `{name}`.\n    ... required by package `{user}`\n\
             versions that meet the requirements `^9` are: 9.9.9\n\n\
             all possible versions conflict with previously selected packages.\n\n\
             \x20 previously selected package `{name} v{version}`\n    ... which satisfies dependency `{name} = \"^0\"` \
             (locked to {version}) of package `victim v0.0.0 (/a b)`\n"
        )
    }

    #[test]
    fn what_the_project_has_stays_and_the_rest_is_what_was_tested() {
        let project = lock(&[
            "victim 0.0.0",
            "libc 0.2.153",
            "hashbrown 0.14.5",
            "rand 1.0.0",
        ]);
        let tested = lock(&[
            "nexus-lockprof-engine 0.1.0",
            "libc 0.2.191",
            "hashbrown 0.17.1",
            "rand 1.9.0",
            "quanta 0.13.0",
        ]);
        let seed = Seed::new(project, tested);
        check(
            &seed,
            &[
                "hashbrown 0.14.5",
                "hashbrown 0.17.1",
                "libc 0.2.153",
                "quanta 0.13.0",
                "rand 1.0.0",
                "victim 0.0.0",
            ],
        );
        assert!(
            seed.text().starts_with("# made by cargo\nversion = 4\n"),
            "{}",
            seed.text()
        );
        assert!(seed.text().contains("checksum"), "{}", seed.text());
    }

    #[test]
    fn a_tested_version_gives_way_before_one_of_the_projects() {
        let project = lock(&["victim 0.0.0", "libc 0.2.153", "once_cell 1.0.0"]);
        let tested = lock(&[
            "libc 0.2.191",
            "quanta 0.13.0",
            "rustix 1.1.6",
            "serde_derive 1.0.229",
        ]);
        let mut seed = Seed::new(project, tested);
        let start = [
            "libc 0.2.153",
            "once_cell 1.0.0",
            "quanta 0.13.0",
            "rustix 1.1.6",
            "serde_derive 1.0.229",
            "victim 0.0.0",
        ];
        check(&seed, &start);
        assert!(seed.give_way(&refusal("libc 0.2.153", "quanta 0.13.0")));
        check(
            &seed,
            &[
                "libc 0.2.153",
                "once_cell 1.0.0",
                "rustix 1.1.6",
                "serde_derive 1.0.229",
                "victim 0.0.0",
            ],
        );
        // One that is ours alone, and does not go with what the project has.
        assert!(seed.give_way(&refusal("serde_derive 1.0.229", "serde 1.0.200")));
        check(
            &seed,
            &[
                "libc 0.2.153",
                "once_cell 1.0.0",
                "rustix 1.1.6",
                "victim 0.0.0",
            ],
        );
        // Another quanta wants a newer libc too: so libc has to move, and the tested quanta is right.
        assert!(seed.give_way(&refusal("libc 0.2.153", "quanta 0.13.1")));
        check(
            &seed,
            &[
                "libc 0.2.191",
                "once_cell 1.0.0",
                "quanta 0.13.0",
                "rustix 1.1.6",
                "victim 0.0.0",
            ],
        );
        // The project pins it.
        assert!(!seed.give_way(&refusal("libc 0.2.153", "quanta 0.13.0")));
        // One that we have not tested, of the project's own.
        assert!(seed.give_way(&refusal("once_cell 1.0.0", "nexus-lockprof-engine 0.1.0")));
        check(
            &seed,
            &[
                "libc 0.2.191",
                "quanta 0.13.0",
                "rustix 1.1.6",
                "victim 0.0.0",
            ],
        );
        assert!(!seed.give_way("error: failed to download `quanta v0.13.0`"));
    }

    #[test]
    fn conflicts() {
        let newer = "error: failed to select a version for `libc`.\n    ... required by package `quanta v0.13.0`\n\
            versions that meet the requirements `^0.2.183` are: 0.2.191, 0.2.183\n\n\
            all possible versions conflict with previously selected packages.\n\n\
            \x20 previously selected package `libc v0.2.153`\n    ... which satisfies";
        let conflict = Conflict::of(newer).unwrap();
        assert_eq!(conflict.locked, id("libc 0.2.153"));
        assert_eq!(conflict.users, [id("quanta 0.13.0")]);
        let locked = "error: failed to select a version for `lock_api`.\n    ... required by package `real v0.12.3 (/a)`\n\
            versions that meet the requirements `^0.4.6` (locked to 0.4.12) are: 0.4.12\n\n\
            \x20 previously selected package `lock_api v0.4.14`\n    ... which satisfies dependency `lock_api = \"^0.4.14\"` \
            of package `parking_lot v0.12.3 (/b)`\n";
        let conflict = Conflict::of(locked).unwrap();
        assert_eq!(conflict.locked, id("lock_api 0.4.12"));
        assert_eq!(
            conflict.users,
            [id("real 0.12.3"), id("parking_lot 0.12.3")]
        );
        assert_eq!(
            Conflict::of("error: no matching package named `x` found"),
            None
        );
    }
}

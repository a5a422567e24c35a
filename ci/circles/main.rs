//! Finds files of one crate that import each other, directly or through others.
//!
//! `circles SRC...` takes the `src` folders of crates. It prints each circle with its imports, and
//! fails if there is one.
//!
//! An import is a path in code that begins with `crate`, `super` or a module below the file's own,
//! and leads to another file. A path through a `pub use` leads to the re-exported file; the `pub
//! use` itself is not an import. Tests, loom models and code only for them do not count: nobody
//! reads them to understand the file under test.

mod krate;
mod reader;
mod tokens;

use krate::{Crate, Module};
use reader::Reader;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};
use tokens::tokens;

fn main() -> ExitCode {
    let mut found = 0;
    for folder in env::args().skip(1) {
        match circles(Path::new(&folder)) {
            Ok(circles) => {
                found += circles.len();
                for circle in circles {
                    println!("{folder}: {} files import each other:", circle.len());
                    circle.iter().for_each(|line| println!("    {line}"));
                }
            }
            Err(error) => {
                println!("{folder}: {error}");
                found += 1;
            }
        }
    }
    if found == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The circles of a crate, each with its files and the imports among them.
fn circles(folder: &Path) -> io::Result<Vec<Vec<String>>> {
    let mut krate = Crate::default();
    let mut files = Vec::new();
    list(folder, &mut files)?;
    for path in &files {
        // A program in `bin` beside the library is a separate crate.
        let inside = path.strip_prefix(folder).unwrap_or(path);
        krate.files.insert(module_of(inside), path.clone());
    }
    let files = krate.files.clone();
    for (module, path) in &files {
        let tokens = tokens(&fs::read_to_string(path)?);
        Reader {
            krate: &mut krate,
            tokens: &tokens,
            at: 0,
        }
        .items(module, module);
    }
    let edges = krate.edges();
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = edges
        .keys()
        .map(|file| (file, reach(file, &edges)))
        .collect();
    let mut done = BTreeSet::new();
    let mut circles = Vec::new();
    for (file, all) in &reached {
        if !all.contains(file) || done.contains(file) {
            continue;
        }
        let circle: BTreeSet<&Module> = all
            .iter()
            .filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)))
            .copied()
            .collect();
        done.extend(circle.iter().copied());
        circles.push(
            circle
                .iter()
                .map(|file| {
                    let to = edges[*file]
                        .iter()
                        .filter(|to| circle.contains(to))
                        .map(|to| to.join("::"));
                    format!(
                        "{} -> {}",
                        file.join("::"),
                        to.collect::<Vec<_>>().join(", ")
                    )
                })
                .collect(),
        );
    }
    Ok(circles)
}

fn reach<'a>(from: &Module, edges: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Module> = edges.get(from).into_iter().flatten().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(edges.get(file).into_iter().flatten());
        }
    }
    reached
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name() != Some("bin".as_ref()) {
            list(&path, files)?;
        } else if path.extension() == Some("rs".as_ref()) {
            files.push(path);
        }
    }
    Ok(())
}

fn module_of(path: &Path) -> Module {
    let mut module: Module = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod"))
        || module == ["lib"]
        || module == ["main"]
    {
        module.pop();
    }
    module
}

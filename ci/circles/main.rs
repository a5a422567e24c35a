//! Finds files of one crate that import each other, directly or through others.
//!
//! `circles SRC...` takes the `src` folders of crates. It prints each circle with its imports, and
//! fails if there is one.
//!
//! An import is a path in code that begins with `crate`, `super` or a module below the file's own,
//! and leads to another file. A path through a `pub use` leads to the re-exported file; the `pub
//! use` itself is not an import. Tests, loom models and code only for them do not count: nobody
//! reads them to understand the file under test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// Names of a path, from the crate's root.
type Module = Vec<String>;

#[derive(Default)]
struct Crate {
    /// Modules that are files.
    files: BTreeMap<Module, PathBuf>,
    /// Modules inside files.
    inline: BTreeSet<Module>,
    /// Modules for tests only.
    tests: BTreeSet<Module>,
    /// Names that a module re-exports, and their sources: several if features decide.
    exports: BTreeMap<(Module, String), Vec<Module>>,
    /// What each file imports, from the root.
    imports: Vec<(Module, Module)>,
    /// Names that a file's `use` brings in, and their targets.
    names: BTreeMap<(Module, String), Module>,
    /// Paths that begin with a name that may be one of those.
    by_name: Vec<(Module, Module)>,
}

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

impl Crate {
    fn is_module(&self, path: &[String]) -> bool {
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

    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
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

/// Names and punctuation of a source text, without comments, strings and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut i = 0;
    let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
    while let Some(&c) = chars.get(i) {
        let rest = &chars[i..];
        if rest.starts_with(&['/', '/']) {
            i += rest.iter().position(|&c| c == '\n').unwrap_or(rest.len());
        } else if rest.starts_with(&['/', '*']) {
            i += rest
                .windows(2)
                .position(|two| two == ['*', '/'])
                .map_or(rest.len(), |end| end + 2);
        } else if c == '"' {
            i += 1;
            while chars.get(i).is_some_and(|&c| c != '"') {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if let Some(hashes) = raw_string(rest) {
            let end: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            let begin = rest.iter().position(|&c| c == '"').unwrap_or(0) + 1;
            let len = rest[begin..]
                .windows(end.len())
                .position(|part| part == end)
                .unwrap_or(rest.len());
            i += begin + len + end.len();
        } else if c == '\'' {
            // A character literal, or the name of a lifetime or label.
            let end = if rest.get(1) == Some(&'\\') {
                rest.iter()
                    .skip(3)
                    .position(|&c| c == '\'')
                    .map(|end| end + 4)
            } else {
                (rest.get(2) == Some(&'\'')).then_some(3)
            };
            i += end.unwrap_or_else(|| 1 + rest[1..].iter().take_while(|c| is_name(c)).count());
        } else if is_name(&c) {
            let name: String = rest.iter().take_while(|c| is_name(c)).collect();
            i += name.chars().count();
            tokens.push(name);
        } else if rest.starts_with(&[':', ':']) {
            tokens.push("::".into());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.into());
            }
            i += 1;
        }
    }
    tokens
}

/// The number of `#` of a raw string that begins here.
fn raw_string(text: &[char]) -> Option<usize> {
    let after = text
        .strip_prefix(&['b'])
        .unwrap_or(text)
        .strip_prefix(&['r'])?;
    let hashes = after.iter().take_while(|&&c| c == '#').count();
    (after.get(hashes) == Some(&'"')).then_some(hashes)
}

struct Reader<'a> {
    krate: &'a mut Crate,
    tokens: &'a [String],
    at: usize,
}

impl Reader<'_> {
    fn token(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    /// Reads until the `}` that ends `module`, or the end of the file.
    fn items(&mut self, file: &Module, module: &Module) {
        let mut depth = 0;
        let mut tests = false;
        let mut public = false;
        while self.at < self.tokens.len() {
            match self.token(0) {
                "#" => tests |= self.attribute(),
                "{" => (depth, tests, self.at) = (depth + 1, false, self.at + 1),
                "}" if depth == 0 => {
                    self.at += 1;
                    return;
                }
                "}" => (depth, self.at) = (depth - 1, self.at + 1),
                "mod" if self.token(2) == ";" => {
                    let child = child(module, self.token(1));
                    if tests {
                        self.krate.tests.insert(child);
                    }
                    (tests, public, self.at) = (false, false, self.at + 3);
                }
                "mod" if self.token(2) == "{" => {
                    let child = child(module, self.token(1));
                    self.krate.inline.insert(child.clone());
                    self.at += 3;
                    if tests {
                        self.skip_block();
                    } else {
                        self.items(file, &child);
                    }
                    (tests, public) = (false, false);
                }
                "use" => {
                    self.at += 1;
                    let mut tree = Vec::new();
                    self.tree(&Vec::new(), &mut tree);
                    for (path, name) in tree {
                        let Some(path) = self.absolute(module, &path) else {
                            continue;
                        };
                        if public {
                            self.krate
                                .exports
                                .entry((module.clone(), name))
                                .or_default()
                                .push(path);
                        } else if !tests {
                            self.krate.names.insert((file.clone(), name), path.clone());
                            self.krate.imports.push((file.clone(), path));
                        }
                    }
                    (tests, public) = (false, false);
                }
                "pub" => {
                    public = true;
                    self.at += 1;
                    if self.token(0) == "(" {
                        while self.token(0) != ")" && self.at < self.tokens.len() {
                            self.at += 1;
                        }
                        self.at += 1;
                    }
                    public &= self.token(0) == "use";
                }
                // Code for tests only: up to the end of the item.
                _ if tests && !matches!(self.token(0), "#" | "unsafe" | "pub") => {
                    while !matches!(self.token(0), ";" | "{" | "") {
                        self.at += 1;
                    }
                    let is_block = self.token(0) == "{";
                    self.at += 1;
                    if is_block {
                        self.skip_block();
                    }
                    tests = false;
                }
                _ if self.token(1) == "::" => {
                    let mut path = vec![self.token(0).to_owned()];
                    self.at += 1;
                    while self.token(0) == "::"
                        && self
                            .token(1)
                            .starts_with(|c: char| c.is_alphabetic() || c == '_')
                    {
                        path.push(self.token(1).to_owned());
                        self.at += 2;
                    }
                    if self.token(0) == "::" {
                        self.at += 1;
                    }
                    match self.absolute(module, &path) {
                        Some(path) => self.krate.imports.push((file.clone(), path)),
                        None => self.krate.by_name.push((file.clone(), path)),
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Skips an attribute, and says whether the item is for tests only.
    fn attribute(&mut self) -> bool {
        while self.token(0) != "[" && self.at < self.tokens.len() {
            self.at += 1;
        }
        let (begin, mut depth) = (self.at, 0);
        while self.at < self.tokens.len() {
            match self.token(0) {
                "[" => depth += 1,
                "]" => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        let attribute = &self.tokens[begin..self.at];
        attribute.iter().any(|token| token == "cfg")
            && attribute.iter().any(|token| token == "test")
            && !attribute.iter().any(|token| token == "not")
            || attribute.get(1).is_some_and(|token| token == "test")
    }

    /// Skips past the `}` of the current block.
    fn skip_block(&mut self) {
        let mut depth = 1;
        while depth > 0 && self.at < self.tokens.len() {
            match self.token(0) {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The paths of a `use`, and the names that they bring in.
    fn tree(&mut self, prefix: &[String], found: &mut Vec<(Module, String)>) {
        let mut path = prefix.to_vec();
        loop {
            match self.token(0) {
                "" => return,
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !matches!(self.token(0), "}" | "") {
                        self.tree(&path, found);
                        if self.token(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    if self.token(0) == ";" {
                        self.at += 1;
                    }
                    return;
                }
                "," | "}" | ";" | "as" => {
                    let mut name = path.last().cloned().unwrap_or_default();
                    if self.token(0) == "as" {
                        name = self.token(1).to_owned();
                        self.at += 2;
                    }
                    if path
                        .last()
                        .is_some_and(|last| last == "self" || last == "*")
                        && path.len() > 1
                    {
                        path.pop();
                    }
                    if !path.is_empty() {
                        found.push((path, name));
                    }
                    if self.token(0) == ";" {
                        self.at += 1;
                    }
                    return;
                }
                name => {
                    path.push(name.to_owned());
                    self.at += 1;
                }
            }
        }
    }

    /// The path from the root, unless it leads to another crate or to an item in the same file.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (mut at, mut rest) = (module.clone(), path);
        match path.first()?.as_str() {
            "crate" => (at, rest) = (Module::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            name => {
                // Relative: a module below this one, in this or another file.
                if !self.krate.files.contains_key(&child(module, name)) {
                    return None;
                }
            }
        }
        at.extend_from_slice(rest);
        Some(at)
    }
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

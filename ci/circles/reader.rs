//! Reads the imports and re-exports of a file.

use crate::krate::{Crate, Module, child};

pub(crate) struct Reader<'a> {
    pub(crate) krate: &'a mut Crate,
    pub(crate) tokens: &'a [String],
    pub(crate) at: usize,
}

impl Reader<'_> {
    fn token(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    /// Reads until the `}` that ends `module`, or the end of the file.
    pub(crate) fn items(&mut self, file: &Module, module: &Module) {
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

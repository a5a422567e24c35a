//! A call of rustc by cargo.

use anyhow::{Context, Result};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The programs and options of one call.
pub(crate) struct Call {
    /// The programs that the call goes through, rustc last. A project may have its own wrapper for
    /// its members; clippy is one.
    pub(crate) program: Vec<OsString>,
    pub(crate) args: Vec<OsString>,
}

impl Call {
    /// Parses the words after our own name.
    pub(crate) fn new(mut words: Vec<OsString>) -> Result<Self> {
        let is_option = |word: &OsString| {
            word.as_encoded_bytes()
                .first()
                .is_some_and(|b| b"-@".contains(b))
        };
        // `rustc - --crate-name ___` reads its input, and is the only program.
        let mut end = words
            .iter()
            .position(is_option)
            .unwrap_or(words.len())
            .max(1)
            .min(words.len());
        if end > 2 {
            // A source file may come first.
            end = 2;
        }
        let args = words.split_off(end);
        Ok(Call {
            program: words,
            args: unfold(args)?,
        })
    }

    /// Whether cargo compiles a crate. Its other calls only ask rustc something. Build scripts that
    /// try rustc out do not ask for JSON.
    pub(crate) fn compiles(&self) -> bool {
        self.value("--crate-name").is_some_and(|name| name != "___")
            && self
                .value("--error-format")
                .is_some_and(|format| format == "json")
            && self.value("--out-dir").is_some()
    }

    pub(crate) fn crate_name(&self) -> &str {
        self.text("--crate-name").unwrap_or_default()
    }

    pub(crate) fn out_dir(&self) -> Option<&Path> {
        self.value("--out-dir").map(Path::new)
    }

    /// Whether it is a build script or a procedural macro: part of the build, not of the program.
    pub(crate) fn is_of_the_build(&self) -> bool {
        let is_test = self.args.iter().any(|arg| arg == "--test");
        let is_script = self.crate_name().starts_with("build_script_")
            && std::env::var_os("CARGO_BIN_NAME").is_none()
            && self.values("--crate-type").any(|kind| kind == "bin");
        !is_test && (is_script || self.values("--crate-type").any(|kind| kind == "proc-macro"))
    }

    /// The first value of an option.
    pub(crate) fn value(&self, name: &str) -> Option<&OsStr> {
        self.values(name).next()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.to_str()
    }

    pub(crate) fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a OsStr> {
        values(&self.args, name)
    }

    /// The value of `-C name=value`.
    pub(crate) fn codegen(&self, name: &str) -> Option<&str> {
        self.values("-C")
            .filter_map(|value| value.to_str()?.split_once('='))
            .filter(|(key, _)| *key == name)
            .last()
            .map(|(_, value)| value)
    }

    /// The hash by which cargo tells builds of one crate apart: `-HASH`.
    pub(crate) fn hash(&self) -> &str {
        self.codegen("extra-filename").unwrap_or_default()
    }

    pub(crate) fn has_feature(&self, feature: &str) -> bool {
        let cfg = format!("feature=\"{feature}\"");
        self.values("--cfg").any(|value| value == cfg.as_str())
    }

    /// The crates that rustc gets, each with its file: `name=path`. Options may precede the name.
    pub(crate) fn externs(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.values("--extern").filter_map(|value| {
            let (name, path) = value.to_str()?.split_once('=')?;
            let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
            Some((name, PathBuf::from(path)))
        })
    }

    /// The library that the crate gets for the crate with this name. It may call it another name.
    pub(crate) fn library(&self, name: &str) -> Option<PathBuf> {
        let mut externs = self.externs();
        let found = externs.find(|(_, path)| is_of(path, name));
        found.map(|(_, path)| path)
    }
}

/// A library's name and hash: `NAME-HASH` of `libNAME-HASH.rlib`.
pub(crate) fn key_of(library: &Path) -> Option<&str> {
    let stem = library.file_stem()?.to_str()?;
    Some(stem.strip_prefix("lib").unwrap_or(stem))
}

/// Whether it is the library of the crate with this name.
pub(crate) fn is_of(library: &Path, name: &str) -> bool {
    key_of(library).and_then(|key| key.split('-').next()) == Some(name)
}

/// The values of an option: `--name value`, `--name=value`, or `-Xvalue` for a name of one letter.
pub(crate) fn values<'a>(args: &'a [OsString], name: &str) -> impl Iterator<Item = &'a OsStr> {
    let mut index = 0;
    std::iter::from_fn(move || {
        while let Some(arg) = args.get(index) {
            index += 1;
            if arg == name {
                let value = args.get(index);
                index += 1;
                return value.map(OsString::as_os_str);
            }
            let rest = arg.to_str().and_then(|arg| arg.strip_prefix(name));
            let joined = match rest {
                Some(rest) if name.starts_with("--") => rest.strip_prefix('='),
                rest => rest,
            };
            if let Some(value) = joined {
                return Some(OsStr::new(value));
            }
        }
        None
    })
}

/// `args` without the options `names` and their values.
pub(crate) fn without(args: &[OsString], names: &[&str]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let is = |name: &&&str| arg == **name;
        let joined = |name: &&&str| {
            let rest = arg.to_str().and_then(|arg| arg.strip_prefix(**name));
            rest.is_some_and(|rest| !name.starts_with("--") || rest.starts_with('='))
        };
        if names.iter().any(|name| is(&name)) {
            args.next();
        } else if !names.iter().any(|name| joined(&name)) {
            kept.push(arg.clone());
        }
    }
    kept
}

/// Replaces each `@FILE` by its lines. Cargo writes one when there are too many options for the
/// system.
fn unfold(args: Vec<OsString>) -> Result<Vec<OsString>> {
    let mut unfolded = Vec::new();
    for arg in args {
        match arg.to_str().and_then(|arg| arg.strip_prefix('@')) {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| {
                    format!("{file}, which has rustc's options, cannot be read")
                })?;
                unfolded.extend(text.lines().map(OsString::from));
            }
            None => unfolded.push(arg),
        }
    }
    Ok(unfolded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Call {
        Call::new(words.iter().map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn what_compiles_and_what_asks() {
        let compile = [
            "rustc",
            "--crate-name",
            "x",
            "src/lib.rs",
            "--error-format=json",
            "--out-dir",
            "d",
        ];
        assert!(call(&compile).compiles());
        assert_eq!(
            call(&["clippy-driver", "rustc", "--crate-name", "x"]).program,
            ["clippy-driver", "rustc"]
        );
        for asks in [
            &["rustc", "-vV"][..],
            &["rustc", "-", "--crate-name", "___", "--print=file-names"],
            &[
                "rustc",
                "--crate-name=probe",
                "--emit=metadata",
                "--out-dir",
                "d",
                "probe.rs",
            ],
        ] {
            assert!(!call(asks).compiles(), "{asks:?}");
        }
    }

    #[test]
    fn options_are_found_in_each_form() {
        let call = call(&[
            "rustc",
            "--crate-name",
            "x",
            "--cfg",
            "feature=\"a\"",
            "-C",
            "opt-level=3",
            "-Cpanic=abort",
            "--extern",
            "noprelude:p=/d/libp.rlib",
            "--extern=q=/d/libq.rmeta",
            "--target=t",
        ]);
        assert!(call.has_feature("a") && !call.has_feature("b"));
        assert_eq!(
            (call.codegen("opt-level"), call.codegen("panic")),
            (Some("3"), Some("abort"))
        );
        assert_eq!(call.text("--target"), Some("t"));
        let externs: Vec<_> = call.externs().collect();
        assert_eq!(
            externs,
            [("p", "/d/libp.rlib".into()), ("q", "/d/libq.rmeta".into())]
        );
        let rest = without(&call.args, &["--crate-name", "--cfg", "-C", "--extern"]);
        assert_eq!(rest, ["--target=t"]);
    }
}

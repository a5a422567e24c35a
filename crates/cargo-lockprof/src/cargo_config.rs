//! Reads the two settings of cargo that ours override: `build.rustc-wrapper` and `build.rustdoc`.
//! Cargo's own command for this is not stable.

use crate::args;
use anyhow::Result;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use toml_edit::{DocumentMut, Item};

/// The value of `build.NAME`, from its variables, `--config`, or the files that cargo reads.
pub(crate) fn build_setting(name: &str, options: &[OsString]) -> Option<OsString> {
    let upper = name.to_uppercase().replace('-', "_");
    for variable in [upper.clone(), format!("CARGO_BUILD_{upper}")] {
        if let Some(value) = std::env::var_os(&variable) {
            // An empty value means none, whatever the files say.
            return (!value.is_empty()).then_some(value);
        }
    }
    for option in args::values_of(options, "--config") {
        if let Some(value) = of_option(option, name) {
            return Some(value);
        }
    }
    files().iter().find_map(|file| of_file(file, name))
}

/// Reads `--config KEY=VALUE` or `--config FILE`.
fn of_option(option: &OsStr, name: &str) -> Option<OsString> {
    if let Some(document) = option
        .to_str()
        .and_then(|text| text.parse::<DocumentMut>().ok())
    {
        return of(&document, name, None);
    }
    of_file(Path::new(option), name)
}

fn of_file(file: &Path, name: &str) -> Option<OsString> {
    let document: DocumentMut = std::fs::read_to_string(file).ok()?.parse().ok()?;
    // Cargo takes paths relative to the parent of the folder with the file.
    let root = std::path::absolute(file).ok()?;
    of(&document, name, root.parent()?.parent())
}

fn of(document: &DocumentMut, name: &str, root: Option<&Path>) -> Option<OsString> {
    let value = document.get("build")?.get(name).and_then(Item::as_str)?;
    let is_path = value.contains(['/', '\\']);
    Some(match root {
        Some(root) if is_path => root.join(value).into_os_string(),
        _ => value.into(),
    })
}

/// Cargo's files, nearest first: those in this folder and its parents, then the one in cargo's
/// home.
fn files() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::current_dir()
        .iter()
        .flat_map(|here| here.ancestors())
        .map(|folder| folder.join(".cargo"))
        .collect();
    folders.extend(home());
    let both = |folder: PathBuf| ["config", "config.toml"].map(|name| folder.join(name));
    folders
        .into_iter()
        .flat_map(both)
        .filter(|file| file.is_file())
        .collect()
}

fn home() -> Option<PathBuf> {
    let own = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    own.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
}

/// The toolchain file in this folder or the nearest parent that has one, and its text.
pub(crate) fn toolchain_file() -> Result<Option<(PathBuf, String)>> {
    let here = std::env::current_dir()?;
    for folder in here.ancestors() {
        for name in ["rust-toolchain.toml", "rust-toolchain"] {
            let file = folder.join(name);
            if let Ok(text) = std::fs::read_to_string(&file) {
                return Ok(Some((file, text)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_in_each_form() {
        let option = |text: &str| of_option(OsStr::new(text), "rustc-wrapper");
        assert_eq!(
            option("build.rustc-wrapper = \"sccache\""),
            Some("sccache".into())
        );
        assert_eq!(option("build.rustc-wrapper='x'"), Some("x".into()));
        assert_eq!(option("build.jobs=1"), None);
        let folder =
            std::env::temp_dir().join(format!("lockprof-config-{}/.cargo", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.toml");
        std::fs::write(&file, "[build]\nrustc-wrapper = \"tools/w\"\n").unwrap();
        let expected = folder.parent().unwrap().join("tools/w").into_os_string();
        assert_eq!(of_file(&file, "rustc-wrapper"), Some(expected));
        std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}

//! Names of functions at addresses of a program that has ended.

use addr2line::Loader;
use nexus_lockprof_snapshot::{Frame, Text};
use std::path::Path;

/// Opens a file of code. The program wrote this path: devices and pipes are refused.
#[must_use]
pub fn open(path: &Path) -> Option<Loader> {
    path.is_file().then(|| Loader::new(path).ok()).flatten()
}

/// The functions at `call`, inlined ones first, then the function itself. Each frame has `address`.
/// At least one frame, which may have nothing but that.
#[must_use]
pub fn frames(loader: Option<&Loader>, call: u64, address: u64) -> Vec<Frame> {
    let unknown = Frame {
        address,
        ..Frame::default()
    };
    let mut frames = Vec::new();
    let found = loader.and_then(|loader| loader.find_frames(call).ok());
    if let Some(mut found) = found {
        while let Ok(Some(inlined)) = found.next() {
            let function = inlined
                .function
                .and_then(|name| Some(demangled(&name.raw_name().ok()?)));
            let at = inlined.location;
            frames.push(Frame {
                function,
                file: at.as_ref().and_then(|at| at.file).map(Text::from),
                line: at.and_then(|at| at.line).filter(|&line| line > 0),
                ..unknown.clone()
            });
        }
    }
    if frames.is_empty() {
        frames.push(unknown);
    }
    // The symbol's name has its path, which debug information may lack.
    let symbol = loader.and_then(|loader| loader.find_symbol(call));
    if let (Some(last), Some(symbol)) = (frames.last_mut(), symbol) {
        last.function = Some(demangled(symbol));
    }
    frames
}

/// Demangles a symbol's name, without the hash at the end of Rust's. C names stay: some of them
/// would be types in C++.
#[must_use]
pub fn demangled(name: &str) -> Text {
    // Apple's systems put one more `_` before each name.
    let bare = name
        .strip_prefix('_')
        .filter(|bare| bare.starts_with("_Z") || bare.starts_with("_R"));
    let name = bare.unwrap_or(name);
    if !name.starts_with("_Z") && !name.starts_with("_R") {
        return name.into();
    }
    let name = addr2line::demangle_auto(name.into(), None);
    match name.rsplit_once("::h") {
        Some((front, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            front.into()
        }
        _ => (*name).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            ("_ZN3app3run17h0123456789abcdefE", "app::run"),
            ("__ZN3app3run17h0123456789abcdefE", "app::run"),
            ("_RNvCs1234_3app3run", "app::run"),
            ("_ZN3app3runEv", "app::run()"),
            ("i", "i"),
        ] {
            assert_eq!(&*demangled(name), expected, "{name}");
        }
    }
}

//! Whether the library can see anything in a program.

use anyhow::{Result, bail};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Architecture, Endianness, Object, ObjectSection};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Bytes of a program to read. Scripts' first lines are shorter.
const LINE: usize = 256;
/// Depth of interpreters, since a script's interpreter may be a script.
const DEEP: usize = 4;

/// Why its waits cannot be seen; `None` if they can.
pub(crate) fn unseen(program: &OsStr) -> Result<Option<String>> {
    let mut path = find(program)?;
    for _ in 0..DEEP {
        let Ok(bytes) = fs::read(&path) else {
            // It may be executable but not readable.
            return Ok(None);
        };
        if let Some(why) = is_privileged(&path) {
            return Ok(Some(why));
        }
        match interpreter(&bytes) {
            Some(interpreter) => path = find(&interpreter)?,
            None => return Ok(of_elf(&bytes)),
        }
    }
    Ok(None)
}

/// The file that the system runs for this name.
fn find(program: &OsStr) -> Result<PathBuf> {
    let is_file = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.as_bytes().contains(&b'/') {
        let path = PathBuf::from(program);
        if !is_file(&path) {
            bail!("{} is no program", path.display());
        }
        return Ok(path);
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let found = std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| is_file(path));
    match found {
        Some(path) => Ok(path),
        None => bail!("there is no program {}", program.display()),
    }
}

/// The interpreter: `#!/usr/bin/env python3` gives python3.
fn interpreter(bytes: &[u8]) -> Option<OsString> {
    let line = bytes.strip_prefix(b"#!")?;
    let line = line.get(..LINE).unwrap_or(line);
    let line = line.split(|&byte| byte == b'\n').next()?;
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let mut name = words.next()?;
    if name.ends_with(b"/env") {
        let is_program = |word: &&[u8]| !word.starts_with(b"-") && !word.contains(&b'=');
        name = words.find(is_program)?;
    }
    Some(OsString::from_vec(name.to_vec()))
}

/// The loader ignores `LD_PRELOAD` in a program with more rights than its user.
fn is_privileged(path: &Path) -> Option<String> {
    const SET_USER: u32 = 0o4000;
    const SET_GROUP: u32 = 0o2000;
    let meta = fs::metadata(path).ok()?;
    let mode = meta.permissions().mode();
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    let is_set = (mode & SET_USER != 0 && meta.uid() != user.as_raw())
        || (mode & SET_GROUP != 0 && meta.gid() != group.as_raw());
    if is_set {
        return Some(
            "it is a set-user-ID or set-group-ID program, which the system lets nobody look into"
                .to_owned(),
        );
    }
    let has = rustix::fs::getxattr(path, "security.capability", &mut [0_u8; 64]);
    let has = has.is_ok_and(|len| len > 0) && !user.is_root();
    has.then(|| {
        "it has capabilities of its own, and the system lets nobody look into it".to_owned()
    })
}

fn of_elf(bytes: &[u8]) -> Option<String> {
    let Ok(elf) = ElfFile64::<Endianness>::parse(bytes) else {
        return Some("it is no 64-bit ELF program".to_owned());
    };
    let is_ours = match elf.architecture() {
        Architecture::X86_64 => cfg!(target_arch = "x86_64"),
        Architecture::Aarch64 => cfg!(target_arch = "aarch64"),
        _ => false,
    };
    if !is_ours {
        return Some("it is for another processor".to_owned());
    }
    const INTERP: u32 = 3;
    let endian = elf.endian();
    let mut headers = elf.elf_program_headers().iter();
    let loader = headers.find(|header| header.p_type(endian).0 == INTERP);
    let Some(loader) = loader.and_then(|header| header.data(endian, bytes).ok()) else {
        return Some(
            "it is statically linked, so nothing can be loaded into it: build it with glibc, dynamically".to_owned(),
        );
    };
    let loader = loader
        .split(|&byte| byte == b'/')
        .next_back()
        .unwrap_or_default();
    if !loader.starts_with(b"ld-linux") {
        return Some("it is linked with another C library than glibc".to_owned());
    }
    if let Some(old) = old_glibc() {
        return Some(format!(
            "the C library is glibc {old}, and before 2.34 to try a lock could keep other threads from being woken"
        ));
    }
    let needed = elf
        .section_by_name(".dynstr")
        .and_then(|section| section.data().ok());
    let needs = |name: &[u8]| {
        needed.is_some_and(|needed| needed.windows(name.len()).any(|part| part == name))
    };
    if needs(b"libasan.so") {
        return Some(
            "it is built with gcc's address sanitizer, which wants to be loaded first".to_owned(),
        );
    }
    if elf.section_by_name(".go.buildinfo").is_some() {
        return Some("it is a Go program, whose locks do not go through the C library".to_owned());
    }
    None
}

/// The version of glibc, if the library would do harm with it.
fn old_glibc() -> Option<String> {
    let said = std::process::Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let version = said.trim().strip_prefix("glibc ")?;
    is_old(version).then(|| version.to_owned())
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(Some(2)), Some(Some(minor))) if minor < 34)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_an_interpreter() {
        for (script, name) in [
            ("#!/bin/sh\n", Some("/bin/sh")),
            ("#! /usr/bin/env python3\nx", Some("python3")),
            ("#!/usr/bin/env -S A=1 python3 -u\n", Some("python3")),
            ("#!\n", None),
            ("\x7fELF", None),
        ] {
            assert_eq!(interpreter(script.as_bytes()), name.map(OsString::from));
        }
    }

    #[test]
    fn which_glibc_is_old() {
        let old = ["2.17", "2.33", "2.34", "2.40.9000", "3.0", "x"].map(is_old);
        assert_eq!(old, [true, true, false, false, false, false]);
    }

    #[test]
    fn this_program_can_be_seen() {
        let me = std::env::current_exe().unwrap();
        assert_eq!(unseen(me.as_os_str()).unwrap(), None);
        assert!(unseen(OsStr::new("no-such-program-anywhere")).is_err());
        assert!(unseen(OsStr::new("/")).is_err());
    }
}

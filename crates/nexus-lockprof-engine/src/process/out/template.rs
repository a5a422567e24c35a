//! The file name pattern from the environment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The path from the environment. `%p` stands for the process, `%e` for the program, `%%` for a
/// percent sign. With any other character after a percent sign, both stay as they are.
#[derive(Debug)]
pub(super) struct Template(pub(super) OsString);

/// A part of a path.
enum Part<'a> {
    Text(&'a OsStr),
    Process,
    Program,
}

impl Template {
    fn parts(&self) -> Vec<Part<'_>> {
        let text = |bytes| {
            // SAFETY: the bytes come from `as_encoded_bytes`, cut only before and after ASCII
            // characters.
            Part::Text(unsafe { OsStr::from_encoded_bytes_unchecked(bytes) })
        };
        let mut parts = Vec::new();
        let mut rest = self.0.as_encoded_bytes();
        let mut from = 0;
        while let Some(found) = rest
            .get(from..)
            .and_then(|r| r.iter().position(|&b| b == b'%'))
        {
            let at = from + found;
            let part = match rest.get(at + 1) {
                Some(b'p') => Part::Process,
                Some(b'e') => Part::Program,
                Some(b'%') => text(b"%"),
                _ => {
                    from = at + 1;
                    continue;
                }
            };
            parts.push(text(&rest[..at]));
            parts.push(part);
            rest = &rest[at + 2..];
            from = 0;
        }
        parts.push(text(rest));
        parts
    }

    pub(super) fn names_process(&self) -> bool {
        let parts = self.parts();
        parts.iter().any(|part| matches!(part, Part::Process))
    }

    pub(super) fn path(&self, pid: u32, program: &OsStr) -> PathBuf {
        let mut path = OsString::new();
        for part in self.parts() {
            match part {
                Part::Text(text) => path.push(text),
                Part::Process => path.push(pid.to_string()),
                Part::Program => path.push(program),
            }
        }
        path.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_process_and_program() {
        for (template, path, names_process) in [
            ("locks.json", "locks.json", false),
            ("/tmp/%e.%p.json", "/tmp/prog.42.json", true),
            ("%p%p", "4242", true),
            ("100%%p", "100%p", false),
            ("%%%p", "%42", true),
            ("50% %x%", "50% %x%", false),
            ("größe-%e", "größe-prog", false),
            ("", "", false),
        ] {
            let template = Template(template.into());
            assert_eq!(
                template.path(42, OsStr::new("prog")),
                PathBuf::from(path),
                "{template:?}"
            );
            assert_eq!(template.names_process(), names_process, "{template:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_stays_as_it_is() {
        use std::os::unix::ffi::OsStringExt;
        let template = Template(OsString::from_vec(b"\xFF%p\xFE".to_vec()));
        let path = template.path(7, OsStr::new("prog"));
        assert_eq!(path.into_os_string().into_vec(), b"\xFF7\xFE".to_vec());
    }
}

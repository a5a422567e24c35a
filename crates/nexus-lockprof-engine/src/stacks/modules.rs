//! Which file of code an address is in.

use nexus_lockprof_snapshot::{Frame, Text};

/// The files of code in this process: the program, and libraries.
#[derive(Debug, Default)]
pub(super) struct Modules(Vec<Part>);

/// A part of a file in memory.
#[derive(Debug)]
struct Part {
    begin: usize,
    end: usize,
    /// What was added to the addresses that the file was linked for.
    bias: usize,
    path: Text,
}

impl Modules {
    /// The frame of an address that is not looked up: its file, and the address that the file was
    /// linked for. `None` if the system does not tell.
    pub(super) fn place(&mut self, address: usize) -> Option<Frame> {
        if self.part(address).is_none() {
            // Loaded since, or the first.
            self.0 = parts();
        }
        // Of code that was made while the program runs there is no file.
        let Some(part) = self.part(address) else {
            return (!self.0.is_empty()).then(|| Frame {
                address: address as u64,
                ..Frame::default()
            });
        };
        Some(Frame {
            file: Some(part.path.clone()),
            address: address.wrapping_sub(part.bias) as u64,
            ..Frame::default()
        })
    }

    fn part(&self, address: usize) -> Option<&Part> {
        let mut parts = self.0.iter();
        parts.find(|part| (part.begin..part.end).contains(&address))
    }
}

/// As the dynamic linker tells them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn parts() -> Vec<Part> {
    use std::ffi::{CStr, c_int, c_void};

    unsafe extern "C" fn note(
        info: *mut libc::dl_phdr_info,
        _: usize,
        parts: *mut c_void,
    ) -> c_int {
        // SAFETY: the linker gives a file's description, and `parts` as it was given to it.
        let (info, parts) = unsafe { (&*info, &mut *parts.cast::<Vec<Part>>()) };
        let path = if info.dlpi_name.is_null() {
            Text::default()
        } else {
            // SAFETY: a string of the linker's.
            unsafe { CStr::from_ptr(info.dlpi_name) }
                .to_string_lossy()
                .into()
        };
        // The program itself has no name. A library has, if not always a path: then there is
        // nothing to look it up in.
        let path = match path.is_empty() && parts.is_empty() {
            true => {
                std::env::current_exe().map_or(path, |program| program.to_string_lossy().into())
            }
            false => path,
        };
        let bias = info.dlpi_addr as usize;
        // SAFETY: so many headers are there.
        let headers =
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        for header in headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD)
        {
            let begin = bias.wrapping_add(header.p_vaddr as usize);
            parts.push(Part {
                begin,
                end: begin.saturating_add(header.p_memsz as usize),
                bias,
                path: path.clone(),
            });
        }
        0
    }
    let mut parts: Vec<Part> = Vec::new();
    // SAFETY: `note` is as the linker calls it, and gets what it takes. It does not unwind: it only
    // allocates.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut parts).cast()) };
    parts
}

/// Elsewhere names are looked up in the program.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn parts() -> Vec<Part> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn an_address_is_in_its_file() {
        let mut modules = Modules::default();
        let here = an_address_is_in_its_file as *const () as usize;
        let frame = modules.place(here).unwrap();
        let program = std::env::current_exe().unwrap();
        assert_eq!(frame.file.as_deref(), program.to_str());
        // The addresses of a file are as far apart as in memory.
        let next = modules.place(here + 8).unwrap();
        assert_eq!(next.address, frame.address + 8);
        let libc = modules.place(libc::getpid as *const () as usize).unwrap();
        assert!(
            libc.file.as_deref().unwrap_or_default().contains("libc"),
            "{libc:?}"
        );
        let nowhere = modules.place(8).unwrap();
        assert_eq!((nowhere.file, nowhere.address), (None, 8));
    }
}

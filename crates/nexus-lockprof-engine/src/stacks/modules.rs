//! Finds the code file of an address.

use nexus_lockprof_snapshot::{Frame, Text};

/// The code files in this process: the program and its libraries.
#[derive(Debug, Default)]
pub(super) struct Modules(Vec<Part>);

/// A part of a file that is in memory.
#[derive(Debug)]
struct Part {
    begin: usize,
    end: usize,
    /// The offset between the addresses in memory and those for which the file was linked.
    bias: usize,
    path: Text,
}

impl Modules {
    /// The frame of an address without its name: its file, and the address for which the file was
    /// linked. `None` if the system does not tell.
    pub(super) fn place(&mut self, address: usize) -> Option<Frame> {
        if self.part(address).is_none() {
            // The file was loaded since the last look, or this is the first look.
            self.0 = parts();
        }
        // Code that was generated at run time has no file.
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

/// The parts, as the dynamic linker lists them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn parts() -> Vec<Part> {
    use std::ffi::{CStr, c_int, c_void};

    unsafe extern "C" fn note(
        info: *mut libc::dl_phdr_info,
        _: usize,
        parts: *mut c_void,
    ) -> c_int {
        // SAFETY: the linker passes a file's description, and passes on the `parts` that it got.
        let (info, parts) = unsafe { (&*info, &mut *parts.cast::<Vec<Part>>()) };
        let path = if info.dlpi_name.is_null() {
            Text::default()
        } else {
            // SAFETY: the linker's name is a string that ends with a 0.
            unsafe { CStr::from_ptr(info.dlpi_name) }
                .to_string_lossy()
                .into()
        };
        // The program itself has no name. A library has one, but not always a path. Without a path
        // its names cannot be looked up.
        let path = match path.is_empty() && parts.is_empty() {
            true => {
                std::env::current_exe().map_or(path, |program| program.to_string_lossy().into())
            }
            false => path,
        };
        let bias = info.dlpi_addr as usize;
        // SAFETY: the linker says that this many headers are there.
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
    // SAFETY: `note` has the signature that the linker calls, and gets the pointer that it expects.
    // It does not unwind, because it only allocates.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut parts).cast()) };
    parts
}

/// Other systems look up names in the program.
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
        // Addresses of a file are as far apart as in memory.
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

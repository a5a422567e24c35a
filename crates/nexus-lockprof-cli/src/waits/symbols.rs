//! What addresses of a process that has ended are called.

use super::library;
use super::record::{Module, Record};
use addr2line::Loader;
use nexus_lockprof_snapshot::{Frame, Text};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol, SymbolKind};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The files of all processes, each read once.
#[derive(Default)]
pub(super) struct Files(HashMap<PathBuf, Known>);

/// A file with code.
struct Known {
    loader: Option<Loader>,
    /// Parts of it in memory: where in the file, how long, and the address that it was linked for.
    parts: Vec<Part>,
    /// Its variables, by address.
    variables: Vec<Variable>,
    /// The last component of its path.
    name: String,
    /// Whether it has debug information or symbols.
    has_symbols: bool,
}

struct Part {
    offset: u64,
    file_len: u64,
    address: u64,
    len: u64,
    /// Mappings begin at multiples of it.
    align: u64,
    is_code: bool,
}

struct Variable {
    address: u64,
    len: u64,
    name: String,
}

/// A call, and the file that it is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) frame: Frame,
    /// The name of the file with the code; empty if it is none.
    pub(super) module: Text,
    /// Where in the function, or in the file, the call is.
    pub(super) offset: u64,
}

impl Files {
    /// The calls at return addresses, innermost first, without the library's own.
    pub(super) fn calls(&mut self, record: &Record, addresses: &[u64]) -> Vec<Call> {
        let mut calls = Vec::new();
        for &address in addresses {
            // The call is before the address that it returns to.
            let at = address.saturating_sub(1);
            let Some(module) = module_of(record, at) else {
                calls.push(Call {
                    frame: Frame {
                        address,
                        ..Frame::default()
                    },
                    ..Call::default()
                });
                continue;
            };
            if module.path.ends_with(library::NAME) {
                continue;
            }
            let known = self.get(&module.path);
            match known.linked(at - module.begin + module.offset) {
                Some(linked) => known.calls(linked, address, &mut calls),
                None => calls.push(Call {
                    frame: Frame {
                        address,
                        ..Frame::default()
                    },
                    module: known.name.as_str().into(),
                    offset: address - module.begin + module.offset,
                }),
            }
        }
        calls
    }

    /// The variable that an address is in.
    pub(super) fn variable(&mut self, record: &Record, address: u64) -> Option<String> {
        for module in &record.modules {
            let known = self.get(&module.path);
            // Memory minus linked address: the same for all of a file.
            let Some(begin) = known.linked(module.offset) else {
                continue;
            };
            let linked = address.wrapping_sub(module.begin.wrapping_sub(begin));
            if known
                .parts
                .iter()
                .any(|part| (part.address..part.address.saturating_add(part.len)).contains(&linked))
            {
                return known.variable(linked).map(str::to_owned);
            }
        }
        None
    }

    /// Whether the program's own file says what its functions are called.
    pub(super) fn has_symbols(&mut self, program: &Path) -> bool {
        self.get(program).has_symbols
    }

    fn get(&mut self, path: &Path) -> &Known {
        self.0
            .entry(path.to_owned())
            .or_insert_with(|| Known::read(path))
    }
}

fn module_of(record: &Record, address: u64) -> Option<&Module> {
    let modules = record.modules.iter();
    modules
        .rev()
        .find(|module| (module.begin..module.end).contains(&address))
}

impl Known {
    fn read(path: &Path) -> Self {
        let mut known = Known {
            loader: Loader::new(path).ok(),
            parts: Vec::new(),
            variables: Vec::new(),
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            has_symbols: false,
        };
        let bytes = std::fs::read(path).unwrap_or_default();
        if let Ok(file) = ElfFile64::<Endianness>::parse(&*bytes) {
            known.note(&file);
        }
        known
    }

    fn note(&mut self, file: &ElfFile64<'_, Endianness>) {
        const LOAD: u32 = 1;
        const EXECUTE: u32 = 1;
        let endian = file.endian();
        for header in file.elf_program_headers() {
            if header.p_type(endian).0 == LOAD {
                self.parts.push(Part {
                    offset: header.p_offset(endian),
                    file_len: header.p_filesz(endian),
                    address: header.p_vaddr(endian),
                    len: header.p_memsz(endian),
                    align: header.p_align(endian).max(1),
                    is_code: header.p_flags(endian).0 & EXECUTE != 0,
                });
            }
        }
        self.has_symbols = file
            .symbols()
            .any(|symbol| symbol.kind() == SymbolKind::Text);
        let variables = file.symbols().chain(file.dynamic_symbols());
        for symbol in
            variables.filter(|symbol| symbol.kind() == SymbolKind::Data && symbol.size() > 0)
        {
            self.variables.push(Variable {
                address: symbol.address(),
                len: symbol.size(),
                name: symbol.name().unwrap_or_default().to_owned(),
            });
        }
        self.variables.sort_by_key(|variable| variable.address);
    }

    /// The address that a place of code in the file was linked for.
    fn linked(&self, offset: u64) -> Option<u64> {
        // What is mapped begins before the part, where a page does.
        let part = self.parts.iter().find(|part| {
            let begin = part.offset - part.offset % part.align;
            part.is_code && (begin..part.offset.saturating_add(part.file_len)).contains(&offset)
        })?;
        Some(part.address.wrapping_add(offset.wrapping_sub(part.offset)))
    }

    fn variable(&self, linked: u64) -> Option<&str> {
        let after = self
            .variables
            .partition_point(|variable| variable.address <= linked);
        let variable = self.variables.get(after.checked_sub(1)?)?;
        (linked - variable.address < variable.len).then_some(variable.name.as_str())
    }

    /// Adds the calls at an address: that of the function, and before it those of functions that were put into it.
    fn calls(&self, linked: u64, address: u64, to: &mut Vec<Call>) {
        let module = Text::from(self.name.as_str());
        let symbol = self
            .loader
            .as_ref()
            .and_then(|loader| loader.find_symbol_info(linked));
        let begin = symbol.as_ref().map_or(0, |symbol| symbol.address());
        let outermost = symbol.map(|symbol| demangled(symbol.name()));
        let first = to.len();
        let frames = self
            .loader
            .as_ref()
            .and_then(|loader| loader.find_frames(linked).ok());
        if let Some(mut frames) = frames {
            while let Ok(Some(frame)) = frames.next() {
                let function = frame
                    .function
                    .and_then(|name| Some(demangled(&name.raw_name().ok()?)));
                let location = frame.location.as_ref();
                to.push(Call {
                    frame: Frame {
                        function,
                        file: location.and_then(|at| at.file).map(Text::from),
                        line: location.and_then(|at| at.line).filter(|&line| line > 0),
                        address,
                    },
                    module: module.clone(),
                    offset: linked + 1 - begin,
                });
            }
        }
        if to.len() == first {
            to.push(Call {
                frame: Frame {
                    address,
                    ..Frame::default()
                },
                module,
                offset: linked + 1 - begin,
            });
        }
        // The symbol's name has its path, which debug information may be without.
        if let (Some(last), Some(name)) = (to.last_mut(), outermost) {
            last.frame.function = Some(name);
        }
    }
}

/// A symbol's name as its language writes it. C's stay: some of them would be types in C++.
pub(super) fn demangled(name: &str) -> Text {
    if !name.starts_with("_Z") && !name.starts_with("_R") {
        return name.into();
    }
    let name = addr2line::demangle_auto(name.into(), None);
    Text::from(tidy(&name))
}

/// Without the hash that Rust's old names end with.
fn tidy(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((front, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            front
        }
        _ => name,
    }
}

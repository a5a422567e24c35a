//! Resolves the addresses of a finished process to names.

use super::library;
use super::record::{Module, Record};
use addr2line::Loader;
use nexus_lockprof_command::symbols;
use nexus_lockprof_snapshot::{Frame, Text};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol, ReadCache, SymbolKind};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The files of all processes, each read once.
#[derive(Default)]
pub(super) struct Files(HashMap<PathBuf, Known>);

/// A file with code.
struct Known {
    loader: Option<Loader>,
    /// Earlier lookups.
    calls: HashMap<u64, Vec<Call>>,
    /// Its mapped parts: the offset in the file, the length, and the linked address.
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

/// A call, and the file that contains it.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) frame: Frame,
    /// The name of the code file; empty if there is none.
    pub(super) module: Text,
    /// The call's offset in the function, or in the file.
    pub(super) offset: u64,
}

impl Files {
    /// The calls at return addresses, innermost first, without the library's own.
    pub(super) fn calls(&mut self, record: &Record, addresses: &[u64]) -> Vec<Call> {
        let mut calls = Vec::new();
        for &address in addresses {
            // The call is before its return address.
            let at = address.saturating_sub(1);
            let Some(module) = module_of(record, at) else {
                calls.push(Call::unknown(address, ""));
                continue;
            };
            if module.path.ends_with(library::NAME) {
                continue;
            }
            let known = self.get(&module.path);
            let offset = (at - module.begin).wrapping_add(module.offset);
            match known.linked(offset) {
                Some(linked) => calls.extend_from_slice(known.calls(linked)),
                None => calls.push(Call::unknown(offset, &known.name)),
            }
        }
        calls
    }

    /// The variable that contains an address.
    pub(super) fn variable(&mut self, record: &Record, address: u64) -> Option<String> {
        for module in &record.modules {
            let known = self.get(&module.path);
            // Memory address minus linked address: the same for a whole file.
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

    /// Whether the program's own file names its functions.
    pub(super) fn has_symbols(&mut self, program: &Path) -> bool {
        self.get(program).has_symbols
    }

    fn get(&mut self, path: &Path) -> &mut Known {
        self.0
            .entry(path.to_owned())
            .or_insert_with(|| Known::read(path))
    }
}

impl Call {
    /// An unnamed call: a place in a file, or in no file at all.
    fn unknown(address: u64, module: &str) -> Self {
        Call {
            frame: Frame {
                address,
                ..Frame::default()
            },
            module: module.into(),
            offset: address,
        }
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
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut known = Known {
            loader: None,
            calls: HashMap::new(),
            parts: Vec::new(),
            variables: Vec::new(),
            name: name.into_owned(),
            has_symbols: false,
        };
        // The program wrote this path: accept no device and no pipe.
        if !std::fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
            return known;
        }
        if let Ok(file) = File::open(path) {
            let cache = ReadCache::new(file);
            if let Ok(file) = ElfFile64::<Endianness, _>::parse(&cache) {
                known.note(&file);
            }
        }
        known.loader = symbols::open(path);
        known
    }

    fn note<'data>(&mut self, file: &ElfFile64<'data, Endianness, &'data ReadCache<File>>) {
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

    /// The linked address of a place of code in the file.
    fn linked(&self, offset: u64) -> Option<u64> {
        // The mapping begins before the part, at a page boundary.
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

    /// The calls at an address: inlined functions first, then the function itself.
    fn calls(&mut self, linked: u64) -> &[Call] {
        if !self.calls.contains_key(&linked) {
            let calls = self.look_up(linked);
            self.calls.insert(linked, calls);
        }
        self.calls.get(&linked).map_or(&[], Vec::as_slice)
    }

    fn look_up(&self, linked: u64) -> Vec<Call> {
        let module = Text::from(self.name.as_str());
        // The return address. It is the same in each process, wherever the file is in memory.
        let address = linked.saturating_add(1);
        let loader = self.loader.as_ref();
        let symbol = loader.and_then(|loader| loader.find_symbol_info(linked));
        let begin = symbol.as_ref().map_or(0, |symbol| symbol.address());
        let call = |frame| Call {
            frame,
            module: module.clone(),
            offset: address.saturating_sub(begin),
        };
        let frames = symbols::frames(loader, linked, address);
        frames.into_iter().map(call).collect()
    }
}

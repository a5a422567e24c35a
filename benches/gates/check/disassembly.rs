//! Reads `objdump`'s disassembly.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The code of one program or library.
#[derive(Debug, Default)]
pub(crate) struct Disassembly {
    /// Functions by name, in the file's order.
    pub(crate) functions: Vec<Function>,
    instructions: BTreeMap<u64, String>,
}

/// One symbol's code.
#[derive(Debug, Default)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Address and text of each instruction.
    pub(crate) instructions: Vec<(u64, String)>,
}

impl Disassembly {
    pub(crate) fn of(file: &Path) -> Result<Self, String> {
        let output = Command::new("objdump")
            .args(["--disassemble", "--wide", "--no-show-raw-insn"])
            .arg(file)
            .output()
            .map_err(|error| format!("objdump: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "objdump {}: {}",
                file.display(),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        Ok(parse(&String::from_utf8_lossy(&output.stdout)))
    }

    /// The instruction at `address`.
    pub(crate) fn at(&self, address: u64) -> Option<&str> {
        self.instructions.get(&address).map(String::as_str)
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// Whether it makes other cores wait: a locked read-modify-write (`xchg` with memory always is
/// one), or a full fence.
pub(crate) fn is_locked(instruction: &str) -> bool {
    let mnemonic = instruction.split_whitespace().next().unwrap_or_default();
    match mnemonic {
        "lock" | "mfence" => true,
        _ => mnemonic.starts_with("xchg") && instruction.contains('('),
    }
}

fn parse(text: &str) -> Disassembly {
    let mut disassembly = Disassembly::default();
    for line in text.lines() {
        if let Some(name) = line
            .strip_suffix(">:")
            .and_then(|line| line.split_once(" <"))
        {
            disassembly.functions.push(Function {
                name: name.1.to_owned(),
                instructions: Vec::new(),
            });
        } else if let Some((address, instruction)) = line.split_once(":\t")
            && let Ok(address) = u64::from_str_radix(address.trim(), 16)
        {
            let instruction = instruction.trim().to_owned();
            if let Some(function) = disassembly.functions.last_mut() {
                function.instructions.push((address, instruction.clone()));
            }
            disassembly.instructions.insert(address, instruction);
        }
    }
    disassembly
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_instructions_are_known() {
        for locked in [
            "lock cmpxchg %cl,(%rdx)",
            "lock orl $0x0,-0x40(%rsp)",
            "xchg %al,0x8(%rdi)",
            "mfence",
        ] {
            assert!(is_locked(locked), "{locked}");
        }
        for not in [
            "xchg %ax,%ax",
            "cmpxchg %cl,(%rdx)",
            "mov %rax,(%rdx)",
            "lfence",
            "call 1f0 <lock_slow>",
        ] {
            assert!(!is_locked(not), "{not}");
        }
    }

    #[test]
    fn functions_and_addresses_are_found() {
        let text = "\n0000000000001000 <first>:\n    1000:\tpush   %rbx\n    1001:\tret\n\n\
                    0000000000001010 <second>:\n    1010:\tret\n";
        let disassembly = parse(text);
        assert_eq!(disassembly.at(0x1001), Some("ret"));
        assert_eq!(disassembly.at(0x1002), None);
        let first = disassembly.function("first").unwrap();
        assert_eq!(first.instructions.len(), 2);
        assert!(disassembly.function("third").is_none());
    }
}

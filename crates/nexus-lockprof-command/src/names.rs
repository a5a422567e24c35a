//! Names for the addresses in a profile. Programs leave the look-up to their profile's reader: it
//! takes time and memory, which would be theirs.

use crate::symbols::{frames, open};
use addr2line::Loader;
use nexus_lockprof_snapshot::{Frame, Point, Snapshot, Stack, Text, own_frames};
use std::collections::HashMap;
use std::path::Path;

/// The snapshot with names in the place of addresses, where the files of code have them.
///
/// This opens the files that the profile names, if they are regular ones.
#[must_use]
pub fn named(snapshot: Snapshot) -> Snapshot {
    let mut files = Files::default();
    let points = snapshot.points().iter().map(|point| {
        let callers = point.callers.iter().map(|stack| Stack {
            frames: files.named(&stack.frames),
            ..stack.clone()
        });
        let callers = callers.collect();
        Point {
            callers,
            ..point.clone()
        }
    });
    let points = points.collect();
    snapshot.with_points(points)
}

/// Files of code, and the addresses that were looked up in them.
#[derive(Default)]
struct Files {
    loaders: HashMap<Text, Option<Loader>>,
    known: HashMap<(Text, u64), Vec<Frame>>,
}

impl Files {
    /// The frames of a stack, by name, without the lock's own and those that begin each thread.
    /// What a program has named stays.
    fn named(&mut self, frames: &[Frame]) -> Vec<Frame> {
        let named: Vec<Frame> = frames
            .iter()
            .flat_map(|frame| match &frame.file {
                Some(file) if is_address(frame) => self.at(file, frame.address).to_vec(),
                _ => vec![frame.clone()],
            })
            .collect();
        if frames.iter().any(is_address) {
            own_frames(&named).to_vec()
        } else {
            named
        }
    }

    /// The functions at a return address: more than one where some are inlined, the innermost
    /// first.
    fn at(&mut self, file: &Text, address: u64) -> &[Frame] {
        let Self { loaders, known } = self;
        known.entry((file.clone(), address)).or_insert_with(|| {
            let loader = loaders
                .entry(file.clone())
                .or_insert_with(|| open(Path::new(&**file)));
            look_up(loader.as_ref(), file, address)
        })
    }
}

/// Whether it is an address in a file of code, and not a line of source.
fn is_address(frame: &Frame) -> bool {
    frame.function.is_none() && frame.line.is_none() && frame.file.is_some()
}

fn look_up(loader: Option<&Loader>, file: &Text, address: u64) -> Vec<Frame> {
    // The call is before the address that it returns to.
    let call = address.saturating_sub(1);
    let mut frames = frames(loader, call, address);
    if let [only] = &mut frames[..]
        && only.function.is_none()
    {
        // A file without symbols: which one it is.
        let name = Path::new(&**file).file_name().unwrap_or_default();
        only.function = Some(format!("{}+{address:#x}", name.to_string_lossy()).into());
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_this_program_is_named() {
        let program = std::env::current_exe().unwrap();
        let file = Text::from(&*program.to_string_lossy());
        let loader = Loader::new(&program).unwrap();
        let (name, address) = (0..u64::from(u32::MAX))
            .step_by(16)
            .find_map(|address| Some((loader.find_symbol(address)?.to_owned(), address)))
            .unwrap();
        let mut files = Files::default();
        let frame = Frame {
            file: Some(file),
            address: address + 1,
            ..Frame::default()
        };
        let named = files.named(std::slice::from_ref(&frame));
        assert_eq!(
            named.last().and_then(|frame| frame.function.clone()),
            Some(crate::symbols::demangled(&name))
        );
        // Frames with names stay. An address that cannot be looked up shows its file.
        assert_eq!(files.named(&named), named);
        let gone = Frame {
            file: Some("/nowhere/app".into()),
            address: 0x20,
            ..Frame::default()
        };
        let functions: Vec<_> = files
            .named(&[gone])
            .into_iter()
            .map(|frame| frame.function)
            .collect();
        assert_eq!(functions, [Some("app+0x20".into())]);
    }
}

//! The parts of protobuf's wire format that our messages use, read without the crate's own code.

/// A field's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Number(u64),
    /// Eight bytes: a `double`, `fixed64` or `sfixed64`.
    Fixed(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
pub(crate) fn fields(mut message: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)),
            1 => Value::Fixed(u64::from_le_bytes(*take(&mut message))),
            2 => {
                let length = varint(&mut message) as usize;
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Value::Bytes(bytes)
            }
            kind => panic!("wire type {kind} is in no message of ours"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> &'a [u8; N] {
    let Some((taken, rest)) = bytes.split_first_chunk() else {
        panic!("a value without an end");
    };
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let &[byte] = take(bytes);
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a number of more than ten bytes");
}

/// All numbers of a field, packed or not.
pub(crate) fn numbers(message: &[u8], field: u64) -> Vec<u64> {
    let mut all = Vec::new();
    for (_, value) in fields(message).into_iter().filter(|&(f, _)| f == field) {
        match value {
            Value::Number(number) | Value::Fixed(number) => all.push(number),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    all.push(varint(&mut packed));
                }
            }
        }
    }
    all
}

/// The number of a field, 0 if absent.
pub(crate) fn number(message: &[u8], field: u64) -> u64 {
    numbers(message, field).last().copied().unwrap_or(0)
}

/// All messages or strings of a field.
pub(crate) fn messages(message: &[u8], field: u64) -> Vec<&[u8]> {
    let fields = fields(message).into_iter();
    fields
        .filter_map(|(f, value)| match value {
            Value::Bytes(bytes) if f == field => Some(bytes),
            _ => None,
        })
        .collect()
}

//! Splits a source text into names and punctuation.

/// Names and punctuation of a source text, without comments, strings and lifetimes.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut i = 0;
    let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
    while let Some(&c) = chars.get(i) {
        let rest = &chars[i..];
        if rest.starts_with(&['/', '/']) {
            i += rest.iter().position(|&c| c == '\n').unwrap_or(rest.len());
        } else if rest.starts_with(&['/', '*']) {
            i += rest
                .windows(2)
                .position(|two| two == ['*', '/'])
                .map_or(rest.len(), |end| end + 2);
        } else if c == '"' {
            i += 1;
            while chars.get(i).is_some_and(|&c| c != '"') {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if let Some(hashes) = raw_string(rest) {
            let end: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            let begin = rest.iter().position(|&c| c == '"').unwrap_or(0) + 1;
            let len = rest[begin..]
                .windows(end.len())
                .position(|part| part == end)
                .unwrap_or(rest.len());
            i += begin + len + end.len();
        } else if c == '\'' {
            // A character literal, or the name of a lifetime or label.
            let end = if rest.get(1) == Some(&'\\') {
                rest.iter()
                    .skip(3)
                    .position(|&c| c == '\'')
                    .map(|end| end + 4)
            } else {
                (rest.get(2) == Some(&'\'')).then_some(3)
            };
            i += end.unwrap_or_else(|| 1 + rest[1..].iter().take_while(|c| is_name(c)).count());
        } else if is_name(&c) {
            let name: String = rest.iter().take_while(|c| is_name(c)).collect();
            i += name.chars().count();
            tokens.push(name);
        } else if rest.starts_with(&[':', ':']) {
            tokens.push("::".into());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.into());
            }
            i += 1;
        }
    }
    tokens
}

/// The number of `#` of a raw string that begins here.
fn raw_string(text: &[char]) -> Option<usize> {
    let after = text
        .strip_prefix(&['b'])
        .unwrap_or(text)
        .strip_prefix(&['r'])?;
    let hashes = after.iter().take_while(|&&c| c == '#').count();
    (after.get(hashes) == Some(&'"')).then_some(hashes)
}

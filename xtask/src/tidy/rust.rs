//! Just enough of Rust's syntax to tell code from comments and literals. It does not parse.

/// The text with every comment and every literal of characters blanked, line by line as it was.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, blank) = match passive(rest) {
            Some(len) => (&rest[..len], true),
            None if is_word(first) => (&rest[..word_len(rest)], false),
            None => (&rest[..first.len_utf8()], false),
        };
        if blank {
            code.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            code.push_str(token);
        }
        rest = &rest[token.len()..];
    }
    code
}

/// The words of a line, in order.
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_len(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// The length of the comment or literal that the text begins with.
fn passive(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'/', b'/', ..] => Some(text.find('\n').unwrap_or(text.len())),
        [b'/', b'*', ..] => Some(block_comment(text)),
        [b'"', ..] => Some(1 + quoted(&text[1..], '"')),
        [b'\'', ..] => character(text),
        [b'r' | b'b' | b'c', ..] => raw_string(text),
        _ => None,
    }
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(found) = text[at..].find("/*").into_iter().chain(text[at..].find("*/")).min() {
        at += found;
        depth += if text[at..].starts_with("/*") { 1 } else { -1 };
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length up to and with the closing quote, past escaped characters.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A literal such as `'x'` or `'\n'`; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let mut chars = text[1..].chars();
    let first = chars.next()?;
    (first == '\\' || chars.next() == Some('\'')).then(|| 1 + quoted(&text[1..], '\''))
}

/// `r"..."`, `br#"..."#` and so on.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = word_len(text);
    if !matches!(&text[..prefix], "r" | "br" | "cr") {
        return None;
    }
    let hashes = text[prefix..].bytes().take_while(|&byte| byte == b'#').count();
    let start = prefix + hashes + 1;
    text[prefix + hashes..].starts_with('"').then(|| {
        let end = format!("\"{}", "#".repeat(hashes));
        text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(code(text).split_whitespace().collect::<Vec<_>>().join(" "), expect, "{text}");
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check("a // b\nc /* d /* e */ f */ g", "a c g");
        check(r#"let a = "b \" c"; d"#, "let a = ; d");
        check("r#\"a \" b\"# + br\"c\\\" + d", "+ + d");
        check("b\"a\" b'\"' c", "b b c");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_stay() {
        check("fn f<'a>(x: &'a str) { '\\'' 'b' }", "fn f<'a>(x: &'a str) { }");
        check("r#type or \"s\"", "r#type or");
    }

    #[test]
    fn what_is_not_closed_is_blank_to_the_end() {
        check("a /* b", "a");
        check("a \"b", "a");
        check("a r#\"b\"", "a");
    }

    #[test]
    fn lines_stay_where_they_are() {
        assert_eq!(code("\"a\nb\"\nc"), "  \n  \nc");
    }
}

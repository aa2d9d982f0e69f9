//! Just enough of Markdown to tell blocks of code from prose.

/// What a line is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'t> {
    /// Running text.
    Prose,
    /// A block between fences, with the language that the opening one names.
    Fenced(&'t str),
    /// Indented by four spaces or more: a block of code, or prose inside a list.
    Indented,
}

/// The lines of a text with their numbers, without the fences themselves.
pub fn lines(text: &str) -> Vec<(usize, Place<'_>, &str)> {
    let mut lines = Vec::new();
    let mut fence: Option<&str> = None;
    for (at, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language.trim()) };
            continue;
        }
        let place = match fence {
            Some(language) => Place::Fenced(language),
            None if line.starts_with("    ") => Place::Indented,
            None => Place::Prose,
        };
        lines.push((at + 1, place, line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_open_and_close() {
        let text = "a\n```sh\nb\n```\n    c\n```\nd\n";
        let expect = [
            (1, Place::Prose, "a"),
            (3, Place::Fenced("sh"), "b"),
            (5, Place::Indented, "    c"),
            (7, Place::Fenced(""), "d"),
        ];
        assert_eq!(lines(text), expect);
    }
}

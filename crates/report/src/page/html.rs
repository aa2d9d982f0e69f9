//! A very small writer of HTML: elements that hold text, other elements, or markup that was made elsewhere.
//!
//! What is not an [`Element`] and not [`Raw`] is text, and text is always escaped: a name out of a run's configuration cannot become
//! markup by being forgotten. It knows no document and checks no nesting.

use std::fmt::{self, Write};

/// Elements that have no content and no end tag.
const VOID: [&str; 4] = ["br", "input", "meta", "wbr"];

/// Something that an element can hold.
pub(super) trait Node {
    /// Writes it at the end of a page.
    fn write(&self, page: &mut String);
}

/// Markup that is known to be safe, because this crate made it.
pub(super) struct Raw<T>(pub T);

/// An element, its attributes and what it holds.
#[must_use]
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

/// An element without attributes and content.
pub(super) fn tag(name: &'static str) -> Element {
    Element { name, attributes: String::new(), content: String::new() }
}

impl Element {
    /// Adds an attribute, escaped.
    pub(super) fn attr(mut self, name: &str, value: impl fmt::Display) -> Element {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        escape(&value.to_string(), &mut self.attributes);
        self.attributes.push('"');
        self
    }

    /// Adds an attribute that has no value, such as `hidden`.
    pub(super) fn flag(mut self, name: &str) -> Element {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self
    }

    /// The same as an attribute `class`.
    pub(super) fn class(self, names: &str) -> Element {
        self.attr("class", names)
    }

    /// Adds content at the end.
    pub(super) fn put(mut self, node: impl Node) -> Element {
        node.write(&mut self.content);
        self
    }
}

impl Node for Element {
    fn write(&self, page: &mut String) {
        let Element { name, attributes, content } = self;
        let end = if VOID.contains(name) { String::new() } else { format!("</{name}>") };
        write!(page, "<{name}{attributes}>{content}{end}").expect("a String takes any text");
    }
}

impl Node for str {
    fn write(&self, page: &mut String) {
        escape(self, page);
    }
}

impl Node for String {
    fn write(&self, page: &mut String) {
        escape(self, page);
    }
}

impl<T: AsRef<str>> Node for Raw<T> {
    fn write(&self, page: &mut String) {
        page.push_str(self.0.as_ref());
    }
}

impl<N: Node + ?Sized> Node for &N {
    fn write(&self, page: &mut String) {
        (**self).write(page);
    }
}

impl<N: Node> Node for Option<N> {
    fn write(&self, page: &mut String) {
        self.iter().for_each(|node| node.write(page));
    }
}

impl<N: Node> Node for Vec<N> {
    fn write(&self, page: &mut String) {
        self.iter().for_each(|node| node.write(page));
    }
}

impl<N: Node, const K: usize> Node for [N; K] {
    fn write(&self, page: &mut String) {
        self.iter().for_each(|node| node.write(page));
    }
}

/// The node as text of a page.
pub(super) fn markup(node: impl Node) -> String {
    let mut page = String::new();
    node.write(&mut page);
    page
}

/// Text as it stands in an element or in a quoted attribute. Control characters that HTML forbids become U+FFFD.
fn escape(text: &str, page: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            '\n' | '\t' => page.push(letter),
            control if control.is_control() => page.push('\u{fffd}'),
            other => page.push(other),
        }
    }
}

/// JSON that can stand in a script element: no `<` that could end it, nothing that a parser of scripts takes for a line's end.
pub(super) fn script_json(value: &impl serde::Serialize) -> Raw<String> {
    let json = serde_json::to_string(value).expect("plain fields with text keys are JSON");
    Raw(json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_wherever_it_stands() {
        let nasty = "</p><script>alert('x')</script>\"&";
        let found = markup(tag("p").attr("title", nasty).put(nasty));
        let text = "&lt;/p&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;";
        assert_eq!(found, format!("<p title=\"{text}\">{text}</p>"));
    }

    #[test]
    fn elements_nest_and_void_ones_end_themselves() {
        let list = tag("ul").put(vec![tag("li").put("a"), tag("li").put(tag("br"))]).put(None::<Element>);
        assert_eq!(markup(list), "<ul><li>a</li><li><br></li></ul>");
        assert_eq!(markup(tag("p").flag("hidden").put(Raw("<b>x</b>"))), "<p hidden><b>x</b></p>");
    }

    #[test]
    fn control_characters_do_not_reach_a_page() {
        assert_eq!(markup("a\0b\u{1b}[31m\n"), "a\u{fffd}b\u{fffd}[31m\n");
    }

    #[test]
    fn json_cannot_end_its_script() {
        let json = script_json(&["</script><!--", "\u{2028}"]).0;
        assert!(!json.contains('<') && !json.contains('\u{2028}'), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), ["</script><!--", "\u{2028}"]);
    }
}

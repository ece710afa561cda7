//! XML text as a tree of elements; attributes, comments and namespaces are left out.

use quick_xml::{Reader, events::Event};

/// Deeper answers are refused; AWS's deepest are about ten.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Without namespace prefix.
    pub(crate) name: Box<str>,
    /// Its own text.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The document's root element.
    ///
    /// A document that ends before its root does is cut, not short: an error.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        loop {
            let closed = match reader.read_event().map_err(|error| format!("it is no XML: {error}"))? {
                Event::Start(start) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(format!("it is nested deeper than {MAX_DEPTH}"));
                    }
                    open.push(Self { name: start.local_name().as_ref().into(), ..Self::default() });
                    continue;
                }
                Event::Empty(start) => Self { name: start.local_name().as_ref().into(), ..Self::default() },
                Event::End(_) => open.pop().ok_or("an element is closed that was not opened")?,
                Event::Text(content) => {
                    push(&mut open, &content.xml10_content());
                    continue;
                }
                Event::CData(content) => {
                    push(&mut open, &content.xml10_content());
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    match reference.resolve_char_ref().map_err(|error| format!("it is no XML: {error}"))? {
                        Some(character) => push(&mut open, character.encode_utf8(&mut [0; 4])),
                        None => {
                            let known = quick_xml::escape::resolve_predefined_entity(&name);
                            push(&mut open, known.ok_or_else(|| format!("it uses the unknown entity `{name}`"))?);
                        }
                    }
                    continue;
                }
                Event::Eof => return Err("it ends before its last element does".to_owned()),
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => {
                    // Only indentation was between its children.
                    if parent.text.trim().is_empty() {
                        parent.text.clear();
                    }
                    parent.children.push(closed);
                }
                None => return Ok(closed),
            }
        }
    }
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_unescaped() {
        let root = Element::parse(
            "<?xml version=\"1.0\"?>\n<A xmlns=\"u\"><B>a &amp; &lt;b&gt; &#x41;</B><n:C/><D><![CDATA[<x>]]></D></A>",
        )
        .unwrap();
        let texts: Vec<(&str, &str)> = root.children.iter().map(|child| (&*child.name, child.text.as_str())).collect();
        assert_eq!(texts, [("B", "a & <b> A"), ("C", ""), ("D", "<x>")]);
    }

    #[test]
    fn cut_or_foreign_documents_are_errors() {
        for text in ["", "<A><B>", "<A><B></A>", "<A>&unknown;</A>", "no", "<A", "</A>", &"<A>".repeat(100)] {
            assert!(Element::parse(text).is_err(), "{text}");
        }
    }
}

//! BinXML: from tokens to elements with values and holes in them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{
    bytes::{Cursor, Span, array_at},
    error::Broken,
    limits::{Budget, MAX_DEPTH},
    value::{self, Given, Value},
};

/// The bytes of a template's definition before its BinXML: where the next one is, GUID, length.
const TEMPLATE_HEADER: usize = 24;

/// A part of an element or of a record.
#[derive(Debug)]
pub(crate) enum Node {
    Element(Element),
    Value(Value),
    /// A character by its number.
    Character(u16),
    /// A character, or more, by its name.
    Entity(Arc<str>),
    /// Where a template has a value of the record.
    Hole(Hole),
    Instance(Instance),
}

/// Where a template has a value of the record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hole {
    pub(crate) place: usize,
    pub(crate) filled: Filled,
}

/// Whether an empty value fills a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    Always,
    UnlessEmpty,
}

/// An element. Its names stand as JSON has them between quotation marks.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: Arc<str>,
    /// The hole without whose value the element is left out.
    pub(crate) dependency: Option<usize>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
    /// What the attribute `Name` says, if that is the same in every record.
    pub(crate) fixed_name: Option<String>,
}

/// An attribute of an element.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Arc<str>,
    pub(crate) value: Vec<Node>,
}

/// A template with the values of its holes.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) template: Arc<Element>,
    pub(crate) values: Vec<Slot>,
}

/// What fills a hole.
#[derive(Debug)]
pub(crate) enum Slot {
    One(Value),
    List(Vec<Value>),
    Nodes(Vec<Node>),
}

/// Reads the records of a chunk; knows its names and templates.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) budget: Budget,
    names: FxHashMap<usize, Arc<str>>,
    /// By where they are; what can't be read is not tried again.
    templates: FxHashMap<usize, Result<Arc<Element>, Broken>>,
}

/// Which tokens there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Those of a record or of what is nested in one: template instances, no holes.
    Record,
    /// Those of a template: holes, no template instances, and elements with dependencies.
    Template,
}

/// What was begun and is not ended.
#[derive(Default)]
struct Open {
    /// The element whose attributes are being read.
    start: Option<Element>,
    attribute: Option<Attribute>,
    elements: Vec<Element>,
    roots: Vec<Node>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Decoder { budget: Budget::of_chunk(), names: FxHashMap::default(), templates: FxHashMap::default() }
    }

    /// What a record consists of.
    pub(crate) fn record(&mut self, chunk: &[u8], span: Span) -> Result<Vec<Node>, Broken> {
        self.budget.begin_record();
        self.nodes(chunk, span, Form::Record, 0)
    }

    fn nodes(&mut self, chunk: &[u8], span: Span, form: Form, depth: usize) -> Result<Vec<Node>, Broken> {
        let mut cursor = Cursor::new(chunk, span);
        let mut open = Open::default();
        while cursor.left() > 0 {
            let at = cursor.at();
            self.budget.spend(1, at)?;
            let token = cursor.u8("a token")?;
            match (token, form) {
                (0x00, _) => break,
                (0x0f, _) => {
                    cursor.take(3, "the header of a fragment")?;
                }
                (0x01 | 0x41, _) => {
                    if depth + open.elements.len() >= MAX_DEPTH {
                        return Err(Broken::new(at, format!("more than {MAX_DEPTH} elements stand in one another")));
                    }
                    let element = self.element(chunk, &mut cursor, token, form)?;
                    if open.start.replace(element).is_some() {
                        return Err(Broken::new(at, "an element begins among the attributes of another"));
                    }
                }
                (0x06 | 0x46, _) => {
                    let name = self.name(chunk, &mut cursor)?;
                    open.begin_attribute(name, at)?;
                }
                (0x02..=0x04, _) => open.end(token, chunk, at)?,
                (0x05 | 0x45, _) => {
                    if let Some(nested) = literal(chunk, &mut cursor, &mut open)? {
                        self.nested(chunk, nested, form, depth, &mut open)?;
                    }
                }
                // CDATA
                (0x07 | 0x47, _) => {
                    let text = text(&mut cursor, "CDATA")?;
                    open.push(Node::Value(value::one(0x01, text, chunk)?), at)?;
                }
                (0x08 | 0x48, _) => {
                    let number = cursor.u16("a character")?;
                    open.push(Node::Character(number), at)?;
                }
                (0x09 | 0x49, _) => {
                    let name = self.name(chunk, &mut cursor)?;
                    open.push(Node::Entity(name), at)?;
                }
                // Processing instructions say nothing about the event.
                (0x0a, _) => {
                    self.name(chunk, &mut cursor)?;
                }
                (0x0b, _) => {
                    text(&mut cursor, "a processing instruction")?;
                }
                (0x0d | 0x0e, Form::Template) => {
                    let place = usize::from(cursor.u16("a hole")?);
                    cursor.u8("the type of a hole")?;
                    let filled = if token == 0x0e { Filled::UnlessEmpty } else { Filled::Always };
                    open.push(Node::Hole(Hole { place, filled }), at)?;
                }
                (0x0c, Form::Record) => {
                    let instance = self.instance(chunk, &mut cursor, depth + open.elements.len())?;
                    open.push_part(Node::Instance(instance), at)?;
                }
                _ => return Err(Broken::new(at, format!("0x{token:02x} is no token that may stand there"))),
            }
        }
        open.finish(cursor.at())
    }

    fn element(&mut self, chunk: &[u8], cursor: &mut Cursor<'_>, token: u8, form: Form) -> Result<Element, Broken> {
        let dependency = match form {
            Form::Template => Some(cursor.u16("the dependency of an element")?).filter(|place| *place != u16::MAX),
            Form::Record => None,
        };
        cursor.u32("the length of an element")?;
        let name = self.name(chunk, cursor)?;
        if token == 0x41 {
            cursor.u32("the length of attributes")?;
        }
        let dependency = dependency.map(usize::from);
        Ok(Element { name, dependency, attributes: Vec::new(), children: Vec::new(), fixed_name: None })
    }

    /// BinXML that is a value.
    fn nested(&mut self, chunk: &[u8], span: Span, form: Form, depth: usize, open: &mut Open) -> Result<(), Broken> {
        // It could name the template that it stands in.
        if form == Form::Template {
            return Err(Broken::new(span.start(), "a template holds BinXML as a value"));
        }
        let depth = depth + open.elements.len() + 1;
        if depth >= MAX_DEPTH {
            return Err(Broken::new(span.start(), format!("more than {MAX_DEPTH} values stand in one another")));
        }
        for node in self.nodes(chunk, span, Form::Record, depth)? {
            open.push_part(node, span.start())?;
        }
        Ok(())
    }

    fn instance(&mut self, chunk: &[u8], cursor: &mut Cursor<'_>, depth: usize) -> Result<Instance, Broken> {
        if depth + 1 >= MAX_DEPTH {
            return Err(Broken::new(cursor.at(), format!("more than {MAX_DEPTH} templates stand in one another")));
        }
        cursor.u8("a template instance")?;
        cursor.u32("the number of a template")?;
        let at = cursor.size("the place of a template")?;
        // The first record that uses a template holds it.
        if cursor.at() == at {
            cursor.take(TEMPLATE_HEADER - 4, "the header of a template")?;
            let length = cursor.size("the length of a template")?;
            cursor.take(length, "a template")?;
        }
        let template = self.template(chunk, at)?;
        let n_values = cursor.size("the number of values")?;
        let table = cursor.take(n_values.saturating_mul(4), "the table of values")?;
        self.budget.spend(n_values, table.start())?;
        let mut values = Vec::with_capacity(n_values);
        for entry in table.of(chunk).chunks_exact(4) {
            let [low, high, type_byte, _] = array_at(entry, 0).unwrap_or_default();
            let span = cursor.take(usize::from(u16::from_le_bytes([low, high])), "a value")?;
            values.push(match value::given(type_byte, span, chunk)? {
                Given::One(value) => Slot::One(value),
                Given::List(list) => {
                    self.budget.spend(list.len(), span.start())?;
                    Slot::List(list)
                }
                Given::Nested(span) if span.length() == 0 => Slot::One(value::one(0, span, chunk)?),
                Given::Nested(span) => Slot::Nodes(self.nodes(chunk, span, Form::Record, depth + 1)?),
            });
        }
        Ok(Instance { template, values })
    }

    /// The template at a byte of the chunk.
    fn template(&mut self, chunk: &[u8], at: usize) -> Result<Arc<Element>, Broken> {
        if let Some(known) = self.templates.get(&at) {
            return known.clone();
        }
        let read = self.read_template(chunk, at);
        self.templates.insert(at, read.clone());
        read
    }

    fn read_template(&mut self, chunk: &[u8], at: usize) -> Result<Arc<Element>, Broken> {
        let mut cursor = Cursor::at_byte(chunk, at);
        cursor.take(TEMPLATE_HEADER - 4, "the header of a template")?;
        let length = cursor.size("the length of a template")?;
        let span = cursor.take(length, "a template")?;
        let mut roots = self.nodes(chunk, span, Form::Template, 0)?;
        match (roots.pop(), roots.is_empty()) {
            (Some(Node::Element(root)), true) => Ok(Arc::new(root)),
            _ => Err(Broken::new(at, "a template is not one element")),
        }
    }

    /// The name that a token names by its place in the chunk; the first token that does holds it.
    fn name(&mut self, chunk: &[u8], cursor: &mut Cursor<'_>) -> Result<Arc<str>, Broken> {
        let at = cursor.size("the place of a name")?;
        let mut own = Cursor::at_byte(chunk, at);
        own.take(6, "the head of a name")?;
        let n_units = usize::from(own.u16("the length of a name")?);
        let span = own.take(2 * n_units, "a name")?;
        if cursor.at() == at {
            cursor.take(8 + span.length() + 2, "a name")?;
        }
        if let Some(name) = self.names.get(&at) {
            return Ok(Arc::clone(name));
        }
        self.budget.spend(1 + n_units / 64, at)?;
        let mut name = String::with_capacity(n_units);
        value::write_utf16(span.of(chunk), &mut name);
        let name: Arc<str> = name.into();
        self.names.insert(at, Arc::clone(&name));
        Ok(name)
    }
}

impl Open {
    fn begin_attribute(&mut self, name: Arc<str>, at: usize) -> Result<(), Broken> {
        self.end_attribute();
        if self.start.is_none() {
            return Err(Broken::new(at, "an attribute stands outside of an element"));
        }
        self.attribute = Some(Attribute { name, value: Vec::new() });
        Ok(())
    }

    fn end_attribute(&mut self) {
        if let (Some(attribute), Some(element)) = (self.attribute.take(), &mut self.start)
            && !attribute.value.is_empty()
        {
            element.attributes.push(attribute);
        }
    }

    /// Ends the attributes of an element, or an element.
    fn end(&mut self, token: u8, chunk: &[u8], at: usize) -> Result<(), Broken> {
        if token == 0x04 {
            let ended = if self.start.is_none() { self.elements.pop() } else { None };
            let Some(element) = ended else { return Err(Broken::new(at, "an element ends that was not begun")) };
            self.add(Node::Element(element));
            return Ok(());
        }
        self.end_attribute();
        let Some(mut element) = self.start.take() else {
            return Err(Broken::new(at, "attributes end that were not begun"));
        };
        element.fixed_name = fixed_name(&element, chunk);
        if token == 0x02 {
            self.elements.push(element);
        } else {
            self.add(Node::Element(element));
        }
        Ok(())
    }

    /// Adds what may stand in an attribute too.
    fn push(&mut self, node: Node, at: usize) -> Result<(), Broken> {
        if let Some(attribute) = &mut self.attribute {
            attribute.value.push(node);
            return Ok(());
        }
        if self.start.is_some() || self.elements.is_empty() {
            return Err(Broken::new(at, "a value stands outside of an element"));
        }
        self.add(node);
        Ok(())
    }

    /// Adds what may stand among elements only.
    fn push_part(&mut self, node: Node, at: usize) -> Result<(), Broken> {
        if self.start.is_some() {
            return Err(Broken::new(at, "an element stands in an attribute"));
        }
        self.add(node);
        Ok(())
    }

    fn add(&mut self, node: Node) {
        match self.elements.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.roots.push(node),
        }
    }

    fn finish(self, at: usize) -> Result<Vec<Node>, Broken> {
        if self.start.is_some() || !self.elements.is_empty() {
            return Err(Broken::new(at, "an element does not end"));
        }
        Ok(self.roots)
    }
}

/// A value that stands in the text; BinXML is given back, for it has to be read.
fn literal(chunk: &[u8], cursor: &mut Cursor<'_>, open: &mut Open) -> Result<Option<Span>, Broken> {
    let at = cursor.at();
    let type_byte = cursor.u8("the type of a value")?;
    let span = match (type_byte, value::literal_length(type_byte)) {
        (0x01, _) => text(cursor, "a text")?,
        (0x21, _) => {
            let length = usize::from(cursor.u16("the length of BinXML")?);
            return cursor.take(length, "BinXML").map(Some);
        }
        (0x00, _) => cursor.take(0, "nothing")?,
        (_, Some(width)) => cursor.take(width, "a value")?,
        (_, None) => return Err(Broken::new(at, format!("a value of type 0x{type_byte:02x} stands in the text"))),
    };
    open.push(Node::Value(value::one(type_byte, span, chunk)?), at)?;
    Ok(None)
}

/// A text with its length in letters of UTF-16 before it.
fn text(cursor: &mut Cursor<'_>, what: &str) -> Result<Span, Broken> {
    let n_units = usize::from(cursor.u16(what)?);
    cursor.take(2 * n_units, what)
}

/// The attribute `Name` of `Data`, if no record changes it.
fn fixed_name(element: &Element, chunk: &[u8]) -> Option<String> {
    if &*element.name != "Data" {
        return None;
    }
    let attribute = element.attributes.iter().find(|attribute| &*attribute.name == "Name")?;
    let [Node::Value(value)] = attribute.value.as_slice() else { return None };
    let mut name = String::new();
    value.write(chunk, &mut name);
    (value.is_text() && !name.is_empty()).then_some(name)
}

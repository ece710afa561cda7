//! From elements to JSON, in the shape of `evtx_dump -o jsonl`: attributes under `#attributes`, text beside them under `#text`, `Data` of
//! `EventData` and `UserData` by their names.

use std::{borrow::Cow, ops::Range};

use rustc_hash::FxHashMap;

use crate::{
    binxml::{Element, Filled, Hole, Node, Slot},
    error::Broken,
    limits::{Budget, MAX_DEPTH},
    value::{Value, write_letter},
};

/// The JSON text of a record.
pub(crate) fn json(chunk: &[u8], nodes: &[Node], budget: &mut Budget, at: usize) -> Result<String, Broken> {
    let mut renderer =
        Renderer { chunk, budget, out: String::with_capacity(2048), items: Vec::new(), attributes: Vec::new(), depth: 0, at };
    renderer.push_all(nodes, &[], &mut Copying::default())?;
    let root = renderer.items.iter().find_map(|item| match item {
        Item::Element(part) => Some(*part),
        _ => None,
    });
    let Some(root) = root else { return Err(Broken::new(at, "the record has no element")) };
    renderer.out.push_str("{\"");
    renderer.out.push_str(&root.element.name);
    renderer.out.push_str("\":");
    renderer.element(root, Role::Member)?;
    renderer.out.push('}');
    renderer.check()?;
    let Renderer { out, budget, .. } = renderer;
    budget.spend_output(out.len());
    Ok(out)
}

struct Renderer<'r, 'b> {
    chunk: &'r [u8],
    budget: &'b mut Budget,
    out: String,
    /// What the elements that are being written consist of, the innermost last.
    items: Vec<Item<'r>>,
    /// Their attributes: which of the items.
    attributes: Vec<(&'r str, Range<usize>)>,
    depth: usize,
    at: usize,
}

/// A node with its holes filled.
#[derive(Clone, Copy)]
enum Item<'r> {
    Element(Part<'r>),
    Value(Value),
    /// A list that makes no copies of its element.
    List(&'r [Value]),
    Character(u16),
    Entity(&'r str),
}

/// An element with what fills its holes.
#[derive(Clone, Copy)]
struct Part<'r> {
    element: &'r Element,
    values: &'r [Slot],
    /// Which of how many: a list in a hole makes one copy of the element for each of its values.
    copy: usize,
    n_copies: usize,
}

/// Which values of lists a copy takes: the first list changes slowest.
struct Copying {
    rest: usize,
    block: usize,
}

/// What an element is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The value of a member.
    Member,
    /// The same, with `Data` elements in it.
    Container,
    /// A `Data` element of a container: attributes are left out, and nothing is an empty text.
    Datum,
}

/// Where the parts of an element are among the items.
struct Inside {
    children: Range<usize>,
    attributes: Range<usize>,
}

/// How often names came.
#[derive(Default)]
struct Names<'r> {
    few: Vec<(Cow<'r, str>, usize)>,
    many: FxHashMap<Cow<'r, str>, usize>,
}

impl Default for Copying {
    fn default() -> Self {
        Copying { rest: 0, block: 1 }
    }
}

impl Copying {
    /// The next value of a copy, of so many.
    fn pick(&mut self, n: usize) -> usize {
        self.block = (self.block / n.max(1)).max(1);
        let place = self.rest / self.block;
        self.rest %= self.block;
        place
    }
}

impl<'r> Names<'r> {
    /// How often a name came before.
    fn seen(&mut self, name: Cow<'r, str>) -> usize {
        const FEW: usize = 32;
        if let Some((_, n)) = self.few.iter_mut().find(|(known, _)| *known == name) {
            *n += 1;
            return *n - 1;
        }
        if self.few.len() < FEW {
            self.few.push((name, 1));
            return 0;
        }
        let n = self.many.entry(name).or_insert(0);
        *n += 1;
        *n - 1
    }
}

impl<'r> Renderer<'r, '_> {
    fn check(&self) -> Result<(), Broken> {
        self.budget.check_output(self.out.len(), self.at)
    }

    /// Fills the holes of nodes.
    fn push_all(&mut self, nodes: &'r [Node], values: &'r [Slot], copying: &mut Copying) -> Result<(), Broken> {
        self.budget.spend(nodes.len(), self.at)?;
        for node in nodes {
            match node {
                Node::Element(element) if is_left_out(element, values) => {}
                Node::Element(element) => {
                    let n_copies = self.copies(element, values)?;
                    for copy in 0..n_copies {
                        self.items.push(Item::Element(Part { element, values, copy, n_copies }));
                    }
                }
                Node::Instance(instance) => {
                    let part = Part { element: &instance.template, values: &instance.values, copy: 0, n_copies: 1 };
                    self.items.push(Item::Element(part));
                }
                Node::Value(value) => self.items.push(Item::Value(*value)),
                Node::Character(number) => self.items.push(Item::Character(*number)),
                Node::Entity(name) => self.items.push(Item::Entity(name)),
                Node::Hole(hole) => self.fill(*hole, values, copying)?,
            }
        }
        Ok(())
    }

    fn fill(&mut self, hole: Hole, values: &'r [Slot], copying: &mut Copying) -> Result<(), Broken> {
        match values.get(hole.place) {
            None => {}
            Some(Slot::One(value)) if hole.filled == Filled::UnlessEmpty && value.is_empty(self.chunk) => {}
            Some(Slot::One(value)) => self.items.push(Item::Value(*value)),
            Some(Slot::List(list)) if list.len() > 1 && copying.block > 1 => {
                let value = list.get(copying.pick(list.len()));
                // An empty text leaves its element empty.
                let value = value.filter(|value| !value.is_text() || !value.is_empty(self.chunk));
                self.items.extend(value.map(|value| Item::Value(*value)));
            }
            Some(Slot::List(list)) if hole.filled == Filled::UnlessEmpty && list.is_empty() => {}
            Some(Slot::List(list)) => self.items.push(Item::List(list)),
            Some(Slot::Nodes(nodes)) => self.push_all(nodes, &[], &mut Copying::default())?,
        }
        Ok(())
    }

    /// How many copies of an element the lists in its holes make.
    fn copies(&mut self, element: &'r Element, values: &'r [Slot]) -> Result<usize, Broken> {
        let mut n_copies = 1usize;
        for node in element.children.iter().chain(element.attributes.iter().flat_map(|attribute| &attribute.value)) {
            if let Node::Hole(hole) = node
                && let Some(Slot::List(list)) = values.get(hole.place)
                && list.len() > 1
            {
                n_copies = n_copies.saturating_mul(list.len());
            }
        }
        if n_copies > 1 {
            self.budget.spend(n_copies, self.at)?;
        }
        Ok(n_copies)
    }

    /// Fills the holes of an element.
    fn enter(&mut self, part: Part<'r>) -> Result<Inside, Broken> {
        let (first_item, first_attribute) = (self.items.len(), self.attributes.len());
        let mut copying = Copying { rest: part.copy, block: part.n_copies };
        self.push_all(&part.element.children, part.values, &mut copying)?;
        let children = first_item..self.items.len();
        for attribute in &part.element.attributes {
            let start = self.items.len();
            self.push_all(&attribute.value, part.values, &mut copying)?;
            if self.items.len() > start {
                self.attributes.push((&attribute.name, start..self.items.len()));
            }
        }
        Ok(Inside { children, attributes: first_attribute..self.attributes.len() })
    }

    fn leave(&mut self, inside: &Inside) {
        self.items.truncate(inside.children.start);
        self.attributes.truncate(inside.attributes.start);
    }

    /// Writes an element.
    fn element(&mut self, part: Part<'r>, role: Role) -> Result<(), Broken> {
        if self.depth >= MAX_DEPTH {
            return Err(Broken::new(self.at, format!("more than {MAX_DEPTH} elements stand in one another")));
        }
        self.depth += 1;
        self.check()?;
        let inside = self.enter(part)?;
        let has_text = self.has_text(inside.children.clone());
        let has_elements = self.slice(inside.children.clone()).iter().any(|item| matches!(item, Item::Element(_)));
        let has_attributes = role != Role::Datum && self.attribute_values(&inside).any(|value| self.has_text(value));
        match (has_text, has_elements || has_attributes) {
            (_, true) => self.body(&inside, role)?,
            (true, false) => self.content(inside.children.clone()),
            (false, false) if role == Role::Datum => self.out.push_str("\"\""),
            (false, false) => self.out.push_str("null"),
        }
        self.leave(&inside);
        self.depth -= 1;
        Ok(())
    }

    fn body(&mut self, inside: &Inside, role: Role) -> Result<(), Broken> {
        self.out.push('{');
        let start = self.out.len();
        if role != Role::Datum {
            self.write_attributes(inside)?;
        }
        if self.has_text(inside.children.clone()) {
            self.next_member(start);
            self.out.push_str("\"#text\":");
            self.text_beside_elements(inside.children.clone());
        }
        let is_container = role == Role::Container;
        let mut named = None;
        let (mut names, mut data_names) = (Names::default(), Names::default());
        let mut at = inside.children.start;
        while at < inside.children.end {
            let place = at;
            at += 1;
            let Some(part) = self.part(place) else { continue };
            let name: &'r str = &part.element.name;
            if !is_container || name != "Data" {
                let n = names.seen(Cow::Borrowed(name));
                self.next_member(start);
                self.key(name, n);
                let role = if matches!(name, "EventData" | "UserData") { Role::Container } else { Role::Member };
                self.element(part, role)?;
                continue;
            }
            let is_named = match named {
                Some(is_named) => is_named,
                None => *named.insert(self.has_named_data(inside.children.clone())?),
            };
            if !is_named {
                // All of them at the first one.
                if data_names.seen(Cow::Borrowed("")) == 0 {
                    self.next_member(start);
                    self.unnamed(place..inside.children.end)?;
                }
            } else if let Some(own) = self.data_name(part)? {
                self.next_member(start);
                let n = data_names.seen(own.clone());
                self.key(&own, n);
                at = self.run(part, &own, at..inside.children.end)?;
            }
        }
        self.out.push('}');
        self.check()
    }

    /// Writes a `Data` element, or in a list all that follow with the same name; where what follows them is.
    fn run(&mut self, first: Part<'r>, name: &str, following: Range<usize>) -> Result<usize, Broken> {
        let (mut end, mut n) = (following.start, 0);
        for place in following {
            match self.part(place) {
                // A text between them ends nothing.
                None => continue,
                Some(part) if &*part.element.name == "Data" && self.data_name(part)?.as_deref() == Some(name) => {
                    if n == 0 {
                        self.out.push('[');
                        self.element(first, Role::Datum)?;
                    }
                    n += 1;
                    self.out.push(',');
                    self.element(part, Role::Datum)?;
                    end = place + 1;
                }
                Some(_) => break,
            }
        }
        if n == 0 {
            self.element(first, Role::Datum)?;
        } else {
            self.out.push(']');
        }
        Ok(end)
    }

    /// Writes the values of `Data` elements without names.
    fn unnamed(&mut self, places: Range<usize>) -> Result<(), Broken> {
        self.out.push_str("\"Data\":{\"#text\":");
        let is_data = |part: &Part<'_>| &*part.element.name == "Data";
        let n = places.clone().filter_map(|place| self.part(place)).filter(is_data).count();
        if n > 1 {
            self.out.push('[');
        }
        let mut is_first = true;
        for place in places {
            let Some(part) = self.part(place).filter(is_data) else { continue };
            if !std::mem::take(&mut is_first) {
                self.out.push(',');
            }
            self.element(part, Role::Datum)?;
        }
        self.out.push_str(if n > 1 { "]}" } else { "}" });
        Ok(())
    }

    fn has_named_data(&mut self, places: Range<usize>) -> Result<bool, Broken> {
        for place in places {
            if let Some(part) = self.part(place)
                && &*part.element.name == "Data"
                && self.data_name(part)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the attribute `Name` of an element says, as JSON has it between quotation marks.
    fn data_name(&mut self, part: Part<'r>) -> Result<Option<Cow<'r, str>>, Broken> {
        if let Some(name) = &part.element.fixed_name {
            return Ok(Some(Cow::Borrowed(name)));
        }
        let inside = self.enter(part)?;
        let range = self.attributes.get(inside.attributes.clone()).unwrap_or_default();
        let range = range.iter().find(|(name, _)| *name == "Name").map(|(_, range)| range.clone());
        let mut found = None;
        if let Some(range) = range.filter(|range| self.has_text(range.clone())) {
            self.refuse_elements(range.clone())?;
            let start = self.out.len();
            self.text(range);
            found = self.out.get(start..).map(|name| Cow::Owned(name.to_owned()));
            self.out.truncate(start);
        }
        self.leave(&inside);
        Ok(found)
    }

    fn write_attributes(&mut self, inside: &Inside) -> Result<(), Broken> {
        let mut is_first = true;
        for place in inside.attributes.clone() {
            let Some((name, range)) = self.attributes.get(place).cloned() else { continue };
            if !self.has_text(range.clone()) {
                continue;
            }
            self.out.push_str(if std::mem::take(&mut is_first) { "\"#attributes\":{" } else { "," });
            self.refuse_elements(range.clone())?;
            self.key(name, 0);
            self.content(range);
        }
        if !is_first {
            self.out.push('}');
        }
        Ok(())
    }

    /// An attribute has no place for elements.
    fn refuse_elements(&self, items: Range<usize>) -> Result<(), Broken> {
        if self.slice(items).iter().any(|item| matches!(item, Item::Element(_))) {
            return Err(Broken::new(self.at, "an element stands in an attribute"));
        }
        Ok(())
    }

    /// Writes the comma between members.
    fn next_member(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(',');
        }
    }

    /// Writes the key of a member; the second of a name is numbered 1.
    fn key(&mut self, name: &str, n_before: usize) {
        self.out.push('"');
        self.out.push_str(name);
        if n_before > 0 {
            self.out.push('_');
            self.out.push_str(&n_before.to_string());
        }
        self.out.push_str("\":");
    }

    /// Writes what is no element: a number if there is nothing else, else a text.
    fn content(&mut self, items: Range<usize>) {
        if let [Item::Value(value)] = self.slice(items.clone())
            && value.is_bare()
        {
            let value = *value;
            value.write(self.chunk, &mut self.out);
            return;
        }
        self.quoted(items);
    }

    /// The same beside elements, where what is empty does not count.
    fn text_beside_elements(&mut self, items: Range<usize>) {
        let chunk = self.chunk;
        let mut filled = self.slice(items.clone()).iter().filter(|item| item.is_text(chunk));
        if let (Some(Item::Value(value)), None) = (filled.next(), filled.next())
            && value.is_bare()
        {
            let value = *value;
            value.write(self.chunk, &mut self.out);
            return;
        }
        self.quoted(items);
    }

    fn quoted(&mut self, items: Range<usize>) {
        self.out.push('"');
        self.text(items);
        self.out.push('"');
    }

    /// Writes values one behind the other.
    fn text(&mut self, items: Range<usize>) {
        for place in items {
            match self.items.get(place).copied() {
                Some(Item::Value(value)) => value.write(self.chunk, &mut self.out),
                Some(Item::List(list)) => {
                    for (place, value) in list.iter().enumerate() {
                        if place > 0 {
                            self.out.push(',');
                        }
                        value.write(self.chunk, &mut self.out);
                    }
                }
                Some(Item::Character(number)) => match char::from_u32(u32::from(number)) {
                    Some(letter) => write_letter(letter, &mut self.out),
                    None => self.out.push_str(&format!("&#{number};")),
                },
                Some(Item::Entity(name)) => match name {
                    "quot" => self.out.push_str("\\\""),
                    "apos" => self.out.push('\''),
                    "amp" => self.out.push('&'),
                    "lt" => self.out.push('<'),
                    "gt" => self.out.push('>'),
                    other => self.out.push_str(&format!("&{other};")),
                },
                Some(Item::Element(_)) | None => {}
            }
        }
    }

    fn slice(&self, items: Range<usize>) -> &[Item<'r>] {
        self.items.get(items).unwrap_or_default()
    }

    fn part(&self, place: usize) -> Option<Part<'r>> {
        match self.items.get(place) {
            Some(Item::Element(part)) => Some(*part),
            _ => None,
        }
    }

    fn has_text(&self, items: Range<usize>) -> bool {
        self.slice(items).iter().any(|item| item.is_text(self.chunk))
    }

    fn attribute_values(&self, inside: &Inside) -> impl Iterator<Item = Range<usize>> + use<'_, 'r> {
        self.attributes.get(inside.attributes.clone()).unwrap_or_default().iter().map(|(_, range)| range.clone())
    }
}

impl Item<'_> {
    /// Whether it is written, and is no element.
    fn is_text(&self, chunk: &[u8]) -> bool {
        match self {
            Item::Element(_) => false,
            Item::Value(value) => !value.is_empty(chunk),
            Item::List(list) => !list.is_empty(),
            Item::Character(_) | Item::Entity(_) => true,
        }
    }
}

/// Whether the value that an element depends on is not there.
fn is_left_out(element: &Element, values: &[Slot]) -> bool {
    let value = element.dependency.and_then(|place| values.get(place));
    matches!(value, Some(Slot::One(value)) if value.kind == crate::value::Kind::Null)
}

use std::collections::BTreeMap;

use super::{Content, Datum, Element, Part};
use crate::chunk::{CHUNK, header_checksum};

const HEADER: usize = 512;

/// A chunk that is being filled.
#[derive(Debug, Clone)]
pub(super) struct ChunkWriter {
    bytes: Vec<u8>,
    first_id: u64,
    last_id: Option<u64>,
    last_record: usize,
    names: BTreeMap<String, usize>,
    templates: Vec<(Element, usize)>,
}

/// What elements stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Record,
    Template,
}

impl ChunkWriter {
    pub(super) fn new(first_id: u64) -> Self {
        ChunkWriter {
            bytes: vec![0; HEADER],
            first_id,
            last_id: None,
            last_record: HEADER,
            names: BTreeMap::new(),
            templates: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last_id.is_none()
    }

    /// Whether a record had place.
    pub(super) fn add(&mut self, id: u64, ticks: u64, content: &Content) -> bool {
        let before = self.clone();
        let start = self.bytes.len();
        self.bytes.extend([0x2a, 0x2a, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend(id.to_le_bytes());
        self.bytes.extend(ticks.to_le_bytes());
        self.content(content);
        while !(self.bytes.len() + 4).is_multiple_of(8) {
            self.bytes.push(0);
        }
        let length = self.bytes.len() + 4 - start;
        self.number(length);
        self.patch(start + 4, length);
        if self.bytes.len() > CHUNK {
            *self = before;
            return false;
        }
        (self.last_id, self.last_record) = (Some(id), start);
        true
    }

    /// The bytes of the chunk, its header filled.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut header = b"ElfChnk\0".to_vec();
        let last_id = self.last_id.unwrap_or(self.first_id);
        for number in [self.first_id, last_id, self.first_id, last_id] {
            header.extend(number.to_le_bytes());
        }
        let records = crc32fast::hash(self.bytes.get(HEADER..).unwrap_or_default());
        for number in [128, self.last_record, self.bytes.len()] {
            header.extend(u32::try_from(number).unwrap_or(0).to_le_bytes());
        }
        header.extend(records.to_le_bytes());
        self.bytes.splice(..header.len(), header);
        let checksum = header_checksum(&self.bytes).unwrap_or(0);
        self.put(124, checksum);
        self.bytes.resize(CHUNK, 0);
        self.bytes
    }

    /// A fragment with its end.
    fn content(&mut self, content: &Content) {
        self.bytes.extend([0x0f, 1, 1, 0]);
        match content {
            Content::Elements(elements) => elements.iter().for_each(|element| self.element(element, Within::Record)),
            Content::Instance(template, values) => self.instance(template, values),
        }
        self.bytes.push(0);
    }

    fn instance(&mut self, template: &Element, values: &[Datum]) {
        self.bytes.extend([0x0c, 1]);
        let known = self.templates.iter().find(|(known, _)| known == template).map(|(_, at)| *at);
        // The number of a template is the first part of its GUID.
        let number = u32::try_from(known.map_or(self.templates.len(), |at| at) + 1).unwrap_or(0);
        self.bytes.extend(number.to_le_bytes());
        match known {
            Some(at) => self.number(at),
            None => {
                let at = self.bytes.len() + 4;
                self.number(at);
                self.template(template, at);
            }
        }
        self.number(values.len());
        let table = self.bytes.len();
        self.bytes.resize(table + 4 * values.len(), 0);
        for (place, value) in values.iter().enumerate() {
            let start = self.bytes.len();
            let type_byte = self.value(value);
            let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX).to_le_bytes();
            self.bytes.splice(table + 4 * place..table + 4 * place + 3, [length[0], length[1], type_byte]);
        }
    }

    fn template(&mut self, template: &Element, at: usize) {
        let bucket = 384 + 4 * (self.templates.len() % 32);
        let next = self.at(bucket);
        self.put(bucket, u32::try_from(at).unwrap_or(0));
        self.templates.push((template.clone(), at));
        self.bytes.extend(next.to_le_bytes());
        let number = u128::try_from(self.templates.len()).unwrap_or(0);
        self.bytes.extend(number.to_le_bytes());
        self.number(0);
        let start = self.bytes.len();
        self.bytes.extend([0x0f, 1, 1, 0]);
        self.element(template, Within::Template);
        self.bytes.push(0);
        self.patch(start - 4, self.bytes.len() - start);
    }

    /// An element; those of a template say what they depend on.
    fn element(&mut self, element: &Element, within: Within) {
        self.bytes.push(if element.attributes.is_empty() { 0x01 } else { 0x41 });
        if within == Within::Template {
            self.bytes.extend(element.dependency.unwrap_or(u16::MAX).to_le_bytes());
        }
        self.number(0);
        let start = self.bytes.len();
        self.name(&element.name);
        if !element.attributes.is_empty() {
            self.number(0);
            let attributes = self.bytes.len();
            for (place, (name, value)) in element.attributes.iter().enumerate() {
                self.bytes.push(if place + 1 == element.attributes.len() { 0x06 } else { 0x46 });
                self.name(name);
                self.parts(value, within);
            }
            self.patch(attributes - 4, self.bytes.len() - attributes);
        }
        if element.parts.is_empty() {
            self.bytes.push(0x03);
        } else {
            self.bytes.push(0x02);
            self.parts(&element.parts, within);
            self.bytes.push(0x04);
        }
        self.patch(start - 4, self.bytes.len() - start);
    }

    fn parts(&mut self, parts: &[Part], within: Within) {
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.bytes.extend([0x05, 0x01]);
                    self.text(text);
                }
                Part::Cdata(text) => {
                    self.bytes.push(0x07);
                    self.text(text);
                }
                Part::Character(number) => {
                    self.bytes.push(0x08);
                    self.bytes.extend(number.to_le_bytes());
                }
                Part::Entity(name) => {
                    self.bytes.push(0x09);
                    self.name(name);
                }
                Part::Element(element) => self.element(element, within),
                Part::Hole(place) | Part::OptionalHole(place) => {
                    self.bytes.push(if matches!(part, Part::Hole(_)) { 0x0d } else { 0x0e });
                    self.bytes.extend(place.to_le_bytes());
                    self.bytes.push(0x01);
                }
            }
        }
    }

    /// A text with its length in units.
    fn text(&mut self, text: &str) {
        let units: Vec<u16> = text.encode_utf16().collect();
        self.bytes.extend(u16::try_from(units.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }

    /// The place of a name, and the name itself if the chunk has it not yet.
    fn name(&mut self, name: &str) {
        if let Some(at) = self.names.get(name) {
            return self.number(*at);
        }
        let at = self.bytes.len() + 4;
        self.number(at);
        let hash = name.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(u32::from(unit)));
        let bucket = 128 + 4 * usize::try_from(hash % 64).unwrap_or(0);
        let next = self.at(bucket);
        self.put(bucket, u32::try_from(at).unwrap_or(0));
        self.bytes.extend(next.to_le_bytes());
        let [low, high, ..] = hash.to_le_bytes();
        self.bytes.extend([low, high]);
        self.text(name);
        self.bytes.extend([0, 0]);
        self.names.insert(name.to_owned(), at);
    }

    /// The bytes of a value; gives its type.
    fn value(&mut self, value: &Datum) -> u8 {
        match value {
            Datum::Null => 0x00,
            Datum::Text(text) => self.plain(0x01, text.encode_utf16().flat_map(u16::to_le_bytes)),
            Datum::Units(units) => self.plain(0x01, units.iter().flat_map(|unit| unit.to_le_bytes())),
            Datum::Ansi(bytes) => self.plain(0x02, bytes.iter().copied()),
            Datum::I8(number) => self.plain(0x03, number.to_le_bytes()),
            Datum::U8(number) => self.plain(0x04, number.to_le_bytes()),
            Datum::I16(number) => self.plain(0x05, number.to_le_bytes()),
            Datum::U16(number) => self.plain(0x06, number.to_le_bytes()),
            Datum::I32(number) => self.plain(0x07, number.to_le_bytes()),
            Datum::U32(number) => self.plain(0x08, number.to_le_bytes()),
            Datum::I64(number) => self.plain(0x09, number.to_le_bytes()),
            Datum::U64(number) => self.plain(0x0a, number.to_le_bytes()),
            Datum::F32(number) => self.plain(0x0b, number.to_le_bytes()),
            Datum::F64(number) => self.plain(0x0c, number.to_le_bytes()),
            Datum::Bool(number) => self.plain(0x0d, number.to_le_bytes()),
            Datum::Binary(bytes) => self.plain(0x0e, bytes.iter().copied()),
            Datum::Guid(bytes) => self.plain(0x0f, bytes.iter().copied()),
            Datum::Size32(number) => self.plain(0x10, number.to_le_bytes()),
            Datum::Size64(number) => self.plain(0x10, number.to_le_bytes()),
            Datum::FileTime(ticks) => self.plain(0x11, ticks.to_le_bytes()),
            Datum::SystemTime(fields) => self.plain(0x12, fields.iter().flat_map(|field| field.to_le_bytes())),
            Datum::Sid(authority, parts) => {
                self.bytes.extend([1, u8::try_from(parts.len()).unwrap_or(0), 0, 0, 0, 0, 0, *authority]);
                self.plain(0x13, parts.iter().flat_map(|part| part.to_le_bytes()))
            }
            Datum::Hex32(number) => self.plain(0x14, number.to_le_bytes()),
            Datum::Hex64(number) => self.plain(0x15, number.to_le_bytes()),
            Datum::List(values) => {
                let mut own = 0x01;
                for value in values {
                    own = self.value(value);
                    match own {
                        0x01 => self.bytes.extend([0, 0]),
                        0x02 => self.bytes.push(0),
                        _ => {}
                    }
                }
                own | 0x80
            }
            Datum::Nested(content) => {
                self.content(content);
                0x21
            }
            Datum::Raw(own, bytes) => self.plain(*own, bytes.iter().copied()),
        }
    }

    fn plain(&mut self, own: u8, bytes: impl IntoIterator<Item = u8>) -> u8 {
        self.bytes.extend(bytes);
        own
    }

    fn number(&mut self, number: usize) {
        self.bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn patch(&mut self, at: usize, number: usize) {
        self.put(at, u32::try_from(number).unwrap_or(u32::MAX));
    }

    fn put(&mut self, at: usize, number: u32) {
        self.bytes.splice(at..at + 4, number.to_le_bytes());
    }

    fn at(&self, at: usize) -> u32 {
        crate::bytes::u32_at(&self.bytes, at).unwrap_or(0)
    }
}

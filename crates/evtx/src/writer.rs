//! Writes event log files for tests: real ones, with tables of names and templates, checksums, and as many chunks as it takes.

mod chunk;
mod event;

pub use event::{Event, event};

use chunk::ChunkWriter;

/// A value of a record, of each type that there is.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Nothing.
    Null,
    /// A text in UTF-16.
    Text(String),
    /// Units of UTF-16, which may be no text.
    Units(Vec<u16>),
    /// A text in Windows-1252.
    Ansi(Vec<u8>),
    /// One signed byte.
    I8(i8),
    /// One byte.
    U8(u8),
    /// Two bytes, signed.
    I16(i16),
    /// Two bytes.
    U16(u16),
    /// Four bytes, signed.
    I32(i32),
    /// Four bytes.
    U32(u32),
    /// Eight bytes, signed.
    I64(i64),
    /// Eight bytes.
    U64(u64),
    /// A real number of four bytes.
    F32(f32),
    /// A real number of eight bytes.
    F64(f64),
    /// False, true or something else.
    Bool(i32),
    /// Bytes.
    Binary(Vec<u8>),
    /// A GUID in the order of its bytes.
    Guid([u8; 16]),
    /// The size of a machine of 32 bits.
    Size32(u32),
    /// The size of a machine of 64 bits.
    Size64(u64),
    /// Units of 100 ns since 1601.
    FileTime(u64),
    /// Year, month, day of the week, day, hour, minute, second, milliseconds.
    SystemTime([u16; 8]),
    /// An authority and what stands below it.
    Sid(u8, Vec<u32>),
    /// Four bytes that are shown in hexadecimal.
    Hex32(u32),
    /// Eight bytes that are shown in hexadecimal.
    Hex64(u64),
    /// Values of one type.
    List(Vec<Datum>),
    /// BinXML.
    Nested(Box<Content>),
    /// A type that is given as it is, with bytes that may not fit.
    Raw(u8, Vec<u8>),
}

/// An element of a record or template.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Element {
    /// What it is called.
    pub name: String,
    /// Its attributes, in order.
    pub attributes: Vec<(String, Vec<Part>)>,
    /// What stands in it.
    pub parts: Vec<Part>,
    /// In a template: the value without which it is left out.
    pub dependency: Option<u16>,
}

/// What stands in an element or attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A text that is written as CDATA.
    Cdata(String),
    /// A character by its number.
    Character(u16),
    /// A character by its name.
    Entity(String),
    /// An element.
    Element(Element),
    /// A value of the record, in a template.
    Hole(u16),
    /// The same; an empty value is left out.
    OptionalHole(u16),
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A template and its values, as Windows writes nearly all.
    Instance(Element, Vec<Datum>),
    /// Elements without a template.
    Elements(Vec<Element>),
}

/// Writes a file record by record.
#[derive(Debug, Default)]
pub struct LogWriter {
    chunks: Vec<Vec<u8>>,
    open: Option<ChunkWriter>,
    next_id: u64,
}

/// How a file's header says that it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Closed.
    Closed,
    /// Being written.
    Dirty,
}

impl Element {
    /// An element with parts and without attributes.
    pub fn new(name: &str, parts: Vec<Part>) -> Self {
        Element { name: name.to_owned(), parts, ..Element::default() }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: Vec<Part>) -> Self {
        self.attributes.push((name.to_owned(), value));
        self
    }

    /// The same, left out without a value.
    #[must_use]
    pub fn depending_on(mut self, hole: u16) -> Self {
        self.dependency = Some(hole);
        self
    }
}

impl LogWriter {
    /// An empty log whose first record has this number.
    pub fn starting_at(id: u64) -> Self {
        LogWriter { next_id: id, ..LogWriter::default() }
    }

    /// Adds a record that was written at a time (100 ns since 1601) and gives its number. One that is too long for a chunk is not
    /// added.
    pub fn add(&mut self, ticks: u64, content: &Content) -> Option<u64> {
        let id = self.next_id;
        let mut chunk = self.open.take().unwrap_or_else(|| ChunkWriter::new(id));
        let is_added = chunk.add(id, ticks, content);
        if !is_added && !chunk.is_empty() {
            self.chunks.push(chunk.finish());
            chunk = ChunkWriter::new(id);
            self.open = Some(chunk);
            return self.add(ticks, content);
        }
        self.open = Some(chunk);
        self.next_id += u64::from(is_added);
        is_added.then_some(id)
    }

    /// Ends the chunk that is being written.
    pub fn end_chunk(&mut self) {
        self.chunks.extend(self.open.take().map(ChunkWriter::finish));
    }

    /// The file as it is now; more may be added.
    pub fn file(&self, left: Left) -> Vec<u8> {
        let mut chunks = self.chunks.clone();
        chunks.extend(self.open.clone().map(ChunkWriter::finish));
        file(&chunks, self.next_id, left)
    }

    /// The chunks as they are now.
    pub fn chunks(&self) -> Vec<Vec<u8>> {
        let open = self.open.clone().map(ChunkWriter::finish);
        self.chunks.iter().cloned().chain(open).collect()
    }
}

/// A file of chunks in any order.
pub fn file(chunks: &[Vec<u8>], next_id: u64, left: Left) -> Vec<u8> {
    let count = u64::try_from(chunks.len()).unwrap_or(0);
    let mut file = b"ElfFile\0".to_vec();
    for number in [0, count.saturating_sub(1), next_id] {
        file.extend(number.to_le_bytes());
    }
    file.extend(128u32.to_le_bytes());
    for number in [1u16, 3, 4096, u16::try_from(count).unwrap_or(u16::MAX)] {
        file.extend(number.to_le_bytes());
    }
    file.resize(120, 0);
    let checksum = crc32fast::hash(&file);
    file.extend(u32::from(left == Left::Dirty).to_le_bytes());
    file.extend(checksum.to_le_bytes());
    file.resize(4096, 0);
    file.extend(chunks.iter().flatten());
    file
}

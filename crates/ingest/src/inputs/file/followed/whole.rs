//! Files that are read as one piece: packed ones, documents, and packed copies of files that were followed.

use std::io::{self, Seek as _, SeekFrom};

use super::{BATCH, BATCHES, Followed, Rest, read_full};
use crate::{
    Batch, RefusedText, TextKind, Texts,
    inputs::{
        Context,
        file::position::{Mark, Position, Reads},
    },
    text::{Shape, TextReader, is_record},
};

impl Followed {
    /// The next texts of a file that is read as one piece.
    pub(super) fn whole(&mut self, context: &Context, stream: &str, rest: Rest) -> io::Result<Vec<Batch>> {
        let size = self.stamp.size;
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => match self.open_reader() {
                Ok(reader) => reader,
                Err(error) => return self.cut_short(context, stream, rest, &error),
            },
        };
        let mut batches = Vec::new();
        let (mut texts, mut refused) = (Texts::default(), Vec::new());
        loop {
            let text = match reader.next_text() {
                Ok(Some(text)) => text,
                Ok(None) => {
                    self.is_read(size)?;
                    batches.push(self.batch(context, stream, texts, refused));
                    return Ok(batches);
                }
                Err(error) => {
                    batches.push(self.batch(context, stream, texts, refused));
                    batches.extend(self.cut_short(context, stream, rest, &error)?);
                    return Ok(batches);
                }
            };
            let is_broken = reader.shape() == Shape::BrokenDocument && self.position.reads == Reads::Whole;
            if is_broken && !self.is_packed()? {
                let tail = Mark::default();
                self.position = Position { reads: Reads::Lines, offset: 0, whole: None, tail, ..self.position.clone() };
                return Ok(batches);
            }
            if let (Shape::Document, TextKind::Json, Ok(document)) = (reader.shape(), self.kind, &text)
                && rest != Rest::Give
                && !is_record(document.as_bytes())
            {
                self.failed = Some(self.stamp);
                return Ok(batches);
            }
            self.position.offset = match self.position.reads {
                Reads::Copy => reader.n_bytes(),
                _ => self.position.offset + 1,
            };
            match text {
                Ok(text) => texts.push(text.trim_end_matches(['\r', '\n'])),
                Err(reason) => refused.push(RefusedText { reason, start: String::new() }),
            }
            if texts.n_bytes() >= BATCH {
                batches.push(self.batch(context, stream, std::mem::take(&mut texts), std::mem::take(&mut refused)));
                if batches.len() >= BATCHES {
                    self.reader = Some(reader);
                    return Ok(batches);
                }
            }
        }
    }

    /// Opens what unpacks it, behind what was given.
    fn open_reader(&mut self) -> io::Result<TextReader> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        if self.position.reads == Reads::Copy {
            let kind = if self.kind == TextKind::Rows { TextKind::Rows } else { TextKind::Lines };
            let mut reader = TextReader::open(file, kind)?;
            reader.skip(self.position.offset)?;
            return Ok(reader);
        }
        if self.position.offset == 1 && self.position.whole.is_some() {
            // A document that was written anew is given again.
            let mut reader = TextReader::open(file.try_clone()?, self.kind)?;
            let _ = reader.next_text()?;
            if reader.shape() == Shape::Document {
                self.position.offset = 0;
            }
            file.seek(SeekFrom::Start(0))?;
        }
        self.position.whole = None;
        let mut reader = TextReader::open(file, self.kind)?;
        for _ in 0..self.position.offset {
            if reader.next_text()?.is_none() {
                break;
            }
        }
        Ok(reader)
    }

    /// All of it was given.
    pub(super) fn is_read(&mut self, size: u64) -> io::Result<()> {
        self.position.whole = Some(size);
        self.position.tail = Mark::before(&self.file, size)?;
        Ok(())
    }

    fn is_packed(&self) -> io::Result<bool> {
        let mut start = [0; 4];
        let n = read_full(&self.file, &mut start, 0)?;
        Ok(start.starts_with(&[0x1f, 0x8b]) || (n == 4 && start == [0x28, 0xb5, 0x2f, 0xfd]))
    }

    /// Reading stopped before the end: it may be going on being written. With patience at its end it is told.
    fn cut_short(&mut self, context: &Context, stream: &str, rest: Rest, error: &io::Error) -> io::Result<Vec<Batch>> {
        self.failed = Some(self.stamp);
        if rest != Rest::Give {
            return Ok(Vec::new());
        }
        self.is_read(self.stamp.size)?;
        let path = self.position.path.display();
        let reason = format!("reading {path} stopped: {error}; what was before is looked at");
        Ok(vec![self.batch(context, stream, Texts::default(), vec![RefusedText { reason, start: String::new() }])])
    }
}

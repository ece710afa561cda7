//! The font: which letters it has, how wide they are, where a text breaks.

use std::ops::Range;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::{
    FontRef, MetadataProvider as _,
    charmap::Charmap,
    instance::{LocationRef, Size},
    metrics::GlyphMetrics,
};

use crate::ReportError;

/// One weight of the font.
pub(crate) struct Face {
    pub(crate) font: Font,
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units_per_em: f32,
}

impl Face {
    pub(crate) fn regular() -> Result<Self, ReportError> {
        Self::new(dejavu::sans_condensed::regular())
    }

    pub(crate) fn bold() -> Result<Self, ReportError> {
        Self::new(dejavu::sans_condensed::bold())
    }

    fn new(data: &'static [u8]) -> Result<Self, ReportError> {
        let font = Font::new(data.into(), 0).ok_or(ReportError::Font)?;
        let read = FontRef::new(data).map_err(|_| ReportError::Font)?;
        let metrics = read.glyph_metrics(Size::unscaled(), LocationRef::default());
        Ok(Self { charmap: read.charmap(), metrics, units_per_em: font.units_per_em(), font })
    }

    /// The glyphs of a line and its width, at a size of 1.
    pub(crate) fn glyphs(&self, line: &str) -> (Vec<KrillaGlyph>, f32) {
        let mut width = 0.0;
        let mut glyphs = Vec::with_capacity(line.len());
        for (start, letter) in line.char_indices() {
            let id = self.charmap.map(letter).unwrap_or_default();
            let advance = self.advance(letter);
            width += advance;
            let text_range: Range<usize> = start..start + letter.len_utf8();
            glyphs.push(KrillaGlyph {
                glyph_id: GlyphId::new(id.to_u32()),
                text_range,
                x_advance: advance,
                x_offset: 0.0,
                y_offset: 0.0,
                y_advance: 0.0,
                location: None,
            });
        }
        (glyphs, width)
    }

    fn advance(&self, letter: char) -> f32 {
        let id = self.charmap.map(letter).unwrap_or_default();
        self.metrics.advance_width(id).unwrap_or_default() / self.units_per_em
    }

    /// The width of a text at a size.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.advance(letter)).sum::<f32>() * size
    }

    /// A text as the font can show it: what it lacks, what a line can't hold and what would need to be written from right to left
    /// stands as its code, so that nothing is left out unseen.
    pub(crate) fn shown(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for letter in text.chars() {
            if letter == '\n' || letter == ' ' {
                shown.push(letter);
            } else if letter == '\t' {
                shown.push(' ');
            } else if letter.is_control()
                || is_invisible(letter)
                || is_right_to_left(letter)
                || self.charmap.map(letter).is_none()
            {
                shown.push_str(&format!("[U+{:04X}]", u32::from(letter)));
            } else {
                shown.push(letter);
            }
        }
        shown
    }

    /// The lines of a text in a width: broken between words, and in a word that is longer than a line after a mark or, failing
    /// that, anywhere.
    pub(crate) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in self.shown(text).lines() {
            let mut line = Line::default();
            // Not at every white space: a space that does not break keeps a number with its word.
            for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
                self.push_word(word, size, width, &mut line, &mut lines);
            }
            lines.push(line.text);
        }
        lines
    }

    fn push_word(&self, word: &str, size: f32, width: f32, line: &mut Line, lines: &mut Vec<String>) {
        let own = self.width(word, size);
        let space = if line.text.is_empty() { 0.0 } else { self.width(" ", size) };
        if line.width + space + own <= width {
            line.push(word, own, space);
            return;
        }
        if own <= width {
            lines.push(line.take());
            line.push(word, own, 0.0);
            return;
        }
        // Longer than a whole line: fill what is left of this one, if there is some room.
        if width - line.width < width / 4.0 && !line.text.is_empty() {
            lines.push(line.take());
        } else if !line.text.is_empty() {
            line.push("", 0.0, space);
        }
        let mut part = String::new();
        let mut part_width = 0.0;
        for letter in word.chars() {
            let advance = self.advance(letter) * size;
            if line.width + part_width + advance > width {
                if line.text.is_empty() || part_width > width / 2.0 {
                    // No mark to break after.
                    line.push_part(&std::mem::take(&mut part), std::mem::take(&mut part_width));
                }
                lines.push(line.take());
            }
            part.push(letter);
            part_width += advance;
            if "-/:._,;=&?@+".contains(letter) {
                line.push_part(&std::mem::take(&mut part), std::mem::take(&mut part_width));
            }
        }
        line.push_part(&part, part_width);
    }
}

#[derive(Default)]
struct Line {
    text: String,
    width: f32,
}

impl Line {
    fn push(&mut self, word: &str, width: f32, space: f32) {
        if space > 0.0 {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self.width += space + width;
    }

    fn push_part(&mut self, part: &str, width: f32) {
        self.text.push_str(part);
        self.width += width;
    }

    fn take(&mut self) -> String {
        self.width = 0.0;
        std::mem::take(&mut self.text)
    }
}

fn is_invisible(letter: char) -> bool {
    matches!(u32::from(letter), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff | 0xfff9..=0xfffb)
}

/// Hebrew, Arabic and their relatives: their letters would have to be ordered and joined.
fn is_right_to_left(letter: char) -> bool {
    matches!(u32::from(letter), 0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefe | 0x10800..=0x10fff | 0x1e800..=0x1efff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_shown_by_its_code() {
        let face = Face::regular().unwrap();
        assert_eq!(face.shown("Größe Ελλάδα Привет €"), "Größe Ελλάδα Привет €");
        assert_eq!(face.shown("日\u{202e}x\u{0}\ty"), "[U+65E5][U+202E]x[U+0000] y");
        assert_eq!(face.shown("שלום"), "[U+05E9][U+05DC][U+05D5][U+05DD]");
    }

    #[test]
    fn no_line_is_wider_than_its_column_and_nothing_is_lost() {
        let face = Face::regular().unwrap();
        let arn = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Administrator";
        for text in [arn.to_owned(), "x".repeat(500), format!("see {arn} and {arn}"), "a b  c\n\nd".to_owned(), String::new()] {
            for width in [30.0, 80.0, 200.0] {
                let lines = face.lines(&text, 8.0, width);
                for line in &lines {
                    assert!(face.width(line, 8.0) <= width + 0.01, "{line}");
                }
                let without = |text: &str| text.split_whitespace().collect::<String>();
                assert_eq!(without(&lines.concat()), without(&text));
            }
        }
        assert_eq!(face.lines("role/aws-reserved/one", 8.0, 50.0), ["role/aws-", "reserved/one"]);
    }
}

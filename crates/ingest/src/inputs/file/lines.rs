//! Where lines end.

use std::ops::Range;

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Little,
    Utf16Big,
}

/// Cuts bytes into lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cutter {
    pub(crate) encoding: Encoding,
    pub(crate) ends: Ends,
}

/// Where a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// At each line feed.
    AtLineFeeds,
    /// At line feeds outside quotation marks.
    OutsideQuotes,
}

impl Encoding {
    /// That of a file that begins like this.
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0xff, 0xfe, ..] => Encoding::Utf16Little,
            [0xfe, 0xff, ..] => Encoding::Utf16Big,
            _ => Encoding::Utf8,
        }
    }

    /// How many bytes the shortest letter has.
    pub(crate) fn width(self) -> usize {
        if self == Encoding::Utf8 { 1 } else { 2 }
    }

    /// The letters; what is none becomes U+FFFD. The mark at the start of a file is none either.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        let order: fn([u8; 2]) -> u16 = match self {
            Encoding::Utf8 => return String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned(),
            Encoding::Utf16Little => u16::from_le_bytes,
            Encoding::Utf16Big => u16::from_be_bytes,
        };
        let units = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(order);
        let text: String = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
    }
}

impl Cutter {
    /// The lines that have an end, each with its line feed.
    pub(crate) fn lines(self, bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let width = self.encoding.width();
        let mut start = 0;
        let mut is_open = false;
        bytes.chunks_exact(width).enumerate().filter_map(move |(place, letter)| {
            let is = |ascii: u8| match self.encoding {
                Encoding::Utf8 => letter == [ascii],
                Encoding::Utf16Little => letter == [ascii, 0],
                Encoding::Utf16Big => letter == [0, ascii],
            };
            if self.ends == Ends::OutsideQuotes && is(b'"') {
                is_open = !is_open;
            }
            if is_open || !is(b'\n') {
                return None;
            }
            let line = start..(place + 1) * width;
            start = line.end;
            Some(line)
        })
    }

    /// The text of a line without its end; `None` if it is blank.
    pub(crate) fn text(self, line: &[u8]) -> Option<String> {
        let mut text = self.encoding.decode(line);
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        (!text.trim().is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(bytes: &[u8], encoding: Encoding, ends: Ends) -> Vec<String> {
        let cutter = Cutter { encoding, ends };
        cutter.lines(bytes).filter_map(|line| cutter.text(bytes.get(line)?)).collect()
    }

    #[test]
    fn quotation_marks_keep_rows_together() {
        let rows = b"1,\"a\n\"\"b\"\r\n2,c\n3,\"open\n";
        assert_eq!(cut(rows, Encoding::Utf8, Ends::OutsideQuotes), ["1,\"a\n\"\"b\"", "2,c"]);
        assert_eq!(cut(rows, Encoding::Utf8, Ends::AtLineFeeds).len(), 4);
    }

    proptest! {
        #[test]
        fn all_encodings_give_the_same_lines(text in "[a-z\u{a0a}\u{d0a}ü\n\r \"]{0,60}") {
            let mark = "\u{feff}".to_owned() + &text;
            let plain: Vec<String> = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n') && !line.trim().is_empty())
                .map(|line| line.trim_end_matches(['\r', '\n']).to_owned())
                .collect();
            let little: Vec<u8> = mark.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = mark.encode_utf16().flat_map(u16::to_be_bytes).collect();
            for bytes in [mark.as_bytes(), text.as_bytes(), &little, &big] {
                prop_assert_eq!(&cut(bytes, Encoding::of(bytes), Ends::AtLineFeeds), &plain);
            }
        }
    }
}

//! UTF-16 as UTF-8, a piece at a time.

use std::io::{self, BufRead, Read};

/// So many bytes of UTF-16 are turned into UTF-8 at once.
const PIECE: usize = 1 << 16;

/// Gives what a reader of UTF-16 has as UTF-8, without a mark at its start; what is no letter becomes U+FFFD. Half a unit at the end is
/// left out.
pub(crate) struct Wide<R> {
    inner: R,
    order: fn([u8; 2]) -> u16,
    /// The first half of a unit, or of a letter of two units, whose second half is still to come.
    half: Option<u8>,
    high: Option<u16>,
    is_first: bool,
    /// What is not given yet: from `at` on.
    held: Vec<u8>,
    at: usize,
}

impl<R: BufRead> Wide<R> {
    /// What a reader has, whose bytes are in this order.
    pub(crate) fn new(inner: R, order: fn([u8; 2]) -> u16) -> Self {
        Wide { inner, order, half: None, high: None, is_first: true, held: Vec::new(), at: 0 }
    }

    /// Turns the next piece into UTF-8; whether there was one.
    fn next_piece(&mut self) -> io::Result<bool> {
        self.held.clear();
        self.at = 0;
        let part = self.inner.fill_buf()?;
        if part.is_empty() {
            let is_cut = self.high.take().is_some();
            if is_cut {
                self.held.extend("\u{fffd}".as_bytes());
            }
            return Ok(is_cut);
        }
        let n = part.len().min(PIECE);
        let mut bytes = self.half.take().into_iter().chain(part.get(..n).unwrap_or_default().iter().copied());
        let mut units = Vec::with_capacity(n / 2 + 2);
        units.extend(self.high.take());
        while let Some(first) = bytes.next() {
            match bytes.next() {
                Some(second) => units.push((self.order)([first, second])),
                None => self.half = Some(first),
            }
        }
        // The second half of a letter may be in the next piece.
        if units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            self.high = units.pop();
        }
        self.inner.consume(n);
        for letter in char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)) {
            if !std::mem::take(&mut self.is_first) || letter != '\u{feff}' {
                self.held.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for Wide<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.held.len() {
            if !self.next_piece()? {
                return Ok(0);
            }
        }
        let left = self.held.get(self.at..).unwrap_or_default();
        let n = left.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(left) {
            *to = *from;
        }
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(
            units in prop::collection::vec(prop_oneof![Just(0xd83d_u16), Just(0xde00), Just(0xfeff), any::<u16>()], 0..40),
            is_odd in any::<bool>(),
            piece in 1_usize..9,
        ) {
            let mut bytes: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
            bytes.extend(is_odd.then_some(7));
            let whole: String = char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect();
            let mut found = Vec::new();
            Wide::new(BufReader::with_capacity(piece, bytes.as_slice()), u16::from_le_bytes).read_to_end(&mut found).unwrap();
            let found = String::from_utf8(found).unwrap();
            prop_assert_eq!(&found, whole.strip_prefix('\u{feff}').unwrap_or(&whole));
        }
    }
}

use crate::output::text_for_terminal;

/// Longest text from outside that the report shows in one place.
const LIMIT: usize = 2000;

/// Text from outside as it may be shown: control characters and direction marks visible, not too long.
pub(super) fn visible(text: &str) -> String {
    text_for_terminal(text, LIMIT)
}

/// Text for an element or a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for character in visible(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A number with thin spaces between thousands.
pub(super) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_marks_become_text() {
        assert_eq!(escaped("<img src=x onerror=\"a('b')\">&"), "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;");
        assert_eq!(escaped("right\u{202e}tfel\n"), "right\\u{202e}tfel\\u{a}");
        assert_eq!(escaped(&"x".repeat(65_536)).chars().count(), LIMIT + 1);
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(number(7), "7");
        assert_eq!(number(50_000), "50\u{202f}000");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }
}

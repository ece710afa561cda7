/// Text from outside, made safe for a terminal: control characters (escape sequences, line breaks) and invisible
/// direction marks become visible, and more than `limit` characters are cut.
pub(crate) fn text_for_terminal(text: &str, limit: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(limit * 4));
    for (position, character) in text.chars().enumerate() {
        if position == limit {
            safe.push('…');
            break;
        }
        if character.is_control() || is_direction_mark(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_line_breaks_do_not_reach_the_terminal() {
        let safe = text_for_terminal("a\u{1b}[31mred\nb\u{202e}c", 100);
        assert_eq!(safe, "a\\u{1b}[31mred\\u{a}b\\u{202e}c");
        assert_eq!(text_for_terminal(&"x".repeat(65_536), 10), format!("{}…", "x".repeat(10)));
    }
}

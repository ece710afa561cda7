//! Messages in a stream of bytes (RFC 6587): each has its length before it, or ends with a line feed.

/// How much of a message that can't be given is told.
const START: usize = 200;

/// A length has at most so many digits; what has more is text.
const MAX_DIGITS: usize = 10;

/// Cuts a stream into messages.
#[derive(Debug)]
pub struct Framer {
    max: usize,
    held: Vec<u8>,
    /// So many of the held bytes hold no line feed.
    scanned: usize,
    state: State,
    /// How the first message was framed.
    framing: Option<Framing>,
    is_mixture_told: bool,
}

/// What stands in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// A message, without the line feed behind it.
    Message(Vec<u8>),
    /// What can't be given: why, and how it begins.
    Refused(&'static str, Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Counted,
    Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Counted(usize),
    Line,
    PastLine,
    /// So many bytes of a message that is too long are left.
    Past(usize),
}

/// What a step came to.
enum Step {
    /// So many bytes were taken.
    Took(usize),
    /// More are needed.
    Needs,
}

impl Framer {
    /// One for a new stream, whose messages have at most so many bytes.
    pub fn new(max: usize) -> Self {
        Framer { max, held: Vec::new(), scanned: 0, state: State::Start, framing: None, is_mixture_told: false }
    }

    /// Takes the next bytes and gives what is complete.
    pub fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(Framed)) {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(rest) = held.get(at..)
            && !rest.is_empty()
            && let Step::Took(n) = self.step(rest, each)
        {
            at += n;
        }
        held.drain(..at);
        self.held = held;
    }

    /// The stream is over: gives what is left.
    pub fn finish(&mut self, each: &mut dyn FnMut(Framed)) {
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.state, State::Start) {
            State::Start | State::Line if !is_cut(&held) => message(&held, each),
            State::Start | State::Line | State::Counted(_) => {
                each(Framed::Refused("the connection ended in the middle of a message", start(&held)))
            }
            State::PastLine | State::Past(_) => {}
        }
        self.scanned = 0;
    }

    /// Whether a message has begun and is not complete.
    pub fn is_inside(&self) -> bool {
        self.state != State::Start || !self.held.is_empty()
    }

    /// How many bytes of a message that is not complete are held.
    pub fn n_held(&self) -> usize {
        self.held.len()
    }

    fn step(&mut self, bytes: &[u8], each: &mut dyn FnMut(Framed)) -> Step {
        match self.state {
            State::Start => self.begin(bytes, each),
            State::Counted(length) => {
                let Some(text) = bytes.get(..length) else { return Step::Needs };
                message(text, each);
                self.state = State::Start;
                Step::Took(length)
            }
            State::Line => self.line(bytes, each),
            State::PastLine => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.state = State::Start;
                    Step::Took(end + 1)
                }
                None => Step::Took(bytes.len()),
            },
            State::Past(left) => {
                let n = left.min(bytes.len());
                self.state = if n == left { State::Start } else { State::Past(left - n) };
                Step::Took(n)
            }
        }
    }

    /// Finds out how the next message is framed.
    fn begin(&mut self, bytes: &[u8], each: &mut dyn FnMut(Framed)) -> Step {
        let n_between = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | 0)).count();
        if n_between > 0 {
            return Step::Took(n_between);
        }
        let n_digits = bytes.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let is_number = (1..=MAX_DIGITS).contains(&n_digits) && bytes.first() != Some(&b'0');
        let mut framing = Framing::Line;
        if is_number {
            // A line may begin with a number: what has a length has a priority behind it, unless all had lengths before.
            match (bytes.get(n_digits), bytes.get(n_digits + 1), self.framing) {
                (None, ..) | (Some(b' '), None, _) => return Step::Needs,
                (Some(b' '), Some(b'<'), _) | (Some(b' '), _, Some(Framing::Counted)) => framing = Framing::Counted,
                _ => {}
            }
        }
        let length =
            bytes.get(..n_digits).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
        let length = length.filter(|_| framing == Framing::Counted);
        let is_long = length.is_some_and(|length: usize| length > self.max);
        if is_long && bytes.len() < n_digits + 1 + START {
            return Step::Needs;
        }
        if *self.framing.get_or_insert(framing) != framing && !self.is_mixture_told {
            // Each message is still taken by its own framing, and given; so none of it is told here.
            self.is_mixture_told = true;
            let reason = "some messages of the connection have their length before them and some do not";
            each(Framed::Refused(reason, Vec::new()));
        }
        let Some(length) = length else {
            (self.state, self.scanned) = (State::Line, 0);
            return Step::Took(0);
        };
        let n_head = n_digits + 1;
        if is_long {
            each(Framed::Refused("a message is too long", start(bytes.get(n_head..).unwrap_or_default())));
            self.state = State::Past(length);
        } else {
            self.state = State::Counted(length);
        }
        Step::Took(n_head)
    }

    fn line(&mut self, bytes: &[u8], each: &mut dyn FnMut(Framed)) -> Step {
        let new = bytes.get(self.scanned..).unwrap_or_default();
        let end = new.iter().position(|byte| *byte == b'\n').map(|end| self.scanned + end);
        let length = end.unwrap_or(bytes.len());
        if length > self.max {
            each(Framed::Refused("a message is too long", start(bytes)));
            self.state = if end.is_some() { State::Start } else { State::PastLine };
            return Step::Took(end.map_or(length, |end| end + 1));
        }
        let Some(end) = end else {
            self.scanned = length;
            return Step::Needs;
        };
        message(bytes.get(..end).unwrap_or_default(), each);
        self.state = State::Start;
        Step::Took(end + 1)
    }
}

/// Gives a message unless it is blank, without what ends it.
pub(crate) fn message(bytes: &[u8], each: &mut dyn FnMut(Framed)) {
    let n_end = bytes.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r' | 0)).count();
    let text = bytes.get(..bytes.len() - n_end).unwrap_or_default();
    if !text.iter().all(u8::is_ascii_whitespace) {
        each(Framed::Message(text.to_vec()));
    }
}

/// Whether these bytes are the start of a message with its length before it.
fn is_cut(bytes: &[u8]) -> bool {
    let n_digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    n_digits > 0 && n_digits <= MAX_DIGITS && bytes.get(n_digits..).is_some_and(|rest| rest.starts_with(b" <"))
}

fn start(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..START).unwrap_or(bytes).to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 500;

    fn all<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> Vec<Framed> {
        let (mut framer, mut found) = (Framer::new(MAX), Vec::new());
        for part in parts {
            framer.feed(part, &mut |framed| found.push(framed));
            assert!(framer.n_held() <= MAX + 1_024, "{}", framer.n_held());
        }
        framer.finish(&mut |framed| found.push(framed));
        found
    }

    fn messages(bytes: &[u8]) -> (Vec<String>, Vec<&'static str>) {
        let (mut given, mut refused) = (Vec::new(), Vec::new());
        for framed in all([bytes]) {
            match framed {
                Framed::Message(text) => given.push(String::from_utf8(text).unwrap()),
                Framed::Refused(reason, _) => refused.push(reason),
            }
        }
        (given, refused)
    }

    #[test]
    fn both_framings_are_taken() {
        assert_eq!(messages(b"<1>a\r\n\n<2>b\0\n7 days\n<3>c").0, ["<1>a", "<2>b", "7 days", "<3>c"]);
        assert_eq!(
            messages(b"5 <1>a\n4 <2>b\n3 c d9 <3>e\nf g\n"),
            (vec!["<1>a", "<2>b", "c d", "<3>e\nf g"].into_iter().map(str::to_owned).collect(), vec![])
        );
    }

    #[test]
    fn a_mixture_is_told_once() {
        let (given, refused) = messages(b"4 <1>a<2>b\n4 <3>c<4>d\n");
        assert_eq!(given, ["<1>a", "<2>b", "<3>c", "<4>d"]);
        assert_eq!(refused.len(), 1);
    }

    #[test]
    fn what_is_too_long_or_cut_is_told_and_the_rest_is_given() {
        let long = "x".repeat(MAX + 1);
        let (given, refused) = messages(format!("<1>{long}\n<2>b\n").as_bytes());
        assert_eq!((given, refused), (vec!["<2>b".to_owned()], vec!["a message is too long"]));
        let (given, refused) = messages(format!("{} <1>{long}4 <2>b9 <3>", long.len() + 3).as_bytes());
        assert_eq!(given, ["<2>b"]);
        assert_eq!(refused, ["a message is too long", "the connection ended in the middle of a message"]);
    }

    /// Pieces from which streams are made that mean something.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "<[0-9]{1,3}>[a-z ]{0,12}".prop_map(String::into_bytes),
            "<[0-9]{1,3}>[a-z ]{0,12}".prop_map(|text| format!("{} {text}", text.len()).into_bytes()),
            Just(b"\n".to_vec()),
            "[0-9]{1,12} ?".prop_map(String::into_bytes),
            (400_usize..1_200).prop_map(|n| vec![b'y'; n]),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn reads_change_nothing(bytes in stream(), cuts in prop::collection::vec(0_usize..400, 0..20)) {
            let mut parts = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (part, behind) = rest.split_at(cut.min(rest.len()));
                parts.push(part);
                rest = behind;
            }
            parts.push(rest);
            prop_assert_eq!(all(parts), all([bytes.as_slice()]));
            prop_assert_eq!(all(bytes.chunks(1)), all([bytes.as_slice()]));
        }

        #[test]
        fn messages_come_as_they_were_sent(texts in prop::collection::vec("<[0-9]{1,3}>[ -~ü]{0,100}[!-~]", 0..20)) {
            let lines: String = texts.iter().map(|text| format!("{text}\n")).collect();
            prop_assert_eq!(&messages(lines.as_bytes()).0, &texts);
            let counted: String = texts.iter().map(|text| format!("{} {text}", text.len())).collect();
            prop_assert_eq!(messages(counted.as_bytes()), (texts, vec![]));
        }
    }
}

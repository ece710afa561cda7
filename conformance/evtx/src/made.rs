//! Event logs of our own: values of every type in templates, in every place.

use skywarden_evtx::writer::{Content, Datum, Element, Event, Left, LogWriter, Part, event};

use crate::random::Random;

const TICKS: u64 = 133_500_000_000_000_000;

/// A log of some chunks.
pub(crate) fn log(random: &mut Random) -> Vec<u8> {
    let mut log = LogWriter::starting_at(1);
    let templates: Vec<Element> = (0..6).map(|_| template(random, 0)).collect();
    for number in 0..300u64 {
        let content = match random.below(4) {
            0 => as_windows(number, random),
            1 => Content::Elements(vec![element(random, 0)]),
            _ => Content::Instance(random.pick(&templates).cloned().unwrap_or_default(), data(random)),
        };
        log.add(TICKS + number * 10_000, &content);
    }
    log.file(Left::Closed)
}

/// Logons, as Windows writes them.
pub(crate) fn everyday(n: u64) -> Vec<u8> {
    let mut log = LogWriter::starting_at(1);
    for record in 1..=n {
        let text = |text: String| Datum::Text(text);
        let user = record % 97;
        let data = [
            ("SubjectUserSid", Datum::Sid(5, vec![18])),
            ("SubjectUserName", text("SRV01$".to_owned())),
            ("SubjectDomainName", text("CORP".to_owned())),
            ("SubjectLogonId", Datum::Hex64(0x3e7)),
            (
                "TargetUserSid",
                Datum::Sid(5, vec![21, 1_004_336_348, 1_177_238_915, 682_003_330, 1000 + u32::try_from(user).unwrap_or(0)]),
            ),
            ("TargetUserName", text(format!("user{user}"))),
            ("TargetDomainName", text("CORP".to_owned())),
            ("TargetLogonId", Datum::Hex64(0x10_0000 + record)),
            ("LogonType", Datum::U32(3)),
            ("LogonProcessName", text("Kerberos".to_owned())),
            ("AuthenticationPackageName", text("Kerberos".to_owned())),
            ("WorkstationName", text("-".to_owned())),
            ("LogonGuid", Datum::Guid(record.to_le_bytes().repeat(2).try_into().unwrap_or_default())),
            ("TransmittedServices", text("-".to_owned())),
            ("LmPackageName", text("-".to_owned())),
            ("KeyLength", Datum::U32(0)),
            ("ProcessId", Datum::Hex64(0)),
            ("ProcessName", text("C:\\Windows\\System32\\services.exe".to_owned())),
            ("IpAddress", text(format!("10.0.{}.{}", record % 4, user))),
            ("IpPort", text(format!("{}", 49_152 + record % 16_000))),
        ];
        let facts = Event {
            provider: "Microsoft-Windows-Security-Auditing",
            id: 4624,
            channel: "Security",
            computer: "srv01.corp.example",
            ticks: TICKS + record * 10_000_000,
            record,
        };
        log.add(facts.ticks, &event(&facts, &data));
    }
    log.file(Left::Closed)
}

fn as_windows(number: u64, random: &mut Random) -> Content {
    let names = ["", "a", "b", "Data", "quo\"te"];
    let n = random.below(6);
    let data: Vec<(&str, Datum)> = (0..n).map(|_| (random.pick(&names).copied().unwrap_or_default(), datum(random, 0))).collect();
    event(&Event { provider: "Made", id: 1, channel: "Made", computer: "made", ticks: TICKS, record: number }, &data)
}

fn name(random: &mut Random) -> String {
    let names = ["Event", "EventData", "UserData", "Data", "System", "A", "B", "Größe"];
    random.pick(&names).copied().unwrap_or_default().to_owned()
}

fn text(random: &mut Random) -> String {
    let texts = ["", "plain", "two words", "q\"uote \\ back", "line\nfeed\ttab \u{1}", "ünïcödé €", "😀", "<&>", "a\0b"];
    random.pick(&texts).copied().unwrap_or_default().to_owned()
}

/// What may stand in an element of a template.
fn template(random: &mut Random, depth: usize) -> Element {
    let mut made = Element::new(&name(random), Vec::new());
    for _ in 0..random.below(3) {
        let attribute = random.pick(&["Name", "x", "y"]).copied().unwrap_or_default();
        if made.attributes.iter().all(|(known, _)| known != attribute) {
            let value = (0..=random.below(2)).map(|_| hole_or_text(random)).collect();
            made.attributes.push((attribute.to_owned(), value));
        }
    }
    for _ in 0..random.below(5) {
        let part =
            if depth < 4 && random.percent(55) { Part::Element(template(random, depth + 1)) } else { hole_or_text(random) };
        made.parts.push(part);
    }
    if depth > 0 && random.percent(15) {
        made.dependency = u16::try_from(random.below(12)).ok();
    }
    made
}

fn hole_or_text(random: &mut Random) -> Part {
    let place = u16::try_from(random.below(12)).unwrap_or(0);
    match random.below(10) {
        0 => Part::Text(text(random)),
        1 => Part::Entity(random.pick(&["amp", "lt", "gt", "quot", "apos", "other"]).copied().unwrap_or_default().to_owned()),
        2 => Part::Character(random.pick(&[0x41, 0x22, 0xfc, 0xd800]).copied().unwrap_or(0x41)),
        3 => Part::Cdata(text(random)),
        4..=6 => Part::Hole(place),
        _ => Part::OptionalHole(place),
    }
}

/// An element without holes.
fn element(random: &mut Random, depth: usize) -> Element {
    fn filled(part: Part, random: &mut Random) -> Part {
        match part {
            Part::Hole(_) | Part::OptionalHole(_) => Part::Text(text(random)),
            Part::Element(element) => Part::Element(all_filled(element, random)),
            other => other,
        }
    }
    fn all_filled(mut element: Element, random: &mut Random) -> Element {
        element.dependency = None;
        element.parts = element.parts.into_iter().map(|part| filled(part, random)).collect();
        for (_, value) in &mut element.attributes {
            *value = std::mem::take(value).into_iter().map(|part| filled(part, random)).collect();
        }
        element
    }
    let made = template(random, depth);
    all_filled(made, random)
}

fn data(random: &mut Random) -> Vec<Datum> {
    (0..10).map(|_| datum(random, 0)).collect()
}

fn datum(random: &mut Random, depth: usize) -> Datum {
    let small = |random: &mut Random| u32::try_from(random.below(300)).unwrap_or(0);
    let big = |random: &mut Random| u64::try_from(random.below(usize::MAX)).unwrap_or(0);
    match random.below(if depth == 0 { 30 } else { 26 }) {
        0 | 1 => Datum::Null,
        2 | 3 => Datum::Text(text(random)),
        4 => Datum::Units(vec![0x41, 0xd83d, 0x42, 0xde00]),
        5 => Datum::Ansi(random.pick(&[&b"ansi"[..], b"", b"caf\xe9 \x80", b"a\0b"]).copied().unwrap_or_default().to_vec()),
        6 => Datum::I8(i8::from_le_bytes([big(random).to_le_bytes()[0]])),
        7 => Datum::U8(big(random).to_le_bytes()[0]),
        8 => Datum::I16(i16::from_le_bytes([big(random).to_le_bytes()[0], 0xff])),
        9 => Datum::U16(u16::try_from(small(random)).unwrap_or(0)),
        10 => Datum::I32(small(random).cast_signed() - 150),
        11 => Datum::U32(small(random)),
        12 => Datum::I64(big(random).cast_signed()),
        13 => Datum::U64(big(random)),
        14 => Datum::F32(f32::from_bits(u32::try_from(big(random) >> 32).unwrap_or(0))),
        15 => Datum::F64(if random.percent(50) { f64::from_bits(big(random)) } else { f64::from(small(random)) / 8.0 }),
        16 => Datum::Bool(random.pick(&[0, 1, 1, 0, 7]).copied().unwrap_or(0)),
        17 => Datum::Binary(big(random).to_le_bytes().into_iter().take(random.below(9)).collect()),
        18 => Datum::Guid(big(random).to_le_bytes().repeat(2).try_into().unwrap_or_default()),
        19 => Datum::Size32(small(random)),
        20 => Datum::Size64(big(random)),
        21 => Datum::FileTime(if random.percent(80) { TICKS + u64::from(small(random)) } else { big(random) }),
        22 => Datum::SystemTime(if random.percent(80) { [2024, 2, 4, 29, 23, 59, 59, 999] } else { [0; 8] }),
        23 => Datum::Sid(5, vec![21, small(random), small(random), 500]),
        24 => Datum::Hex32(small(random)),
        25 => Datum::Hex64(big(random)),
        26 | 27 => list(random),
        28 => Datum::Nested(Box::new(Content::Elements((0..=random.below(2)).map(|_| element(random, 3)).collect()))),
        _ => {
            let values = (0..12).map(|_| datum(random, 1)).collect();
            Datum::Nested(Box::new(Content::Instance(template(random, 2), values)))
        }
    }
}

/// Values of one type; of some types there are no lists.
fn list(random: &mut Random) -> Datum {
    let same = |one: &Datum, other: &Datum| std::mem::discriminant(one) == std::mem::discriminant(other);
    let mut first = datum(random, 1);
    while matches!(first, Datum::Null | Datum::Binary(_) | Datum::Size32(_) | Datum::Size64(_) | Datum::Units(_) | Datum::Ansi(_))
    {
        first = datum(random, 1);
    }
    let mut all = vec![first];
    let n = random.below(5);
    while all.len() <= n {
        let next = datum(random, 1);
        // An inner zero would end a text of a list.
        if all.first().is_some_and(|first| same(first, &next)) && !matches!(&next, Datum::Text(text) if text.contains('\0')) {
            all.push(next);
        }
    }
    if matches!(all.first(), Some(Datum::Text(text)) if text.contains('\0')) {
        all.remove(0);
    }
    Datum::List(all)
}

use super::{Content, Datum, Element, Part};

/// What the `System` part of an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'e> {
    /// The provider's name.
    pub provider: &'e str,
    /// The number of the kind of event.
    pub id: u16,
    /// The log.
    pub channel: &'e str,
    /// The machine.
    pub computer: &'e str,
    /// When, in units of 100 ns since 1601.
    pub ticks: u64,
    /// The number of the record.
    pub record: u64,
}

/// An event as Windows writes it: one template for `System`, and in it one of the provider with `Data` elements, with names or without.
pub fn event(event: &Event<'_>, data: &[(&str, Datum)]) -> Content {
    let datum = |(place, (name, _)): (usize, &(&str, Datum))| {
        let hole = Part::Hole(u16::try_from(place).unwrap_or(u16::MAX));
        let datum = Element::new("Data", vec![hole]);
        Part::Element(if name.is_empty() { datum } else { datum.with("Name", vec![Part::Text((*name).to_owned())]) })
    };
    let own = Element::new("EventData", data.iter().enumerate().map(datum).collect());
    let own = Content::Instance(own, data.iter().map(|(_, value)| value.clone()).collect());
    let values = vec![
        Datum::U8(0),
        Datum::U8(0),
        Datum::U16(13_568),
        Datum::U16(event.id),
        Datum::Null,
        Datum::Hex64(0x8020_0000_0000_0000),
        Datum::FileTime(event.ticks),
        Datum::Null,
        Datum::U32(716),
        Datum::U32(1024),
        Datum::U64(event.record),
        Datum::U8(1),
        Datum::Null,
        Datum::Text(event.provider.to_owned()),
        Datum::Guid(*b"\x25\x96\x84\x54\x78\x54\x94\x49\xa5\xba\x3e\x3b\x03\x28\xc3\x0d"),
        Datum::Text(event.channel.to_owned()),
        Datum::Text(event.computer.to_owned()),
        Datum::Nested(Box::new(own)),
    ];
    Content::Instance(system(), values)
}

/// The template around every event.
fn system() -> Element {
    let of = |name: &str, place: u16| Element::new(name, vec![Part::OptionalHole(place)]).depending_on(place);
    let holding = |element: Element, attributes: &[(&str, u16)]| {
        attributes.iter().fold(element, |element, (name, place)| element.with(name, vec![Part::OptionalHole(*place)]))
    };
    let bare = |name: &str| Element::new(name, Vec::new());
    let system = Element::new(
        "System",
        [
            holding(bare("Provider"), &[("Name", 13), ("Guid", 14)]),
            holding(of("EventID", 3), &[("Qualifiers", 4)]),
            of("Version", 11),
            of("Level", 0),
            of("Task", 2),
            of("Opcode", 1),
            of("Keywords", 5),
            holding(bare("TimeCreated"), &[("SystemTime", 6)]),
            of("EventRecordID", 10),
            holding(bare("Correlation"), &[("ActivityID", 7)]),
            holding(bare("Execution"), &[("ProcessID", 8), ("ThreadID", 9)]),
            Element::new("Channel", vec![Part::OptionalHole(15)]),
            Element::new("Computer", vec![Part::OptionalHole(16)]),
            holding(bare("Security"), &[("UserID", 12)]),
        ]
        .map(Part::Element)
        .to_vec(),
    );
    let namespace = Part::Text("http://schemas.microsoft.com/win/2004/08/events/event".to_owned());
    Element::new("Event", vec![Part::Element(system), Part::OptionalHole(17)]).with("xmlns", vec![namespace])
}

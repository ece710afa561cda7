//! From a field path to the values that stand there, or the reason why they can't be known.

use std::{borrow::Cow, sync::Arc};

use litemap::LiteMap;
use serde_json::{Map, Value};
use skywarden_model::{Carried, FieldPath, Resource, Segment, Unreadable, UnreadableKind, UnreadableReason, fact_object};
use smallvec::SmallVec;

use crate::{
    Glance, Input,
    asking::Seat,
    path::{Way, is_key},
};

/// Positions in the lists of a path; few paths step into more than three.
pub(crate) type Indices = SmallVec<[usize; 3]>;

/// What stands at one concrete place.
#[derive(Debug)]
pub(crate) enum Slot<'a> {
    Value(&'a Value),
    /// Text of the envelope that is no JSON value in the resource.
    Text(&'a str),
    /// A value that the resource holds in another shape: all tags, all facts.
    Made(Value),
    Absent,
    Unreadable(Gap<'a>),
}

/// What stands at a place of which all was read, and which holds it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spot<'a> {
    Value(&'a Value),
    Text(&'a str),
    Absent,
}

/// Why something is not known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gap<'a> {
    Entry(&'a Unreadable),
    /// The source does not carry the field.
    NotCarried,
}

/// What stands at one place, with the list positions taken.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) indices: Indices,
    pub(crate) slot: Slot<'a>,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    /// Apart from the others so that a field without `[*]` costs no allocation.
    first: Option<Place<'a>>,
    more: Vec<Place<'a>>,
    /// Set if the path has an unbound `[*]`: several values stand for one field.
    pub(crate) is_list: bool,
    /// Elements may be missing: the list could not be read to its end.
    pub(crate) cut: Option<Gap<'a>>,
    /// Objects and lists that stand at the path may lack parts that could not be read.
    pub(crate) partial: Option<Gap<'a>>,
}

/// A list element that an enclosing `count` stands on.
#[derive(Debug, Clone)]
pub(crate) struct Bound<'p> {
    pub(crate) path: &'p Way,
    pub(crate) indices: Indices,
}

/// What a rule stands on: a resource, or what a glance took in of it.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) glance: Option<&'a Glance<'a>>,
}

impl<'a> Ground<'a> {
    /// What a glance took in. The input's resource is not read: all that is asked of it is that nothing of it is unreadable.
    pub fn glanced(input: Input<'a>, glance: &'a Glance<'a>) -> Self {
        Self { input, glance: Some(glance) }
    }

    /// What the rule is evaluated on; its resource is nobody's where a glance stands for one.
    pub fn input(&self) -> &Input<'a> {
        &self.input
    }
}

impl<'a> From<&Input<'a>> for Ground<'a> {
    fn from(input: &Input<'a>) -> Self {
        Self { input: *input, glance: None }
    }
}

/// Resolves a path, standing on the elements that enclosing counts are bound to.
pub(crate) fn resolve<'a>(ground: &Ground<'a>, path: &Way, bound: &[Bound<'_>]) -> Resolved<'a> {
    let input = &ground.input;
    let segments = path.segments();
    let fixed = bound_indices(segments, bound);
    let is_list = segments.iter().filter(|segment| **segment == Segment::Each).count() > fixed.len();
    let mut resolved = Resolved { first: None, more: Vec::new(), is_list, cut: None, partial: None };
    let carriage = carriage(input, path);
    if let Some(gap) = unreadable_above(input, path, carriage) {
        resolved.push(fixed, Slot::Unreadable(gap));
        return resolved;
    }
    let part = unread_part(input, segments);
    resolved.partial = part.or((carriage != Carriage::Whole).then_some(Gap::NotCarried));
    let absent = part.or((carriage == Carriage::Members).then_some(Gap::NotCarried));
    let mut walk = Walk { input, fixed, path: segments, absent, resolved: &mut resolved };
    match root(ground, segments, path.seat) {
        Root::At(value, rest) => walk.down(value, rest, &mut Indices::new()),
        Root::Text(text, []) => walk.resolved.push(fixed, Slot::Text(text)),
        Root::Made(value, []) => walk.resolved.push(fixed, Slot::Made(*value)),
        Root::Text(_, rest) | Root::Made(_, rest) | Root::Missing(rest) => walk.absent(rest, &[]),
    }
    resolved
}

/// Whether everything about the resource and its facts was read.
pub(crate) fn is_whole(input: &Input<'_>) -> bool {
    let facts_are = input.facts.is_none_or(|sheet| sheet.unreadable.is_empty());
    input.resource.unreadable.is_empty() && facts_are && input.resource.carried.is_all()
}

/// What stands at a path in a resource that was read whole, with the list positions taken, which is what most conditions ask for;
/// `None` if the path steps into a list on which no enclosing count stands.
#[inline(always)]
pub(crate) fn single<'a, 'b>(
    ground: &Ground<'a>,
    segments: &[Segment],
    seat: Option<Seat>,
    bound: &'b [Bound<'_>],
) -> Option<(Spot<'a>, &'b [usize])> {
    let fixed = bound_indices(segments, bound);
    let absent = |rest: &[Segment]| rest.iter().all(|step| *step != Segment::Each).then_some((Spot::Absent, fixed));
    let mut indices = fixed.iter();
    let (mut value, mut rest) = match root(ground, segments, seat) {
        Root::At(value, rest) => (value, rest),
        Root::Text(text, []) => return Some((Spot::Text(text), fixed)),
        Root::Made(_, []) => return None,
        Root::Text(_, rest) | Root::Made(_, rest) | Root::Missing(rest) => return absent(rest),
    };
    let mut parent = segments.len().checked_sub(rest.len() + 1).and_then(|place| segments.get(place));
    while let Some((step, below)) = rest.split_first() {
        let found = match (step, value) {
            (Segment::Key(key), Value::Object(members)) => get(members, key, KeyCase::below(parent)),
            (Segment::Each, Value::Array(elements)) => elements.get(*indices.next()?),
            _ => return absent(rest),
        };
        let Some(found) = found else { return absent(below) };
        (value, rest, parent) = (found, below, Some(step));
    }
    Some((if value.is_null() { Spot::Absent } else { Spot::Value(value) }, fixed))
}

/// How many elements the list at a path that ends with `[*]` has in a resource that was read whole, and the positions taken above
/// it; `None` if there may be several such lists.
pub(crate) fn elements<'b>(ground: &Ground<'_>, path: &Way, bound: &'b [Bound<'_>]) -> Option<(usize, &'b [usize])> {
    let fixed = bound_indices(path.segments(), bound);
    let (_, list) = path.segments().split_last()?;
    if list.iter().filter(|step| **step == Segment::Each).count() != fixed.len() {
        return None;
    }
    let (spot, fixed) = single(ground, list, path.seat, bound)?;
    Some((if let Spot::Value(Value::Array(elements)) = spot { elements.len() } else { 0 }, fixed))
}

/// The path with the positions taken: `properties.a[2].b`.
pub(crate) fn concrete(path: &FieldPath, indices: &[usize]) -> String {
    const USUAL: usize = 64;
    let mut text = String::with_capacity(USUAL);
    let mut indices = indices.iter();
    for part in path.segments() {
        match part {
            Segment::Each => match indices.next() {
                Some(index) => text.extend(["[", &index.to_string(), "]"]),
                None => text.push_str("[*]"),
            },
            Segment::Key(key) if key.is_empty() || key.bytes().any(|byte| matches!(byte, b'.' | b'[')) => {
                text.extend(["['", key, "']"])
            }
            Segment::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
    }
    text
}

impl<'a> Resolved<'a> {
    pub(crate) fn into_places(self) -> impl Iterator<Item = Place<'a>> {
        self.first.into_iter().chain(self.more)
    }

    fn push(&mut self, indices: &[usize], slot: Slot<'a>) {
        let place = Place { indices: Indices::from_slice(indices), slot };
        if self.first.is_none() {
            self.first = Some(place);
        } else {
            self.more.push(place);
        }
    }
}

impl<'a> Slot<'a> {
    /// The value as JSON; `None` if there is none.
    pub(crate) fn json(&self) -> Option<Cow<'_, Value>> {
        match self {
            Self::Value(value) => Some(Cow::Borrowed(*value)),
            Self::Made(value) => Some(Cow::Borrowed(value)),
            Self::Text(text) => Some(Cow::Owned(Value::String((*text).to_owned()))),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// The value as JSON, borrowed where the resource or its facts hold it.
    pub(crate) fn into_json(self) -> Option<Cow<'a, Value>> {
        match self {
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Made(value) => Some(Cow::Owned(value)),
            Self::Text(text) => Some(Cow::Owned(Value::String(text.to_owned()))),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// Whether it is an object or a list: something that may lack parts.
    pub(crate) fn is_container(&self) -> bool {
        match self {
            Self::Value(value) => value.is_object() || value.is_array(),
            Self::Made(value) => value.is_object() || value.is_array(),
            Self::Text(_) | Self::Absent | Self::Unreadable(_) => false,
        }
    }
}

impl Gap<'_> {
    /// The gap as the verdict reports it, for a rule that reads `path`.
    pub(crate) fn report(self, path: &FieldPath) -> Unreadable {
        match self {
            Self::Entry(entry) => entry.clone(),
            Self::NotCarried => Unreadable {
                field: path.clone(),
                reason: Arc::new(UnreadableReason {
                    kind: UnreadableKind::NotCarried,
                    operation: "read what the source leaves out".to_owned(),
                    permission: None,
                    code: "NotCarried".to_owned(),
                    message: format!("the source does not carry {path}"),
                }),
            },
        }
    }
}

fn all_unreadable<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a Unreadable> + use<'a> {
    input.resource.unreadable.iter().chain(input.facts.into_iter().flat_map(|facts| &facts.unreadable))
}

fn is_cut(entry: &Unreadable) -> bool {
    entry.reason.kind == UnreadableKind::Truncated
}

/// Why nothing at all is known of the path.
fn unreadable_above<'a>(input: &Input<'a>, path: &FieldPath, carriage: Carriage) -> Option<Gap<'a>> {
    let found = all_unreadable(input).find(|entry| !is_cut(entry) && entry.field.covers(path));
    found.map(Gap::Entry).or((carriage == Carriage::Nothing).then_some(Gap::NotCarried))
}

/// Why a part of what stands at the path may be missing, or all of it if nothing stands there.
fn unread_part<'a>(input: &Input<'a>, path: &[Segment]) -> Option<Gap<'a>> {
    all_unreadable(input)
        .find(|entry| {
            let field = entry.field.segments();
            (field.len() > path.len() && begins_with(field, path)) || (is_cut(entry) && cuts(field, path))
        })
        .map(Gap::Entry)
}

/// Whether a cut at `field` may have taken something from what stands at `path`: the elements that a cut list does have are whole.
fn cuts(field: &[Segment], path: &[Segment]) -> bool {
    begins_with(path, field) && path.get(field.len()) != Some(&Segment::Each)
}

fn begins_with(path: &[Segment], start: &[Segment]) -> bool {
    start.len() <= path.len() && start.iter().zip(path).all(|(left, right)| same(left, right))
}

fn same(left: &Segment, right: &Segment) -> bool {
    match (left, right) {
        (Segment::Key(left), Segment::Key(right)) => left == right || left.eq_ignore_ascii_case(right),
        (Segment::Each, Segment::Each) => true,
        _ => false,
    }
}

/// How much of a path the source carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carriage {
    Whole,
    /// Fields of the elements of the list at the path: whether the list is there is known, what its elements hold only in part.
    Elements,
    /// Some members of the object at the path: without them, whether it is there is not known.
    Members,
    Nothing,
}

fn carriage(input: &Input<'_>, path: &FieldPath) -> Carriage {
    let Carried::Only(carried) = &input.resource.carried else { return Carriage::Whole };
    let segments = path.segments();
    if segments.first().is_some_and(|first| is_always_known(input, first)) {
        return Carriage::Whole;
    }
    let mut found = Carriage::Nothing;
    for field in carried.iter() {
        if field.covers(path) {
            return Carriage::Whole;
        }
        if path.covers(field) {
            match field.segments().get(segments.len()..) {
                Some([Segment::Each]) => return Carriage::Whole,
                Some([Segment::Each, ..]) => found = Carriage::Elements,
                _ if found == Carriage::Nothing => found = Carriage::Members,
                _ => {}
            }
        }
    }
    found
}

/// What is a member of every resource, what a source evidently carries since it is there, and facts, which no source carries.
fn is_always_known(input: &Input<'_>, first: &Segment) -> bool {
    const ALWAYS: [&str; 6] = ["id", "name", "fullName", "type", "scope", "facts"];
    let resource = input.resource;
    let Segment::Key(first) = first else { return false };
    ALWAYS.iter().any(|known| first.eq_ignore_ascii_case(known))
        || (first.eq_ignore_ascii_case("location") && resource.location.is_some())
        || (first.eq_ignore_ascii_case("tags") && !resource.tags.is_empty())
        || get(&resource.envelope, first, KeyCase::Ignored).is_some()
}

/// The positions that enclosing counts fix for the path's leading `[*]`.
#[inline]
fn bound_indices<'b>(segments: &[Segment], bound: &'b [Bound<'_>]) -> &'b [usize] {
    if bound.is_empty() {
        return &[];
    }
    bound
        .iter()
        .filter(|bound| begins_with(segments, bound.path.segments()))
        .max_by_key(|bound| bound.indices.len())
        .map(|bound| bound.indices.as_slice())
        .unwrap_or_default()
}

/// Where a path's first steps lead, with the steps that are left.
pub(crate) enum Root<'a, 's> {
    At(&'a Value, &'s [Segment]),
    Text(&'a str, &'s [Segment]),
    /// Boxed: few ask for all tags or all facts, and every condition comes this way.
    Made(Box<Value>, &'s [Segment]),
    Missing(&'s [Segment]),
}

#[inline]
fn root<'a, 's>(ground: &Ground<'a>, segments: &'s [Segment], seat: Option<Seat>) -> Root<'a, 's> {
    match (ground.glance, seat) {
        (Some(glance), Some(seat)) => glance.root(seat, segments),
        _ => resource_root(&ground.input, segments),
    }
}

fn resource_root<'a, 's>(input: &Input<'a>, segments: &'s [Segment]) -> Root<'a, 's> {
    let Some((Segment::Key(first), rest)) = segments.split_first() else { return Root::Missing(segments) };
    let resource = input.resource;
    let is = |name: &str| first.eq_ignore_ascii_case(name);
    if is("properties") {
        Root::At(&resource.properties, rest)
    } else if is("type") {
        Root::Text(resource.type_name.as_str(), rest)
    } else if is("facts") {
        fact_root(input, rest)
    } else if is("tags") {
        match rest.split_first() {
            Some((Segment::Key(key), below)) => match tag(resource, key) {
                Some((_, value)) => Root::Text(value, below),
                None => Root::Missing(below),
            },
            None if !resource.tags.is_empty() => {
                let tags = resource.tags.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
                Root::Made(Box::new(Value::Object(tags.collect())), rest)
            }
            _ => Root::Missing(rest),
        }
    } else if is("name") || is("fullName") {
        Root::Text(&resource.name, rest)
    } else if is("id") {
        Root::Text(resource.id.as_str(), rest)
    } else if is("location") {
        resource.location.as_deref().map_or(Root::Missing(rest), |location| Root::Text(location, rest))
    } else if is("scope") {
        Root::Text(&resource.scope.account, rest)
    } else {
        get(&resource.envelope, first, KeyCase::Ignored).map_or(Root::Missing(rest), |value| Root::At(value, rest))
    }
}

/// Where a path leads below `facts`.
fn fact_root<'a, 's>(input: &Input<'a>, rest: &'s [Segment]) -> Root<'a, 's> {
    let Some(sheet) = input.facts else { return Root::Missing(rest) };
    let Some((first, below)) = rest.split_first() else {
        let all = sheet.values.iter().map(|(name, fact)| (name.to_string(), fact_object(fact)));
        return Root::Made(Box::new(Value::Object(all.collect())), rest);
    };
    let Segment::Key(name) = first else { return Root::Missing(rest) };
    let Some(fact) = member(&sheet.values, name) else { return Root::Missing(below) };
    match below.split_first() {
        None => Root::Made(Box::new(fact_object(fact)), below),
        Some((Segment::Key(field), below)) => member(fact, field).map_or(Root::Missing(below), |value| Root::At(value, below)),
        Some((Segment::Each, below)) => Root::Missing(below),
    }
}

/// A member of a fact or of the facts, whatever the key's case.
fn member<'a, V>(members: &'a LiteMap<Arc<str>, V>, key: &str) -> Option<&'a V> {
    members.get(key).or_else(|| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// A resource's tag, key and value, as its provider understands the key: Azure's compare without case, those of others as they are
/// written.
pub fn tag<'a>(resource: &'a Resource, key: &str) -> Option<(&'a String, &'a String)> {
    const AZURE: &str = "Microsoft.";
    let exact = resource.tags.get_key_value(key);
    let is_azure = resource.type_name.as_str().get(..AZURE.len()).is_some_and(|start| start.eq_ignore_ascii_case(AZURE));
    if exact.is_some() || !is_azure {
        return exact;
    }
    resource.tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyCase {
    Ignored,
    Kept,
}

impl KeyCase {
    /// Keys of maps that people name keep their case.
    pub(crate) fn below(parent: Option<&Segment>) -> Self {
        const MAPS: [&str; 4] = ["tags", "labels", "annotations", "matchLabels"];
        if MAPS.iter().any(|map| is_key(parent, map)) { Self::Kept } else { Self::Ignored }
    }
}

fn get<'a>(members: &'a Map<String, Value>, key: &str, case: KeyCase) -> Option<&'a Value> {
    match members.get(key) {
        Some(value) => Some(value),
        None if case == KeyCase::Kept => None,
        None => members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value),
    }
}

struct Walk<'w, 'a> {
    input: &'w Input<'a>,
    fixed: &'w [usize],
    path: &'w [Segment],
    /// Why what is not there may yet exist.
    absent: Option<Gap<'a>>,
    resolved: &'w mut Resolved<'a>,
}

impl<'a> Walk<'_, 'a> {
    fn down(&mut self, value: &'a Value, rest: &[Segment], taken: &mut Indices) {
        let Some((step, below)) = rest.split_first() else {
            if value.is_null() {
                self.absent(rest, taken);
            } else {
                self.resolved.push(taken, Slot::Value(value));
            }
            return;
        };
        match (step, value) {
            (Segment::Key(key), Value::Object(members)) => {
                let parent = self.depth(rest).checked_sub(1).and_then(|place| self.path.get(place));
                match get(members, key, KeyCase::below(parent)) {
                    Some(value) => self.down(value, below, taken),
                    None => self.absent(below, taken),
                }
            }
            (Segment::Each, Value::Array(elements)) => {
                if let Some(index) = self.fixed.get(taken.len()) {
                    taken.push(*index);
                    match elements.get(*index) {
                        Some(value) => self.down(value, below, taken),
                        None => self.absent(below, taken),
                    }
                    taken.pop();
                    return;
                }
                self.note_cut(rest, IsThere::Yes);
                for (index, element) in elements.iter().enumerate() {
                    taken.push(index);
                    self.down(element, below, taken);
                    taken.pop();
                }
            }
            _ => self.absent(rest, taken),
        }
    }

    /// A list that is not there has no elements; anything else that is not there is absent. Either only if it was read.
    fn absent(&mut self, rest: &[Segment], taken: &[usize]) {
        match rest.iter().position(|segment| *segment == Segment::Each) {
            Some(to_list) if taken.len() >= self.fixed.len() => {
                self.note_cut(rest.get(to_list..).unwrap_or_default(), IsThere::No);
            }
            _ => {
                let slot = self.absent.map_or(Slot::Absent, Slot::Unreadable);
                self.resolved.push(taken, slot);
            }
        }
    }

    /// Notes why the list that `rest` steps into may have more elements than are there.
    fn note_cut(&mut self, rest: &[Segment], is_there: IsThere) {
        if self.resolved.cut.is_some() {
            return;
        }
        let list = self.path.get(..self.depth(rest)).unwrap_or_default();
        self.resolved.cut = match is_there {
            IsThere::No => unread_part(self.input, list),
            IsThere::Yes => {
                all_unreadable(self.input).find(|entry| is_cut(entry) && cuts(entry.field.segments(), list)).map(Gap::Entry)
            }
        };
    }

    fn depth(&self, rest: &[Segment]) -> usize {
        self.path.len().saturating_sub(rest.len())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IsThere {
    Yes,
    No,
}

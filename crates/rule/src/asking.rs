//! What rules ask of a resource, and a look at the resource's text that takes in no more than that.

use std::borrow::Cow;

use serde_json::{Map, Value};
use skywarden_model::{ENVELOPE, Segment};

use crate::{
    Rule,
    path::{Way, is_key},
    resolve::{KeyCase, Root},
    scan::Scan,
    ways::{self, Use},
};

/// What some rules ask of a resource: the members on the ways that they go.
#[derive(Debug)]
pub struct Asking {
    /// The first is the resource itself.
    nodes: Vec<Node>,
}

/// An ARM resource as far as the rules of an [`Asking`] ask for it; its texts are borrowed.
#[derive(Debug)]
pub struct Glance<'t> {
    /// Its id.
    pub id: &'t str,
    /// Its type.
    pub type_name: &'t str,
    /// One for each node of the asking.
    seen: Vec<Seen<'t>>,
}

/// Where a glance keeps what a way leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    node: usize,
    /// Steps of the way that lead there; the others lead on from what stands there.
    n_steps: usize,
}

/// A member on a way.
#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, usize)>,
    /// The elements of a list.
    elements: Option<usize>,
    /// People name what is below, so that case makes a difference.
    is_map: bool,
    /// All that stands here is kept.
    is_whole: bool,
}

#[derive(Debug)]
enum Seen<'t> {
    Nothing,
    /// Something that is not kept.
    Something,
    Text(Cow<'t, str>),
    Value(Value),
}

/// What is kept of a resource while its text is gone over.
struct Reading<'t, 'n> {
    nodes: &'n [Node],
    seen: Vec<Seen<'t>>,
}

impl Asking {
    /// What rules ask, each of which is told where a glance keeps it; they are to be asked with glances of this asking then.
    ///
    /// Rules that ask for more than members of the resource are left as they are ([`Rule::takes_glances`]).
    pub fn of<'r>(rules: impl IntoIterator<Item = &'r mut Rule>) -> Self {
        let mut asking = Self { nodes: vec![Node::default()] };
        let mut seated = Vec::new();
        for rule in rules {
            let mut are_members = true;
            let reads_ways = ways::each(&mut rule.root, &mut |way, _| are_members &= is_member(way));
            if reads_ways && are_members {
                ways::each(&mut rule.root, &mut |way, wanted| asking.add(way, wanted));
                seated.push(rule);
            }
        }
        for rule in seated {
            ways::each(&mut rule.root, &mut |way, _| way.seat = asking.seat(way));
            rule.takes_glances = true;
        }
        asking
    }

    /// Takes a glance at the text of a resource as ARM writes it; `None` where it is not written plainly, or not at all: then the whole
    /// of it is to be read.
    pub fn glance<'t>(&self, text: &'t str) -> Option<Glance<'t>> {
        let seen = self.nodes.iter().map(|_| Seen::Nothing).collect();
        Reading { nodes: &self.nodes, seen }.resource(Scan::new(text))
    }

    fn add(&mut self, way: &Way, wanted: Use) {
        let steps = steps(way);
        let mut at = 0;
        for step in steps {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            let known = match step {
                Segment::Key(key) => node.child(key),
                Segment::Each => node.elements,
            };
            at = known.unwrap_or(next);
            if at == next {
                match step {
                    Segment::Key(key) => node.children.push((key.clone(), next)),
                    Segment::Each => node.elements = Some(next),
                }
                self.nodes.push(Node { is_map: KeyCase::below(Some(step)) == KeyCase::Kept, ..Node::default() });
            }
        }
        if wanted == Use::Value
            && !steps.is_empty()
            && let Some(node) = self.nodes.get_mut(at)
        {
            node.is_whole = true;
        }
    }

    /// The first place on the way that is kept: what is below it is found in it.
    fn seat(&self, way: &Way) -> Option<Seat> {
        let mut node = 0;
        for (place, step) in steps(way).iter().enumerate() {
            let Segment::Key(key) = step else { return None };
            node = self.nodes.get(node)?.child(key)?;
            if self.nodes.get(node)?.is_kept() {
                return Some(Seat { node, n_steps: place + 1 });
            }
        }
        None
    }
}

/// The steps of a way; none if it leads to facts.
fn steps(way: &Way) -> &[Segment] {
    if is_key(way.segments().first(), "facts") { &[] } else { way.segments() }
}

/// Whether what a way leads to is a member of a resource, or below one, which a glance takes in as it is written.
fn is_member(way: &Way) -> bool {
    let first = way.segments().first();
    let is_alone = matches!(way.segments(), [_] | [_, Segment::Each, ..]);
    // These are no members as they are written: the account's, all tags, and what is there even if it is not.
    !is_key(first, "scope") && !(is_alone && (is_key(first, "tags") || is_key(first, "properties")))
}

impl<'t> Glance<'t> {
    /// Where a way leads, with the steps that are left.
    pub(crate) fn root<'a, 's>(&'a self, seat: Seat, segments: &'s [Segment]) -> Root<'a, 's> {
        let rest = segments.get(seat.n_steps..).unwrap_or_default();
        match self.seen.get(seat.node) {
            Some(Seen::Text(text)) => Root::Text(text, rest),
            Some(Seen::Value(value)) => Root::At(value, rest),
            _ => Root::Missing(rest),
        }
    }
}

impl Node {
    /// Whether what stands here is kept, at least in part.
    fn is_kept(&self) -> bool {
        self.is_whole || self.elements.is_some()
    }

    #[inline]
    fn child(&self, name: &str) -> Option<usize> {
        // Most are not it, and most of those differ in length.
        let is_same = |own: &str| own == name || (!self.is_map && own.eq_ignore_ascii_case(name));
        let is_it = |own: &str| own.len() == name.len() && is_same(own);
        self.children.iter().find(|(own, _)| is_it(own)).map(|(_, child)| *child)
    }
}

impl<'t> Reading<'t, '_> {
    fn resource(mut self, mut scan: Scan<'t>) -> Option<Glance<'t>> {
        let (mut id, mut type_name, mut name, mut others) = (None, None, None, [false; 3]);
        scan.members(|scan, member| {
            let member = member.as_written()?;
            let [has_location, has_tags, has_properties] = &mut others;
            let is_again = match member {
                "id" => {
                    let text = scan.quoted()?.as_written()?;
                    self.keep("id", || Seen::Text(Cow::Borrowed(text)))?;
                    id.replace(text).is_some()
                }
                "type" => {
                    let text = scan.quoted()?.as_written()?;
                    self.keep("type", || Seen::Text(Cow::Borrowed(text)))?;
                    type_name.replace(text).is_some()
                }
                "name" => {
                    let text = scan.quoted()?.text()?;
                    self.keep("name", || Seen::Text(text.clone()))?;
                    self.keep("fullName", || Seen::Text(text))?;
                    name.replace(()).is_some()
                }
                "location" => {
                    if scan.peek()? == b'n' {
                        scan.null()?;
                    } else {
                        let text = scan.quoted()?.text()?;
                        self.keep("location", || Seen::Text(text))?;
                    }
                    std::mem::replace(has_location, true)
                }
                "tags" => {
                    self.tags(scan)?;
                    std::mem::replace(has_tags, true)
                }
                "properties" => {
                    if !matches!(scan.peek()?, b'{' | b'n') {
                        return None;
                    }
                    self.member(scan, 0, member)?;
                    std::mem::replace(has_properties, true)
                }
                _ => {
                    if !ENVELOPE.contains(&member) && is_not_plain(member) {
                        return None;
                    }
                    self.member(scan, 0, member)?;
                    false
                }
            };
            (!is_again).then_some(())
        })?;
        scan.end()?;
        name?;
        Some(Glance { id: id?, type_name: type_name?, seen: self.seen })
    }

    /// Reads a member of what stands at a node as far as it is asked for.
    fn member(&mut self, scan: &mut Scan<'t>, parent: usize, name: &str) -> Option<()> {
        let nodes = self.nodes;
        let Some(at) = nodes.get(parent)?.child(name) else { return scan.skip() };
        let node = nodes.get(at)?;
        let seen = match (node.is_kept(), scan.peek()?) {
            (true, b'"') => Seen::Text(scan.quoted()?.text()?),
            (true, b'n') => scan.null().map(|_| Seen::Something)?,
            (true, _) => Seen::Value(part(nodes, node, scan)?),
            (false, b'{') => {
                scan.members(|scan, name| self.member(scan, at, name.as_written()?))?;
                Seen::Something
            }
            (false, _) => scan.skip().map(|()| Seen::Something)?,
        };
        self.put(at, seen)
    }

    /// Tags that are all texts; those that differ from what is asked for in case alone are not for a glance to judge.
    fn tags(&mut self, scan: &mut Scan<'t>) -> Option<()> {
        let nodes = self.nodes;
        let asked = nodes.first()?.child("tags").and_then(|tags| nodes.get(tags)).map(|tags| tags.children.as_slice());
        scan.members(|scan, name| {
            let (name, text) = (name.as_written()?, scan.quoted()?);
            for (own, at) in asked.unwrap_or_default() {
                if **own == *name {
                    self.put(*at, Seen::Text(text.text()?))?;
                } else if own.eq_ignore_ascii_case(name) {
                    return None;
                }
            }
            Some(())
        })
    }

    /// Keeps a member of the resource, if it is asked for.
    fn keep(&mut self, name: &str, seen: impl FnOnce() -> Seen<'t>) -> Option<()> {
        match self.nodes.first()?.child(name) {
            Some(at) => self.put(at, seen()),
            None => Some(()),
        }
    }

    /// Members that are written twice, also in another case, are not for a glance to judge.
    fn put(&mut self, at: usize, seen: Seen<'t>) -> Option<()> {
        let place = self.seen.get_mut(at)?;
        let is_first = matches!(place, Seen::Nothing);
        *place = seen;
        is_first.then_some(())
    }
}

/// What stands at a node below a list, without the members that nobody asks for.
fn part(nodes: &[Node], node: &Node, scan: &mut Scan<'_>) -> Option<Value> {
    match (scan.peek()?, node.elements) {
        _ if node.is_whole => scan.value(),
        (b'[', Some(at)) => {
            let below = nodes.get(at)?;
            let mut elements = Vec::new();
            scan.elements(|scan| {
                elements.push(part(nodes, below, scan)?);
                Some(())
            })?;
            Some(Value::Array(elements))
        }
        (b'{', _) => {
            let mut members = Map::new();
            scan.members(|scan, name| {
                let name = name.as_written()?;
                let Some(at) = node.child(name) else { return scan.skip() };
                let value = part(nodes, nodes.get(at)?, scan)?;
                members.insert(name.to_owned(), value);
                Some(())
            })?;
            Some(Value::Object(members))
        }
        _ => scan.value(),
    }
}

/// Whether a member is one of a resource's own, in whatever case, or one of documents that are no single resource.
pub fn is_not_plain(member: &str) -> bool {
    const NOT_PLAIN: [&str; 10] =
        ["id", "type", "name", "location", "tags", "properties", "apiVersion", "resources", "items", "resource_changes"];
    NOT_PLAIN.iter().chain(&ENVELOPE).any(|known| known.eq_ignore_ascii_case(member))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_glance_keeps_what_is_asked_for_and_no_more() {
        let source = json!({ "allOf": [
            { "field": "tags['a']", "exists": true },
            { "field": "A.B/c/x.y", "exists": true },
            { "count": { "field": "properties.l[*]", "where": { "field": "properties.l[*].v", "equals": 1 } }, "greater": 0 },
            { "count": { "field": "properties.m[*]" }, "greater": 0 },
        ]});
        let mut rules = [Rule::compile(&source, &BTreeSet::new()).unwrap()];
        let asking = Asking::of(&mut rules);
        let [rule] = &rules;
        assert!(rule.takes_glances());
        let text = r#"{"id": "/i", "type": "A.B/c", "name": "n", "tags": {"a": "\u0041", "b": "c"}, "etag": {"x": [1]},
            "properties": {"X": {"y": 1.5, "z": 2}, "l": [{"v": 1, "w": 2}, [3], null], "m": [{"v": 1}, "x"], "n": {}}}"#;
        let glance = asking.glance(text).unwrap();
        let kept: Vec<String> = glance
            .seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Text(text) => Some(text.to_string()),
                Seen::Value(value) => Some(value.to_string()),
                Seen::Nothing | Seen::Something => None,
            })
            .collect();
        assert_eq!(kept, ["A", "1.5", r#"[{"v":1},[3],null]"#, r#"[{},"x"]"#]);
        for other in [
            text.replace("\"etag\"", "\"Tags\""),
            text.replace("\"etag\"", "\"id\""),
            text.replace("\"b\"", "\"A\""),
            text.replace("\"n\": {}", "\"x\": {}"),
            text.replace("\"c\"}", "3}"),
            text.replace("2}, [3]", "2}, [3"),
            format!("{text} {{}}"),
        ] {
            assert!(asking.glance(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn rules_that_ask_for_more_than_members_take_no_glances() {
        for source in [
            json!({ "field": "tags", "exists": true }),
            json!({ "field": "properties", "exists": true }),
            json!({ "field": "scope", "exists": true }),
            json!({ "field": "[concat('tags.', 'a')]", "exists": true }),
            json!({ "value": "[subscription().id]", "exists": true }),
            json!({ "count": { "field": "properties.l[*]", "where": { "value": "[current()]", "equals": 1 } }, "greater": 0 }),
        ] {
            let mut rules = [Rule::compile(&source, &BTreeSet::new()).unwrap()];
            Asking::of(&mut rules);
            let [rule] = &rules;
            assert!(!rule.takes_glances(), "{source}");
        }
    }
}

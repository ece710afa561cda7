//! Whether a rule concerns a resource: what conditions on type, name and kind alone decide.

use skywarden_model::{Resource, Timestamp};

use crate::{
    Entry, Ground, Input, Outcome, Parameters, Truth,
    compile::{FieldOperand, Identity, Leaf, Node, Operand},
    evaluate::{Context, evaluate_leaf, node},
    expression::Expression,
    record::Record,
};

/// What it takes for conditions on type, name and kind alone to decide that a rule does not hold: that it does not concern a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// They never do: it concerns every resource.
    Every,
    /// One of those in front of an `allOf` does not hold.
    Head,
    Anywhere,
}

impl Concern {
    pub(crate) fn of(root: &Node) -> Self {
        let may_refute = |part: &Node| may_decide(part, Truth::False);
        match root {
            _ if !may_refute(root) => Self::Every,
            Node::AllOf(parts) if !parts.iter().skip_while(|part| identity(part).is_some()).any(may_refute) => Self::Head,
            _ => Self::Anywhere,
        }
    }
}

/// Whether conditions on type, name and kind alone may decide so; a list without conditions is decided whatever is known.
fn may_decide(root: &Node, truth: Truth) -> bool {
    match (root, truth) {
        (Node::AllOf(parts), Truth::False) | (Node::AnyOf(parts), Truth::True) => {
            parts.iter().any(|part| may_decide(part, truth))
        }
        (Node::AllOf(parts) | Node::AnyOf(parts), _) => parts.iter().all(|part| may_decide(part, truth)),
        (Node::Not(part), _) => may_decide(part, truth.negate()),
        (Node::Leaf(_), _) => identity(root).is_some(),
    }
}

/// The field of a condition on type, name or kind.
fn identity(part: &Node) -> Option<&FieldOperand> {
    let Node::Leaf(leaf) = part else { return None };
    match &leaf.operand {
        Operand::Field(field) if field.identity.is_some() => Some(field),
        _ => None,
    }
}

/// The verdict if only conditions on type, name and kind were known.
pub(crate) fn concerns<'i>(root: &'i Node, ground: Ground<'i>) -> Truth {
    concerned(root, &mut Context::new(ground), &is_identity)
}

/// What [`explain`](crate::evaluate::explain) says, unless conditions on type, name and kind alone decide that the rule does not hold.
pub(crate) fn explain_concerned<'i, E: From<Entry<'i>>>(
    root: &'i Node,
    concern: Concern,
    ground: Ground<'i>,
) -> Option<Outcome<E>> {
    let mut context = Context::new(ground);
    let mut record = Record::default();
    let truth = node(root, &mut context, Some(&mut record));
    let is_concerned = match (truth, concern) {
        // What holds concerns it.
        (Truth::True, _) | (_, Concern::Every) => true,
        // Of conditions that all have to hold one that does not decides, and the record has kept no other.
        (Truth::False, Concern::Head) => !heads(root).any(|field| record.begins_with(field)),
        _ => {
            context.begin_anew();
            concerned(root, &mut context, &is_identity) != Truth::False
        }
    };
    if is_concerned { Some(record.outcome(truth)) } else { None }
}

/// The fields of the conditions on type, name and kind in front of an `allOf`.
fn heads(root: &Node) -> impl Iterator<Item = &FieldOperand> {
    let parts = if let Node::AllOf(parts) = root { parts.as_slice() } else { &[] };
    parts.iter().map_while(identity)
}

fn is_identity(_: &Leaf, identity: Option<Identity>) -> bool {
    identity.is_some()
}

/// The verdict if only conditions on the type were known, of those that expect the same for every resource.
pub(crate) fn concerns_type(root: &Node, type_name: &str) -> Truth {
    let resource = Resource { type_name: type_name.into(), ..Resource::unknown() };
    let parameters = Parameters::new();
    let now = Timestamp::UNIX_EPOCH;
    let input = Input { resource: &resource, facts: None, parameters: &parameters, around: None, now };
    let is_known = |leaf: &Leaf, identity| identity == Some(Identity::Type) && matches!(leaf.expected, Expression::Literal(_));
    concerned(root, &mut Context::new(&input), &is_known)
}

fn concerned<'i>(root: &'i Node, context: &mut Context<'i>, is_known: &impl Fn(&Leaf, Option<Identity>) -> bool) -> Truth {
    let (parts, decider) = match root {
        Node::AllOf(parts) => (parts, Truth::False),
        Node::AnyOf(parts) => (parts, Truth::True),
        Node::Not(part) => return concerned(part, context, is_known).negate(),
        Node::Leaf(leaf) => {
            return match &leaf.operand {
                Operand::Field(field) if is_known(leaf, field.identity) => evaluate_leaf(leaf, context, None),
                _ => Truth::Unknown,
            };
        }
    };
    let mut undecided = decider.negate();
    for part in parts {
        match concerned(part, context, is_known) {
            truth if truth == decider => return decider,
            Truth::Unknown => undecided = Truth::Unknown,
            _ => {}
        }
    }
    undecided
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skywarden_model::Carried;

    use super::*;
    use crate::Rule;

    #[test]
    fn what_conditions_on_type_name_and_kind_may_decide_is_told_from_the_rule() {
        let kind = json!({ "field": "type", "equals": "A.B/c" });
        let name = json!({ "field": "name", "equals": "n" });
        let other = json!({ "field": "properties.a", "equals": 1 });
        let not = |rule: &serde_json::Value| json!({ "not": rule });
        let (all, any_of) = (|rules: &[_]| json!({ "allOf": rules }), |rules: &[_]| json!({ "anyOf": rules }));
        for (source, concern) in [
            (other.clone(), Concern::Every),
            (any_of(&[kind.clone(), other.clone()]), Concern::Every),
            (not(&all(&[name.clone(), other.clone()])), Concern::Every),
            (all(&[]), Concern::Every),
            (any_of(&[]), Concern::Anywhere),
            (kind.clone(), Concern::Anywhere),
            (all(&[kind.clone(), name.clone()]), Concern::Head),
            (all(&[kind.clone(), any_of(&[name.clone(), other.clone()])]), Concern::Head),
            (all(&[kind.clone(), not(&all(&[name.clone(), other.clone()]))]), Concern::Head),
            (all(&[kind.clone(), not(&any_of(&[name.clone(), other.clone()]))]), Concern::Anywhere),
            (all(&[other.clone(), kind.clone()]), Concern::Anywhere),
            (all(&[kind, any_of(&[])]), Concern::Anywhere),
        ] {
            let rule = Rule::compile(&source, &Default::default()).unwrap();
            assert_eq!(rule.concern, concern, "{source}");
        }
    }

    #[test]
    fn a_condition_behind_the_first_ones_decides_that_it_does_not_hold_and_not_that_it_does_not_concern() {
        let resource = Resource { type_name: "A.B/c".into(), name: "n".to_owned(), carried: Carried::All, ..Resource::unknown() };
        let parameters = Parameters::new();
        let input = Input { resource: &resource, facts: None, parameters: &parameters, around: None, now: Timestamp::UNIX_EPOCH };
        // A list without elements is noted nowhere: all that is noted is the name.
        let listed =
            json!({ "not": { "allOf": [{ "field": "name", "equals": "n" }, { "field": "properties.l[*]", "equals": 1 }] } });
        for (kind, is_concerned) in [("A.B/c", true), ("A.B/d", false)] {
            let source = json!({ "allOf": [{ "field": "type", "equals": kind }, listed] });
            let rule = Rule::compile(&source, &Default::default()).unwrap();
            assert_eq!((rule.concern, rule.truth(&input)), (Concern::Head, Truth::False));
            assert_eq!(rule.concerns(&input), is_concerned);
            let explained: Option<Outcome> = rule.explain_concerned(&input);
            assert_eq!(explained, is_concerned.then(|| rule.explain(&input)));
        }
    }
}

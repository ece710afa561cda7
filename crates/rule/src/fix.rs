//! A rule with the values of its parameters put in: what they decide is computed once, not for every resource.

use std::sync::OnceLock;

use serde_json::Value;
use skywarden_model::{Resource, Timestamp};

use crate::{
    Input, Parameters,
    compile::{Count, CountOver, Leaf, Node, Operand},
    evaluate::value,
    expression::Expression,
    function::Function,
    path::field_path,
};

/// The same condition for these parameters alone.
pub(crate) fn node(source: &Node, parameters: &Parameters) -> Node {
    let all = |parts: &[Node]| parts.iter().map(|part| node(part, parameters)).collect();
    match source {
        Node::AllOf(parts) => Node::AllOf(all(parts)),
        Node::AnyOf(parts) => Node::AnyOf(all(parts)),
        Node::Not(part) => Node::Not(Box::new(node(part, parameters))),
        Node::Leaf(leaf) => Node::Leaf(Box::new(Leaf {
            operand: operand(&leaf.operand, parameters),
            condition: leaf.condition,
            expected: expression(&leaf.expected, parameters),
            words: OnceLock::new(),
        })),
    }
}

fn operand(source: &Operand, parameters: &Parameters) -> Operand {
    match source {
        Operand::Field(field) => Operand::Field(field.way.path.clone().into()),
        Operand::FieldNamed(name) => {
            let name = expression(name, parameters);
            let path = match &name {
                Expression::Literal(Value::String(name)) => field_path(name).ok(),
                _ => None,
            };
            path.map_or(Operand::FieldNamed(name), |path| Operand::Field(path.into()))
        }
        Operand::Value(source) => Operand::Value(expression(source, parameters)),
        Operand::Count(count) => Operand::Count(Count {
            text: OnceLock::new(),
            over: match &count.over {
                CountOver::Field(way) => CountOver::Field(way.clone()),
                CountOver::Value { values, name } => {
                    CountOver::Value { values: expression(values, parameters), name: name.clone() }
                }
            },
            condition: count.condition.as_deref().map(|condition| Box::new(node(condition, parameters))),
        }),
    }
}

/// A part that fails stays as it is: it fails when it is asked for, which may be never.
fn expression(source: &Expression, parameters: &Parameters) -> Expression {
    let boxed = |inner: &Expression| Box::new(expression(inner, parameters));
    let is_literal = |part: &Expression| matches!(part, Expression::Literal(_));
    let (made, is_constant) = match source {
        Expression::Literal(_) | Expression::Field(_) | Expression::Innermost | Expression::Current(..) => {
            return source.clone();
        }
        Expression::Parameter(_) => (source.clone(), true),
        Expression::Member(inner, name) => {
            let inner = boxed(inner);
            let is_constant = is_literal(&inner);
            (Expression::Member(inner, name.clone()), is_constant)
        }
        Expression::Index(inner, index) => {
            let (inner, index) = (boxed(inner), boxed(index));
            let is_constant = is_literal(&inner) && is_literal(&index);
            (Expression::Index(inner, index), is_constant)
        }
        Expression::Call(function, arguments) => {
            let arguments: Vec<Expression> = arguments.iter().map(|argument| expression(argument, parameters)).collect();
            let is_constant = is_plain(*function) && arguments.iter().all(is_literal);
            (Expression::Call(*function, arguments), is_constant)
        }
    };
    if !is_constant {
        return made;
    }
    let nothing = Resource::unknown();
    let input = Input { resource: &nothing, facts: None, parameters, around: None, now: Timestamp::UNIX_EPOCH };
    match value(&made, &input) {
        Ok(Some(value)) => Expression::Literal(value),
        _ => made,
    }
}

/// Whether a function answers the same for the same arguments.
fn is_plain(function: Function) -> bool {
    !crate::around::is_around(function)
        && !matches!(function, Function::Field | Function::Current | Function::UtcNow | Function::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expression::parse;

    #[test]
    fn what_parameters_decide_is_a_literal_and_the_rest_stays() {
        let parameters = Parameters::from([("P".to_owned(), json!(["a", "B"]))]);
        for (text, literal) in [
            ("[parameters('p')]", Some(json!(["a", "B"]))),
            ("[toUpper(concat(parameters('p')[0], 'x'))]", Some(json!("AX"))),
            ("[parameters('none')]", None),
            ("[parameters('p')[7]]", None),
            ("[div(1, 0)]", None),
            ("[utcNow()]", None),
            ("[concat(field('name'), 'x')]", None),
        ] {
            let source = parse(&json!(text)).unwrap();
            match (expression(&source, &parameters), literal) {
                (Expression::Literal(value), Some(literal)) => assert_eq!(value, literal, "{text}"),
                (Expression::Literal(value), None) => panic!("{text}: {value}"),
                (_, None) => {}
                (made, _) => panic!("{text}: {made:?}"),
            }
        }
    }
}

//! The ways that a condition goes in a resource.

use crate::{
    around,
    compile::{CountOver, Node, Operand},
    expression::Expression,
    function::Function,
    path::Way,
};

/// What a condition wants of what a way leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It as it is.
    Value,
    /// How many there are.
    Number,
}

/// Calls `visit` with every way in a condition; whether the condition reads nothing else of a resource.
pub(crate) fn each(node: &mut Node, visit: &mut impl FnMut(&mut Way, Use)) -> bool {
    match node {
        Node::AllOf(parts) | Node::AnyOf(parts) => every(parts.iter_mut().map(|part| each(part, visit))),
        Node::Not(part) => each(part, visit),
        Node::Leaf(leaf) => {
            let operand = match &mut leaf.operand {
                Operand::Field(field) => {
                    visit(&mut field.way, Use::Value);
                    true
                }
                Operand::FieldNamed(_) => false,
                Operand::Value(expression) => of_expression(expression, visit),
                Operand::Count(count) => {
                    let over = match &mut count.over {
                        CountOver::Field(way) => {
                            visit(way, Use::Number);
                            true
                        }
                        CountOver::Value { values, .. } => of_expression(values, visit),
                    };
                    count.condition.as_deref_mut().is_none_or(|condition| each(condition, visit)) && over
                }
            };
            of_expression(&mut leaf.expected, visit) && operand
        }
    }
}

fn of_expression(expression: &mut Expression, visit: &mut impl FnMut(&mut Way, Use)) -> bool {
    match expression {
        Expression::Literal(_) | Expression::Parameter(_) => true,
        Expression::Field(way) => {
            visit(way, Use::Value);
            true
        }
        Expression::Current(_, way) => {
            if let Ok(way) = way {
                visit(way, Use::Value);
            }
            true
        }
        // What the innermost count stands on does not say its way.
        Expression::Innermost => false,
        Expression::Member(inner, _) => of_expression(inner, visit),
        Expression::Index(inner, index) => {
            let inner = of_expression(inner, visit);
            of_expression(index, visit) && inner
        }
        Expression::Call(function, arguments) => {
            let is_told = around::is_around(*function) || matches!(function, Function::Field | Function::Current);
            every(arguments.iter_mut().map(|argument| of_expression(argument, visit))) && !is_told
        }
    }
}

/// Whether all are true; each is looked at.
fn every(parts: impl Iterator<Item = bool>) -> bool {
    parts.fold(true, |all, part| all & part)
}

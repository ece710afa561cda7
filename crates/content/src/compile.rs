use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skywarden_rule::{CompileError, Rule};

use crate::{CompiledRule, NotKnown, ParameterDeclaration, Problem, UnknownIf, lint, load::File, source};

/// The conditions of a recommendation or baseline rule as they are written.
pub(crate) struct Conditions<'a> {
    pub(crate) applies_if: Option<&'a Value>,
    pub(crate) violated_if: &'a Value,
    pub(crate) unknown_if: &'a [UnknownIf],
}

/// The rule of a file, if each of its conditions is one.
pub(crate) fn compile(
    file: &File,
    conditions: &Conditions<'_>,
    declared: &BTreeMap<String, ParameterDeclaration>,
    problems: &mut Vec<Problem>,
) -> Option<CompiledRule> {
    let names: BTreeSet<String> = declared.keys().cloned().collect();
    let applies_if = match conditions.applies_if {
        Some(source) => Some(compile_one(file, "applies_if", source, &names, problems)?),
        None => None,
    };
    let violated_if = compile_one(file, "violated_if", conditions.violated_if, &names, problems)?;
    let mut unknown_if = Vec::with_capacity(conditions.unknown_if.len());
    for (place, own) in conditions.unknown_if.iter().enumerate() {
        let when = compile_one(file, &format!("unknown_if/{place}/when"), &own.when, &names, problems)?;
        unknown_if.push(NotKnown { because: own.because.trim().into(), when });
    }
    for (name, declaration) in declared {
        if let Err(message) = lint::parameter_value(declaration, &declaration.default) {
            problems.push(
                file.problem(&format!("/parameters/{}", source::step(name)), format!("the default of `{name}`: {message}")),
            );
        }
    }
    let parameters = declared.iter().map(|(name, declaration)| (name.clone(), declaration.default.clone())).collect();
    Some(CompiledRule { applies_if, violated_if, unknown_if, parameters })
}

/// The condition of a member, which may be a path below the file's top: `unknown_if/0/when`.
pub(crate) fn compile_one(
    file: &File,
    member: &str,
    source: &Value,
    declared: &BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    match Rule::compile(source, declared) {
        Ok(rule) => Some(rule),
        Err(errors) => {
            for CompileError { pointer, message, help } in errors {
                let mut problem = file.problem(&format!("/{member}{pointer}"), message);
                problem.help = help;
                problems.push(problem);
            }
            None
        }
    }
}

//! What must hold of a plan, and of what names one.

use std::collections::BTreeSet;

use super::suggestion;
use crate::{Catalog, PlanFile, PlanNeed, Problem, load::File};

/// Texts are there, no name stands twice, every size and type that is named exists.
pub(crate) fn plan(catalog: &Catalog, file: &File, plan: &PlanFile, problems: &mut Vec<Problem>) {
    for (pointer, text) in [("/title", &plan.title), ("/description", &plan.description)] {
        if text.trim().is_empty() {
            problems.push(file.problem(pointer, "this text is empty"));
        }
    }
    if plan.brings.is_empty() && plan.replaced_by.is_empty() {
        problems.push(file.problem("/brings", "a plan that no other has replaced brings something"));
    }
    match &plan.default_sub_plan {
        Some(own) => sizes(file, plan, std::slice::from_ref(own), "/default_sub_plan", problems),
        None if plan.sub_plans.is_empty() => {}
        None => {
            problems.push(file.problem("/sub_plans", "a plan that comes in sizes says with `default_sub_plan` which one holds"))
        }
    }
    for (place, feature) in plan.brings.iter().enumerate() {
        sizes(file, plan, &feature.sub_plans, &format!("/brings/{place}/sub_plans"), problems);
    }
    let mut seen = BTreeSet::new();
    for (place, extension) in plan.extensions.iter().enumerate() {
        if !seen.insert(extension.name.to_lowercase()) {
            let message = format!("the extension `{}` stands twice", extension.name);
            problems.push(file.problem(&format!("/extensions/{place}/name"), message));
        }
    }
    if let Some(resources) = &plan.resources {
        sizes(file, plan, &resources.sub_plans, "/resources/sub_plans", problems);
        for (place, type_name) in resources.types.iter().enumerate() {
            if !catalog.collectors.contains_key(type_name) {
                let message = format!("no collector knows the type `{type_name}`");
                let mut problem = file.problem(&format!("/resources/types/{place}"), message);
                problem.help = suggestion(type_name, catalog.collectors.keys().map(String::as_str));
                problems.push(problem);
            }
        }
    }
}

/// The plans that took a plan's place are there; looked at when all are.
pub(crate) fn successors(catalog: &Catalog, file: &File, plan: &PlanFile, problems: &mut Vec<Problem>) {
    for (place, other) in plan.replaced_by.iter().enumerate() {
        if !catalog.plans.contains_key(other) || *other == plan.id {
            let mut problem = file.problem(&format!("/replaced_by/{place}"), format!("there is no other plan `{other}`"));
            problem.help = suggestion(other, catalog.plans.keys().map(String::as_str));
            problems.push(problem);
        }
    }
}

/// The plan that something belongs to exists, with the sizes that are named.
pub(crate) fn plan_need(catalog: &Catalog, file: &File, need: Option<&PlanNeed>, problems: &mut Vec<Problem>) {
    let Some(need) = need else { return };
    match catalog.plans.get(&need.id) {
        Some(plan) => sizes(file, plan, &need.sub_plans, "/plan/sub_plans", problems),
        None => {
            let mut problem = file.problem("/plan/id", format!("there is no plan `{}`", need.id));
            problem.help = suggestion(&need.id, catalog.plans.keys().map(String::as_str));
            problems.push(problem);
        }
    }
}

fn sizes(file: &File, plan: &PlanFile, named: &[String], pointer: &str, problems: &mut Vec<Problem>) {
    for name in named {
        if !plan.sub_plans.contains(name) {
            let mut problem = file.problem(pointer, format!("the plan `{}` has no sub-plan `{name}`", plan.id));
            problem.help = suggestion(name, plan.sub_plans.iter().map(String::as_str));
            problems.push(problem);
        }
    }
}

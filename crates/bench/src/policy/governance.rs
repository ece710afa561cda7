//! Microsoft's benchmark over a tenant of 100,000 resources.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};
use skywarden_model::{Resource, Timestamp};
use skywarden_policy::{Assignment, ComplianceState, Definition, Estate, Governance, Initiative, Plan, Rollup, Scope};
use skywarden_rule::{Input, Parameters};
use skywarden_testkit::{
    published,
    tenant::{Mix, SUBSCRIPTIONS, account},
};

use crate::{
    measure::{median, memory_mb, peak_mb, timed},
    policy::RUNS,
};

const RESOURCES: usize = 100_000;

/// Resources that are changed, one by one.
const CHANGED: usize = 200;

const BENCHMARK: &str = "Microsoft cloud security benchmark";

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Prints what judging the tenant, one changed resource and one changed assignment takes.
pub(crate) fn tenant(folder: &Path) -> anyhow::Result<()> {
    let (mut governance, mix) = governance(folder)?;
    let before = memory_mb()?;
    let estate: Vec<Vec<Resource>> = (0..SUBSCRIPTIONS).map(|place| mix.subscription(place, RESOURCES / SUBSCRIPTIONS)).collect();
    let n_bytes: usize = estate.iter().flatten().map(|own| own.properties.to_string().len()).sum();
    println!(
        "{} resources of {} types in {SUBSCRIPTIONS} subscriptions, {} bytes of properties each: {} MB beside {before} MB",
        estate.iter().map(Vec::len).sum::<usize>(),
        mix.n_types(),
        n_bytes / RESOURCES,
        memory_mb()?.saturating_sub(before)
    );
    let (plan, cpu, _) = timed(|| governance.plan(NOW));
    println!(
        "{BENCHMARK}: {} definitions in force, {} not, put in force in {:.1} ms CPU",
        plan.len(),
        plan.unlinked.len(),
        cpu * 1e3
    );
    let mut times = Vec::with_capacity(RUNS);
    let mut judged = Judged::default();
    for _ in 0..RUNS {
        let (found, cpu, _) = timed(|| judge(&plan, estate.iter().flatten(), &estate.iter().flatten().collect()));
        judged = found;
        times.push(cpu);
    }
    println!(
        "{} resources judged in {:.2} s CPU; {} states with evidence: {:?}; resources by the state that prevails: {:?}",
        judged.n_resources,
        median(times),
        judged.states.values().sum::<usize>(),
        judged.states,
        judged.rollup.counts()
    );
    println!(
        "resident at most {} MB: all resources, all definitions, the index, the rollup; each state is dropped once it is counted",
        peak_mb()?
    );
    one_resource(&plan, &estate)?;
    one_assignment(&mut governance, &estate)
}

/// What judging gave.
#[derive(Default)]
struct Judged {
    n_resources: usize,
    states: BTreeMap<ComplianceState, usize>,
    rollup: Rollup,
}

fn judge<'r>(plan: &Plan<'_>, resources: impl Iterator<Item = &'r Resource>, estate: &Estate<'_>) -> Judged {
    let none = Parameters::new();
    let mut judged = Judged::default();
    for resource in resources.filter(|resource| plan.reaches(resource)) {
        let input = Input { resource, facts: None, parameters: &none, around: None, now: NOW };
        let states = plan.states(&input, estate);
        judged.rollup.add(&resource.id, &states);
        for state in &states {
            *judged.states.entry(state.state).or_default() += 1;
        }
        judged.n_resources += 1;
    }
    judged
}

/// One resource has changed: it is put into the index, and judged again with those that look at its type from where it lies.
fn one_resource(plan: &Plan<'_>, resources: &[Vec<Resource>]) -> anyhow::Result<()> {
    let mut estate: Estate<'_> = resources.iter().flatten().collect();
    let own = resources.get(SUBSCRIPTIONS / 2).context("there is no such subscription")?;
    let (mut worst, mut n_again) = (0.0_f64, 0);
    for changed in own.iter().take(CHANGED) {
        let mut times = Vec::with_capacity(RUNS);
        let mut again = 0;
        for _ in 0..RUNS {
            let (found, cpu, _) = timed(|| {
                estate.put(changed);
                let is_beside = |other: &&Resource| other.scope.resource_group == changed.scope.resource_group;
                let looking = own.iter().filter(is_beside).filter(|other| plan.looks_at(other, changed.type_name.as_str()));
                judge(plan, looking.chain([changed]), &estate)
            });
            again = found.n_resources;
            times.push(cpu);
        }
        (worst, n_again) = (worst.max(median(times)), n_again + again);
    }
    println!(
        "one changed resource of {CHANGED}, judged again with those that look at it ({:.1} on average): at most {:.3} ms CPU",
        n_again as f64 / CHANGED as f64,
        worst * 1e3
    );
    Ok(())
}

/// An assignment over one subscription is changed: what it says is found out anew where it is in force, and nowhere else.
fn one_assignment(governance: &mut Governance, estate: &[Vec<Resource>]) -> anyhow::Result<()> {
    let scope = format!("/subscriptions/{}", account(7));
    let id = governance.assignments().next().map(|own| own.definition_id.clone()).context("nothing is assigned")?;
    let changed = assignment(&scope, &id)?;
    let changed_id = changed.id.clone();
    governance.add_assignment(changed);
    let index: Estate<'_> = estate.iter().flatten().collect();
    let (judged, cpu, _) = timed(|| judge(&governance.plan_of(&changed_id, NOW), estate.iter().flatten(), &index));
    println!(
        "one changed assignment over one subscription: {} of {RESOURCES} resources judged again in {:.0} ms CPU",
        judged.n_resources,
        cpu * 1e3
    );
    Ok(())
}

/// The benchmark in force over the tenant, and what its policies are about. Documents that are not needed are not kept: what is
/// held is what a server would hold.
fn governance(folder: &Path) -> anyhow::Result<(Governance, Mix)> {
    let paths = published::paths(folder)?;
    let mut benchmarks = Vec::new();
    for path in &paths {
        let document = published::document(path)?;
        if document.pointer("/properties/displayName").is_some_and(|name| name == BENCHMARK) {
            benchmarks.push(document);
        }
    }
    let n_members = |document: &&Value| {
        let members = document.pointer("/properties/policyDefinitions").and_then(Value::as_array);
        members.map_or(0, Vec::len)
    };
    let found = benchmarks.iter().max_by_key(n_members).context("the benchmark is not among them")?;
    let initiative = Initiative::parse(found).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let mut governance = Governance::default();
    let mut read = Vec::new();
    for path in &paths {
        let document = published::document(path)?;
        let id = document.pointer("/id").and_then(Value::as_str).unwrap_or_default();
        let is_member = initiative.members.iter().any(|member| member.definition_id.eq_ignore_ascii_case(id));
        if document.pointer("/properties/policyRule").is_some() && is_member {
            read.push((Definition::parse(&document).map_err(|errors| anyhow::anyhow!("{errors:?}"))?, document));
        }
    }
    let mix = Mix::new(&read);
    for (definition, _) in read {
        governance.add_definition(definition);
    }
    let corp = Scope::ManagementGroup("corp".to_owned());
    for place in 0..SUBSCRIPTIONS {
        let put = governance.hierarchy.put(Scope::Subscription(account(place)), corp.clone());
        put.map_err(|problem| anyhow::anyhow!(problem))?;
    }
    governance.add_assignment(assignment("/providers/Microsoft.Management/managementGroups/corp", &initiative.id)?);
    governance.add_initiative(initiative);
    Ok((governance, mix))
}

fn assignment(scope: &str, definition_id: &str) -> anyhow::Result<Assignment> {
    let document = json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/policyAssignments/benchmark"),
        "properties": { "displayName": BENCHMARK, "policyDefinitionId": definition_id }
    });
    Assignment::parse(&document).map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

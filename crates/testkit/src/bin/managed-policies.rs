//! What AWS's own managed policies grant: reads a folder of `aws iam get-policy-version` answers, one file a policy, named by it.
//!
//! `cargo run -p skywarden-testkit --bin managed-policies -- FOLDER [--by-hand TABLE] [--write CONTENT]`
//!
//! Prints how many grant administrator and each way to escalate. `--by-hand` compares with a table that a person wrote and fails
//! where the two differ. `--write` writes `content/facts/aws/managedPolicies.yaml`; without it, the content that is there must say
//! the same, else it fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use skywarden_content::{Catalog, ManagedPolicies};
use skywarden_facts::{Knowledge, compute};
use skywarden_model::{Carried, FactSheet, Resource, Scope};

/// Columns of the table that a person wrote.
const HEADS: &str = "policy\tadministrator\tescalations\twildcards\tnote";

/// Widest line of the content file.
const WIDTH: usize = 130;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::read()?;
    let catalog = Catalog::embedded().map_err(|problems| format!("the content can't be loaded: {problems:?}"))?;
    let knowledge = Knowledge::from(&catalog);
    let policies = read_policies(&options.folder)?;
    let facts = grants(&policies, &knowledge.escalations);
    print_counts(&policies, &facts);
    if facts.values().any(|sheet| !sheet.unreadable.is_empty()) {
        return Err("what could not be decided must not be written down as granting nothing".into());
    }
    let table = tabulate(&policies, &facts, &knowledge.escalations);
    if let Some(path) = &options.write {
        fs::write(path, content(&table))?;
        println!("written: {}", path.display());
    } else {
        let known = knowledge.managed.ok_or("the content holds no `managed_policies`")?;
        if json!(known) != json!(table) {
            return Err("content/facts/aws/managedPolicies.yaml says something else; run this with --write".into());
        }
        println!("content/facts/aws/managedPolicies.yaml says the same");
    }
    match &options.by_hand {
        Some(path) => compare(path, &facts),
        None => Ok(()),
    }
}

struct Options {
    folder: PathBuf,
    by_hand: Option<PathBuf>,
    write: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut arguments = std::env::args().skip(1);
        let mut options =
            Self { folder: arguments.next().ok_or("name the folder of policies")?.into(), by_hand: None, write: None };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a path"))?;
            match name.as_str() {
                "--by-hand" => options.by_hand = Some(value.into()),
                "--write" => options.write = Some(value.into()),
                _ => return Err(format!("{name} is no option; there are --by-hand and --write")),
            }
        }
        Ok(options)
    }
}

struct Policy {
    created: String,
    document: Value,
}

fn read_policies(folder: &Path) -> Result<BTreeMap<String, Policy>, Box<dyn std::error::Error>> {
    let mut policies = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{} is no UTF-8", name.display()))?;
        let bytes = fs::read(entry.path())?;
        if bytes.is_empty() {
            println!("{name} is an empty file: nothing is known of it");
            continue;
        }
        let answer: Value = serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))?;
        let version = answer.get("PolicyVersion").ok_or_else(|| format!("{name} holds no PolicyVersion"))?;
        let document = version.get("Document").cloned().ok_or_else(|| format!("{name} holds no Document"))?;
        let created = version.get("CreateDate").and_then(Value::as_str).unwrap_or_default().to_owned();
        policies.insert(name, Policy { created, document });
    }
    Ok(policies)
}

type Ways<'a> = BTreeMap<&'a str, &'a [String]>;

/// The fact `permissions` of a customer policy with each document.
fn grants(policies: &BTreeMap<String, Policy>, ways: &Ways<'_>) -> BTreeMap<String, FactSheet> {
    let resources: Vec<Resource> = policies.iter().map(|(name, policy)| as_customer_policy(name, &policy.document)).collect();
    let knowledge = Knowledge { escalations: ways.clone(), ..Knowledge::default() };
    let facts = compute(&resources, &[], knowledge);
    facts.into_iter().map(|(id, sheet)| (id.to_string(), sheet)).collect()
}

fn as_customer_policy(name: &str, document: &Value) -> Resource {
    Resource {
        id: name.into(),
        type_name: "AWS::IAM::Policy".into(),
        name: name.to_owned(),
        scope: Scope { connector: "aws".into(), account: "123456789012".into(), resource_group: "global".into() },
        location: None,
        tags: BTreeMap::new(),
        envelope: Default::default(),
        properties: json!({ "PolicyVersionList": [{ "IsDefaultVersion": true, "Document": document }] }),
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

fn fact<'a>(sheet: &'a FactSheet, field: &str) -> Option<&'a Value> {
    sheet.field("permissions", field)
}

fn texts(sheet: &FactSheet, field: &str) -> BTreeSet<String> {
    let list = fact(sheet, field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_administrator(sheet: &FactSheet) -> bool {
    fact(sheet, "administrator") == Some(&Value::Bool(true))
}

fn print_counts(policies: &BTreeMap<String, Policy>, facts: &BTreeMap<String, FactSheet>) {
    let undecided: Vec<&str> =
        facts.iter().filter(|(_, sheet)| !sheet.unreadable.is_empty()).map(|(name, _)| name.as_str()).collect();
    let administrators: Vec<&str> =
        facts.iter().filter(|(_, sheet)| is_administrator(sheet)).map(|(name, _)| name.as_str()).collect();
    let mut ways: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_escalating = 0;
    for sheet in facts.values() {
        let found = texts(sheet, "escalations");
        n_escalating += usize::from(!found.is_empty());
        for way in found {
            *ways.entry(way).or_default() += 1;
        }
    }
    let n_whole = facts.values().filter(|sheet| !texts(sheet, "serviceWildcards").is_empty()).count();
    println!("{} policies parsed, {} could not be decided {undecided:?}", policies.len(), undecided.len());
    println!("{} grant administrator: {}", administrators.len(), administrators.join(", "));
    println!("{n_escalating} grant a way to become administrator");
    for (way, n) in ways {
        println!("  {n:>4} {way}");
    }
    println!("{n_whole} allow every action of a service on everything");
}

/// What the content file says of these policies.
fn tabulate(policies: &BTreeMap<String, Policy>, facts: &BTreeMap<String, FactSheet>, ways: &Ways<'_>) -> ManagedPolicies {
    const PASS_ROLE: &str = "iam:PassRole";
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut receivers = BTreeSet::new();
    for way in ways.values() {
        let others = || way.iter().filter(|action| *action != PASS_ROLE);
        asked.extend(others().map(|action| (action.clone(), vec![action.clone()])));
        if let Some(service) =
            others().next().and_then(|action| action.split(':').next()).filter(|_| others().count() < way.len())
        {
            // That the receiver may do something is added to each document below.
            let passing = vec![PASS_ROLE.to_owned(), format!("{service}:Receive")];
            asked.insert(format!("{PASS_ROLE} to {service}.amazonaws.com"), passing);
            receivers.insert(format!("{service}:Receive"));
        }
    }
    let about: BTreeSet<String> = asked.keys().cloned().collect();
    // Each action as a way of its own: then the fact tells which are allowed.
    let singly: Ways<'_> = asked.iter().map(|(name, actions)| (name.as_str(), actions.as_slice())).collect();
    let receive = json!({"Effect": "Allow", "Action": receivers, "Resource": "*"});
    let allowed = grants(&with_statement(policies, &receive, |_| true), &singly);
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let despite = grants(&with_statement(policies, &all, |own| own.get("Effect") == Some(&json!("Deny"))), &singly);
    let mut table = ManagedPolicies {
        as_of: policies.values().filter_map(|policy| policy.created.get(..10)).max().unwrap_or_default().to_owned(),
        about: about.iter().cloned().collect(),
        allow: BTreeMap::new(),
        deny: BTreeMap::new(),
        neither: Vec::new(),
    };
    for (name, sheet) in facts {
        let allow: Vec<String> = if is_administrator(sheet) {
            vec!["*".to_owned()]
        } else {
            let single = allowed.get(name).map(|sheet| texts(sheet, "escalations")).unwrap_or_default();
            let whole = texts(sheet, "serviceWildcards");
            let wide = whole.iter().map(|service| if service == "*" { "*".to_owned() } else { format!("{service}:*") });
            let is_covered = |action: &String| action.split(':').next().is_some_and(|service| whole.contains(service));
            single.iter().filter(|action| !is_covered(action)).cloned().chain(wide).collect()
        };
        let left = despite.get(name).map(|sheet| texts(sheet, "escalations")).unwrap_or_default();
        let deny: Vec<String> = if left.is_empty() { vec!["*".to_owned()] } else { about.difference(&left).cloned().collect() };
        if allow.is_empty() && deny.is_empty() {
            table.neither.push(name.clone());
        }
        if !allow.is_empty() {
            table.allow.insert(name.clone(), allow);
        }
        if !deny.is_empty() {
            table.deny.insert(name.clone(), deny);
        }
    }
    table
}

/// The policies with one more statement beside those of their own that are kept.
fn with_statement(
    policies: &BTreeMap<String, Policy>,
    added: &Value,
    is_kept: impl Fn(&Value) -> bool,
) -> BTreeMap<String, Policy> {
    let change = |(name, policy): (&String, &Policy)| {
        let mut document = policy.document.clone();
        if let Some(statements) = document.get_mut("Statement") {
            let own = if let Value::Array(listed) = statements { listed.clone() } else { vec![statements.take()] };
            *statements = own.into_iter().filter(&is_kept).chain([added.clone()]).collect();
        }
        (name.clone(), Policy { created: policy.created.clone(), document })
    };
    policies.iter().map(change).collect()
}

fn content(table: &ManagedPolicies) -> String {
    let mut text = String::from(
        "# Written by `cargo run -p skywarden-testkit --bin managed-policies -- FOLDER --write FILE`.\n\
         id: managedPolicies\n\
         description: >-\n  \
           What AWS's own managed policies allow and deny of the actions by which one becomes administrator, and the services that\n  \
           they open whole. The fact permissions rests on it; no resource has this one.\n\
         managed_policies:\n",
    );
    let _ = writeln!(text, "  as_of: '{}'", table.as_of);
    list(&mut text, "  about", &table.about);
    for (key, policies) in [("allow", &table.allow), ("deny", &table.deny)] {
        let _ = writeln!(text, "  {key}:");
        for (name, actions) in policies {
            list(&mut text, &format!("    {name}"), actions);
        }
    }
    list(&mut text, "  neither", &table.neither);
    text
}

/// A list in brackets, broken where a line would get too wide.
fn list(text: &mut String, key: &str, items: &[String]) {
    let quoted: Vec<String> =
        items.iter().map(|item| if item.contains([':', '*']) { format!("'{item}'") } else { item.clone() }).collect();
    let short = format!("{key}: [{}]", quoted.join(", "));
    if short.len() <= WIDTH {
        let _ = writeln!(text, "{short}");
        return;
    }
    let indent = " ".repeat(key.len() - key.trim_start().len() + 2);
    let _ = writeln!(text, "{key}:");
    let mut line = format!("{indent}[");
    for (position, item) in quoted.iter().enumerate() {
        let end = if position + 1 == quoted.len() { "]" } else { "," };
        if line.len() + item.len() + 2 > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = format!("{indent} ");
        }
        line.push_str(item);
        line.push_str(end);
        line.push(' ');
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

/// Holds what a person read in the documents against the facts.
fn compare(path: &Path, facts: &BTreeMap<String, FactSheet>) -> Result<(), Box<dyn std::error::Error>> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADS) {
        return Err(format!("{} does not begin with the heads {HEADS:?}", path.display()).into());
    }
    let (mut n_same, mut n_other) = (0, 0);
    for line in lines {
        let [policy, administrator, escalations, wildcards, _] = line.splitn(5, '\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{}: `{line}` has not five columns", path.display()).into());
        };
        let sheet = facts.get(policy).ok_or_else(|| format!("{}: there is no policy {policy}", path.display()))?;
        let joined = |field: &str| match texts(sheet, field) {
            names if names.is_empty() => "-".to_owned(),
            names => names.into_iter().collect::<Vec<_>>().join(","),
        };
        let found =
            [if is_administrator(sheet) { "yes" } else { "no" }.to_owned(), joined("escalations"), joined("serviceWildcards")];
        if found == [administrator, escalations, wildcards] {
            n_same += 1;
        } else {
            n_other += 1;
            println!("{policy}\n  by hand {administrator} | {escalations} | {wildcards}\n  ours    {}", found.join(" | "));
        }
    }
    println!("read by hand: {n_same} the same, {n_other} differ");
    if n_other > 0 { Err("the facts differ from what a person read".into()) } else { Ok(()) }
}

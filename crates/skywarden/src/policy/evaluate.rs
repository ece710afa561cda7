//! `skywarden policy evaluate`: definitions on what is about to be made.

use std::{fs, io::Read as _, path::Path};

use anyhow::Context as _;
use comfy_table::Cell;
use serde_json::{Value, json, value::RawValue};
use skywarden_content::Source;
use skywarden_model::Timestamp;
use skywarden_policy::{
    Answer, Bound, Change, CompileError, Decision, Definition, Panel, PanelRuling, requested, written_values,
};
use skywarden_rule::Parameters;

use crate::{
    Ending,
    arguments::{Evaluate, PolicyFormat},
    output::{found, new_table, text_for_terminal},
};

/// A file (a plan may be long) is at most this long.
const MAX_BYTES: u64 = 256 << 20;

/// Characters of one text in the table.
const MAX_CELL: usize = 300;

/// `skywarden policy evaluate`.
pub(super) fn run(evaluate: &Evaluate) -> anyhow::Result<Ending> {
    let mut definitions = Vec::with_capacity(evaluate.definition.len());
    for path in &evaluate.definition {
        let (source, document) = document(path)?;
        definitions.push(Definition::parse(&document).map_err(|errors| refused(path, &errors, Some(&source)))?);
    }
    let given = match &evaluate.parameters {
        Some(path) => parameters(path)?,
        None => Parameters::new(),
    };
    if let Some((name, path)) = undeclared(&definitions, &given).zip(evaluate.parameters.as_ref()) {
        anyhow::bail!("{}: none of the definitions declares the parameter `{name}`", path.display());
    }
    let mut bound: Vec<Bound<'_>> = Vec::with_capacity(definitions.len());
    for (definition, path) in definitions.iter().zip(&evaluate.definition) {
        // Of several definitions each takes what it declares; one alone must know all that is given.
        let values = if definitions.len() == 1 { given.clone() } else { declared(definition, &given) };
        bound.push(definition.bind(&values).map_err(|errors| refused(path, &errors, None))?);
    }
    let path = &evaluate.resource;
    let panel = Panel::new(bound);
    let rulings = rulings(&panel, path)?;
    anyhow::ensure!(!rulings.is_empty(), "{} makes nothing that a policy could be asked about", path.display());
    match evaluate.format {
        PolicyFormat::Table => table(&panel, &rulings),
        PolicyFormat::Json => println!("{}", serde_json::to_string_pretty(&as_json(&panel, &rulings))?),
    }
    let is_denied = rulings.iter().any(PanelRuling::is_denied);
    Ok(if is_denied { Ending::Threshold } else { Ending::Done })
}

/// A value that, of several definitions, none asks for; one alone tells so itself.
fn undeclared<'g>(definitions: &[Definition], given: &'g Parameters) -> Option<&'g String> {
    let is_declared =
        |name: &&String| definitions.iter().any(|own| own.parameters.keys().any(|known| known.eq_ignore_ascii_case(name)));
    given.keys().filter(|_| definitions.len() > 1).find(|name| !is_declared(name))
}

fn declared(definition: &Definition, given: &Parameters) -> Parameters {
    let is_own = |name: &String| definition.parameters.keys().any(|known| known.eq_ignore_ascii_case(name));
    given.iter().filter(|(name, _)| is_own(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What becomes of everything that a file asks for. A plan may be long, so JSON is read without the places in it.
fn rulings(panel: &Panel<'_>, path: &Path) -> anyhow::Result<Vec<PanelRuling>> {
    let now = Timestamp::now();
    let is_json = path.extension().is_none_or(|extension| extension == "json");
    let resources = if is_json {
        let text = read(path)?;
        let text = text.trim_start_matches('\u{feff}');
        if let Some(rulings) = ruled_one_by_one(panel, text, now) {
            return Ok(rulings);
        }
        let document: Value = serde_json::from_str(text)
            .map_err(|error| anyhow::anyhow!("{}:{}:{}: it is no JSON: {error}", path.display(), error.line(), error.column()))?;
        requested(&document).map_err(|errors| refused(path, &errors, None))?
    } else {
        let (source, document) = document(path)?;
        requested(&document).map_err(|errors| refused(path, &errors, Some(&source)))?
    };
    Ok(resources.iter().map(|resource| panel.rule(resource, None, now)).collect())
}

/// The same of one resource of ARM or a list of them, whose texts need not be read whole; `None` if it is something else.
fn ruled_one_by_one(panel: &Panel<'_>, text: &str, now: Timestamp) -> Option<Vec<PanelRuling>> {
    let one = |text: &str| panel.rule_text(text, None, now).ok();
    if !text.trim_start().starts_with('[') {
        return one(text).map(|ruling| vec![ruling]);
    }
    let listed: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    listed.into_iter().map(|element| one(element.get())).collect()
}

/// A YAML or JSON file with the places in it.
fn document(path: &Path) -> anyhow::Result<(Source, Value)> {
    let text = read(path)?;
    let source = Source::parse(&text)
        .map_err(|error| anyhow::anyhow!("{}:{}:{}: {}", path.display(), error.line, error.column, error.message))?;
    let value = source.value.clone();
    Ok((source, value))
}

/// Values by name, from a file.
fn parameters(path: &Path) -> anyhow::Result<Parameters> {
    let (_, document) = document(path)?;
    written_values(&document).with_context(|| format!("{} holds no object of parameters", path.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path).with_context(|| format!("could not read {}", path.display()))?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).with_context(|| format!("could not read {}", path.display()))?;
    let is_short = u64::try_from(text.len()).is_ok_and(|length| length <= MAX_BYTES);
    anyhow::ensure!(is_short, "{} is longer than {MAX_BYTES} bytes", path.display());
    Ok(text)
}

/// Mistakes of a file, a line each with its place.
fn refused(path: &Path, errors: &[CompileError], source: Option<&Source>) -> anyhow::Error {
    let mut lines = Vec::new();
    for error in errors {
        let place = match source {
            Some(source) => {
                let (line, column) = source.place(&error.pointer);
                format!("{}:{line}:{column}", path.display())
            }
            None => format!("{}{}", path.display(), error.pointer),
        };
        lines.push(format!("{place}: {}", error.message));
        lines.extend(error.help.iter().map(|help| format!("    help: {help}")));
    }
    anyhow::anyhow!("{}", lines.join("\n"))
}

fn table(panel: &Panel<'_>, rulings: &[PanelRuling]) {
    for ruling in rulings {
        println!("{} {}: {}", ruling.type_name, text_for_terminal(&ruling.id, MAX_CELL), in_a_word(ruling));
        let mut table = new_table(&["Definition", "Effect", "Answer", "Because"]);
        for (own, decision) in panel.definitions().iter().zip(&ruling.decisions) {
            table.add_row(vec![
                Cell::new(text_for_terminal(&own.definition.display_name, MAX_CELL)),
                Cell::new(decision.effect),
                Cell::new(answer(&decision.answer)),
                Cell::new(because(decision).iter().map(|line| text_for_terminal(line, MAX_CELL)).collect::<Vec<_>>().join("\n")),
            ]);
        }
        println!("{table}\n");
    }
}

fn in_a_word(ruling: &PanelRuling) -> &'static str {
    let has = |wanted: fn(&Answer) -> bool| ruling.decisions.iter().any(|decision| wanted(&decision.answer));
    if ruling.is_denied() {
        "it would be denied"
    } else if has(|answer| matches!(answer, Answer::Undecided(_))) {
        "it can't be told yet"
    } else if has(|answer| matches!(answer, Answer::Changed(_))) {
        "it would be changed"
    } else if has(|answer| matches!(answer, Answer::Audited)) {
        "it would be let in and marked as not compliant"
    } else {
        "it would be let in"
    }
}

fn answer(answer: &Answer) -> &'static str {
    match answer {
        Answer::Allowed => "allowed",
        Answer::Denied(_) => "denied",
        Answer::Changed(_) => "changed",
        Answer::Audited => "marked",
        Answer::Later => "later",
        Answer::Undecided(_) => "undecided",
        Answer::NotEvaluated => "not evaluated",
    }
}

fn because(decision: &Decision) -> Vec<String> {
    match &decision.answer {
        Answer::Denied(Some(why)) => vec![why.clone()],
        Answer::Changed(changes) => changes.iter().map(change).collect(),
        Answer::Undecided(unknown) => unknown.iter().map(|own| format!("{}: {}", own.field, own.reason.message)).collect(),
        Answer::Later => vec!["a related resource is looked for once it exists".to_owned()],
        Answer::Denied(None) | Answer::Audited => decision.evidence.iter().map(found).collect(),
        Answer::Allowed | Answer::NotEvaluated => Vec::new(),
    }
}

fn change(change: &Change) -> String {
    let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    format!("{}: {} becomes {}", change.field, text(&change.before), text(&change.after))
}

fn as_json(panel: &Panel<'_>, rulings: &[PanelRuling]) -> Value {
    let decision = |own: &Bound<'_>, decision: &Decision| {
        let changes: Vec<Value> = match &decision.answer {
            Answer::Changed(changes) => changes
                .iter()
                .map(|change| json!({ "field": change.field, "before": change.before, "after": change.after }))
                .collect(),
            _ => Vec::new(),
        };
        json!({
            "definition": own.definition.id,
            "displayName": own.definition.display_name,
            "effect": decision.effect.name(),
            "answer": answer(&decision.answer),
            "because": because(decision),
            "changes": changes,
            "evidence": decision.evidence,
        })
    };
    let ruling = |ruling: &PanelRuling| {
        let decided = panel.definitions().iter().zip(&ruling.decisions);
        let decisions: Vec<Value> = decided.map(|(own, made)| decision(own, made)).collect();
        json!({
            "resource": ruling.id,
            "type": ruling.type_name,
            "denied": ruling.is_denied(),
            "summary": in_a_word(ruling),
            "decisions": decisions,
        })
    };
    rulings.iter().map(ruling).collect()
}

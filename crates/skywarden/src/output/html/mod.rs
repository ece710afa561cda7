//! Reports in one HTML file that needs no network: of a scan, and of one standard.
//!
//! What is read first is plain HTML; the list of assessments is drawn from compact JSON at the end of the file.

mod charts;
mod data;
mod escape;
mod sections;
mod tree;

use std::io::Write;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use skywarden_content::{Catalog, StandardFile};
use skywarden_model::Timestamp;
use skywarden_posture::{Reported, Standards};

use self::escape::escaped;
use skywarden_report::{StandardReport, standard_report};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the report of a scan.
pub(crate) fn write(catalog: &Catalog, assessed: &Reported, out: &mut dyn Write) -> anyhow::Result<()> {
    let known = Standards::of(catalog);
    let is_concerned = |file: &&StandardFile| file.environments.iter().any(|environment| has_environment(assessed, environment));
    let standards: Vec<StandardReport<'_>> = known
        .files()
        .filter(is_concerned)
        .filter_map(|file| standard_report(&known, &file.id, &assessed.assessments, &assessed.coverage))
        .collect();
    begin(out, "Skywarden report", Script::Page)?;
    write!(out, "{}", sections::header(assessed))?;
    writeln!(out, "<main>")?;
    write!(out, "{}", sections::score(catalog, assessed))?;
    write!(out, "{}", sections::unread(assessed))?;
    write!(out, "{}", sections::controls(&assessed.score))?;
    write!(out, "{}", sections::recommendations(catalog, assessed))?;
    write!(out, "{}", tree::standards(&standards))?;
    write!(out, "{}", sections::assessments(assessed))?;
    writeln!(out, "</main>\n{}", sections::detail())?;
    write!(out, "<script type=\"application/json\" id=\"data\">")?;
    write_embedded(&data::compact(catalog, assessed)?, out)?;
    writeln!(out, "</script>\n<script>{SCRIPT}</script>\n</body>\n</html>")?;
    Ok(())
}

/// Writes the report of one standard.
pub(crate) fn write_standard(report: &StandardReport<'_>, at: Option<Timestamp>, out: &mut dyn Write) -> anyhow::Result<()> {
    begin(out, report.title, Script::None)?;
    write!(out, "{}{}</main>\n</body>\n</html>\n", sections::standard_header(report, at), tree::whole(report))?;
    Ok(())
}

fn has_environment(assessed: &Reported, environment: &str) -> bool {
    let is_of =
        |type_name: &str| super::joined::environment(type_name).to_string().eq_ignore_ascii_case(environment_name(environment));
    assessed.resources.iter().any(|resource| is_of(resource.type_name.as_str()))
        || assessed.coverage.iter().any(|entry| is_of(entry.type_name.as_str()))
}

/// Standards say `host` where the model says `OnPremise`.
fn environment_name(standard: &str) -> &str {
    if standard == "host" { "OnPremise" } else { standard }
}

/// Whether the page runs our script; nothing else may run in it.
enum Script {
    Page,
    None,
}

fn begin(out: &mut dyn Write, title: &str, script: Script) -> anyhow::Result<()> {
    let script_source = match script {
        Script::Page => source_hash(SCRIPT),
        Script::None => "'none'".to_owned(),
    };
    // Hashes, so that no markup that might slip in can bring a script or a style of its own, or load anything.
    let policy = format!(
        "default-src 'none'; script-src {script_source}; style-src {}; base-uri 'none'; form-action 'none'",
        source_hash(STYLE)
    );
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        escaped(title)
    )?;
    Ok(())
}

fn source_hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Writes JSON into a script element: without `<`, nothing in it can end the element or begin another.
fn write_embedded(value: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    out.write_all(text.replace('<', "\\u003c").as_bytes())?;
    Ok(())
}

//! Compliance as a tree of sections and controls that open and close.

use skywarden_model::Attestation;
use skywarden_report::{CheckEntry, ControlEntry, ControlState, StandardReport, StandardSummary, words};

use super::{
    charts::{Part, legend, stacked},
    escape::{escaped, number},
};

/// Where the tree stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the report of a scan: closed, its checks lead to the list of assessments.
    Scan,
    /// In a report of its own: what did not pass is open, and there is no list to lead to.
    Own,
}

/// Every standard, closed, with its share of passed controls.
pub(super) fn standards(reports: &[StandardReport<'_>]) -> String {
    if reports.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section id=\"compliance\"><h2>Compliance</h2>\n");
    for report in reports {
        html.push_str("<details class=\"standard\"><summary>");
        html.push_str(&format!("<span class=\"name\">{}</span>", escaped(report.title)));
        html.push_str(&format!("<span class=\"share\">{}</span>", share(&report.summary)));
        html.push_str(&stacked(&parts(&report.summary), &format!("Controls of {} by state", report.title)));
        html.push_str("</summary>\n");
        html.push_str(&legend(&parts(&report.summary)));
        html.push_str(&tree(report, Place::Scan));
        html.push_str("</details>\n");
    }
    html.push_str("</section>\n");
    html
}

/// One standard with everything open that did not pass.
pub(super) fn whole(report: &StandardReport<'_>) -> String {
    format!("<section id=\"controls\"><h2>Controls</h2>\n{}</section>\n", tree(report, Place::Own))
}

/// The states of a standard's controls as parts of a bar.
pub(super) fn parts(summary: &StandardSummary) -> [Part<'static>; 6] {
    [
        Part { value: summary.passed, class: "healthy", label: "passed" },
        Part { value: summary.failed, class: "unhealthy", label: "failed" },
        Part { value: summary.unknown, class: "unknown", label: "unknown" },
        Part { value: summary.manual, class: "manual", label: "manual" },
        Part { value: summary.not_covered, class: "uncovered", label: "not covered" },
        Part { value: summary.not_applicable, class: "not-applicable", label: "not applicable" },
    ]
}

/// `62 % of judged controls passed`, and how many are unknown.
pub(super) fn share(summary: &StandardSummary) -> String {
    let passed = match summary.percentage {
        Some(ratio) => format!("{:.0} % passed", ratio * 100.0),
        None => "nothing judged".to_owned(),
    };
    if summary.unknown > 0 { format!("{passed}, {} unknown", number(summary.unknown)) } else { passed }
}

fn tree(report: &StandardReport<'_>, place: Place) -> String {
    let mut html = String::from("<div class=\"tree\">\n");
    for control in &report.controls {
        push_control(&mut html, control, place);
    }
    html.push_str("</div>\n");
    html
}

fn push_control(html: &mut String, control: &ControlEntry, place: Place) {
    let is_section = !control.controls.is_empty();
    let has_more = is_section || !control.checks.is_empty() || control.manual.is_some() || !control.attestations.is_empty();
    let head = format!(
        "<span class=\"number\">{}</span><span class=\"name\">{}</span>{}{}",
        escaped(&control.id),
        escaped(&control.title),
        resources(control),
        if control.is_attested() && !is_section {
            format!("<span class=\"resources\">attested</span>{}", badge(control.state))
        } else {
            badge(control.state)
        }
    );
    if !has_more {
        html.push_str(&format!("<div class=\"control leaf\">{head}</div>\n"));
        return;
    }
    let is_open = place == Place::Own && matches!(control.state, ControlState::Failed | ControlState::Unknown);
    let open = if is_open { " open" } else { "" };
    let part = if is_section { " part" } else { "" };
    html.push_str(&format!("<details class=\"control{part}\"{open}><summary>{head}</summary>\n"));
    if let Some(manual) = &control.manual {
        html.push_str(&format!("<p class=\"manual\">By hand: {}</p>\n", escaped(manual)));
    }
    push_attestations(html, &control.attestations);
    push_checks(html, &control.checks, place);
    for below in &control.controls {
        push_control(html, below, place);
    }
    html.push_str("</details>\n");
}

fn resources(control: &ControlEntry) -> String {
    let mut words = Vec::new();
    for (count, word) in [(control.failed, "unhealthy"), (control.unknown, "unknown"), (control.passed, "healthy")] {
        if count > 0 {
            words.push(format!("{} {word}", number(count)));
        }
    }
    format!("<span class=\"resources\">{}</span>", words.join(", "))
}

fn push_attestations(html: &mut String, attestations: &[Attestation]) {
    for attestation in attestations {
        let expires = attestation.expires_at.map(|end| format!(", until {end:.0}")).unwrap_or_default();
        html.push_str(&format!(
            "<div class=\"manual\"><p><b>Attested {} on {} by {}, for the {}{expires}</b></p>",
            words::of_attested(attestation.state),
            attestation.assessed_on,
            escaped(&attestation.created_by),
            escaped(&words::of_scope(&attestation.scope)),
        ));
        for line in attestation.evidence.text.lines() {
            html.push_str(&format!("<p>{}</p>", escaped(line)));
        }
        for link in &attestation.evidence.links {
            html.push_str(&format!("<p><a href=\"{0}\">{0}</a></p>", escaped(link)));
        }
        html.push_str("</div>\n");
    }
}

fn push_checks(html: &mut String, checks: &[CheckEntry], place: Place) {
    if checks.is_empty() {
        return;
    }
    html.push_str(
        "<table class=\"checks\"><thead><tr><th>Check</th><th>Severity</th><th class=\"n\">Unhealthy</th>\
         <th class=\"n\">Unknown</th><th class=\"n\">Healthy</th></tr></thead><tbody>\n",
    );
    for check in checks {
        let title = match place {
            Place::Scan => link(&check.id, &check.title),
            Place::Own => escaped(&check.title),
        };
        html.push_str(&format!(
            "<tr><td>{title}</td><td data-label=\"Severity\">{}</td>\
             <td class=\"n\" data-label=\"Unhealthy\">{}</td><td class=\"n\" data-label=\"Unknown\">{}</td>\
             <td class=\"n\" data-label=\"Healthy\">{}</td></tr>\n",
            check.severity.map(|severity| severity.to_string()).unwrap_or_default(),
            number(check.counts.unhealthy),
            number(check.counts.unknown),
            number(check.counts.healthy),
        ));
    }
    html.push_str("</tbody></table>\n");
}

/// A link to the assessments of a recommendation or a baseline rule; page.js filters the list when it is followed.
pub(super) fn link(id: &str, title: &str) -> String {
    format!("<a href=\"#assessments\" data-recommendation=\"{}\">{}</a>", escaped(id), escaped(title))
}

fn badge(state: ControlState) -> String {
    let class = match state {
        ControlState::Passed => "healthy",
        ControlState::Failed => "unhealthy",
        ControlState::Unknown => "unknown",
        ControlState::Manual => "manual",
        ControlState::NotCovered => "uncovered",
        ControlState::NotApplicable => "not-applicable",
    };
    format!("<span class=\"badge {class}\">{}</span>", state.word())
}

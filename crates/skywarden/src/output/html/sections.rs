//! The parts of the report that are read first.

use std::collections::BTreeMap;

use skywarden_content::Catalog;
use skywarden_model::{SecureScore, Severity, Status, Timestamp};
use skywarden_posture::{CheckCounts, Reported, Standards, check_counts};

use skywarden_report::StandardReport;

use crate::output::{coverage_problems, percent};

use super::{
    charts::{Part, legend, range, ring, stacked},
    escape::{escaped, number},
    tree,
};

/// Worst first.
const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

/// What was assessed, and when.
pub(super) fn header(assessed: &Reported) -> String {
    let accounts: Vec<String> = assessed.scores.keys().map(|(connector, account)| format!("{connector} {account}")).collect();
    let shown = match accounts.as_slice() {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", number(rest.len() as u64))
        }
        few => few.join(", "),
    };
    let links = [
        ("score", "Score"),
        ("controls", "Controls"),
        ("recommendations", "Recommendations"),
        ("compliance", "Compliance"),
        ("assessments", "Assessments"),
    ];
    let links: String = links.iter().map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    format!(
        "<header><h1>Skywarden report</h1><p>{} · {} resources · as of {}</p><nav aria-label=\"Parts\">{links}</nav></header>\n",
        escaped(&shown),
        number(assessed.resources.len() as u64),
        instant(assessed.taken_at)
    )
}

/// Of the report of one standard; opens the element `main`.
pub(super) fn standard_header(report: &StandardReport<'_>, at: Option<Timestamp>) -> String {
    let at = at.map(|at| format!(" · as of {}", instant(at))).unwrap_or_default();
    let (summary, parts) = (&report.summary, tree::parts(&report.summary));
    let ratio = summary.percentage.unwrap_or_default();
    // An unknown control may turn out either way.
    let all = (summary.passed + summary.failed + summary.unknown).max(1) as f64;
    let (low, high) = (summary.passed as f64 / all, (summary.passed + summary.unknown) as f64 / all);
    let judged = number(summary.passed + summary.failed);
    let label = format!("{} (of {judged} controls with a verdict)", tree::share(summary));
    format!(
        "<header><h1>{}</h1><p>{}{at}</p></header>\n<main>\n\
         <section id=\"score\" class=\"cards\"><div class=\"card\">{}<div><p class=\"lead\">{}</p>{}{}</div></div></section>\n",
        escaped(report.title),
        escaped(report.description),
        ring(ratio, low, high, &label),
        escaped(&label),
        stacked(&parts, "Controls by state"),
        legend(&parts)
    )
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The secure score with its range, verdicts by status, violations by severity.
pub(super) fn score(catalog: &Catalog, assessed: &Reported) -> String {
    let score = &assessed.score;
    let [low, high] = score.range;
    let label = format!("Secure score {}, range {} to {}", percent(score.percentage), percent(low), percent(high));
    let mut statuses: BTreeMap<Status, u64> = BTreeMap::new();
    let mut severities: BTreeMap<Severity, u64> = BTreeMap::new();
    for assessment in &assessed.assessments {
        *statuses.entry(assessment.status).or_default() += 1;
        if let (Status::Unhealthy, Some(known)) = (assessment.status, catalog.recommendations.get(assessment.recommendation)) {
            *severities.entry(known.file.severity).or_default() += 1;
        }
    }
    let status = |status, class, label| Part { value: statuses.get(&status).copied().unwrap_or_default(), class, label };
    let by_status = [
        status(Status::Healthy, "healthy", "healthy"),
        status(Status::Unhealthy, "unhealthy", "unhealthy"),
        status(Status::Unknown, "unknown", "unknown"),
        status(Status::NotApplicable, "not-applicable", "not applicable"),
    ];
    let by_severity = SEVERITIES.map(|severity| Part {
        value: severities.get(&severity).copied().unwrap_or_default(),
        class: severity_class(severity),
        label: severity_class(severity),
    });
    format!(
        "<section id=\"score\" class=\"cards\"><h2 class=\"hidden\">Score</h2>\n\
         <div class=\"card\">{}<div><p class=\"lead\">Secure score {}</p>\
         <p>{:.2} of {:.0} points. Counting what is unknown either way, it lies between {} and {}.</p>{}\
         <p>{} of the checks have a verdict.</p></div></div>\n\
         <div class=\"card\"><div><p class=\"lead\">Assessments</p>{}{}\
         <p class=\"lead\">Unhealthy by severity</p>{}{}</div></div></section>\n",
        ring(score.percentage, low, high, &label),
        percent(score.percentage),
        score.current,
        score.max,
        percent(low),
        percent(high),
        range(score.percentage, low, high, &label),
        percent(score.coverage),
        stacked(&by_status, "Assessments by status"),
        legend(&by_status),
        stacked(&by_severity, "Unhealthy assessments by severity"),
        legend(&by_severity),
    )
}

/// What could not be read; nothing where everything could.
pub(super) fn unread(assessed: &Reported) -> String {
    let problems = coverage_problems(&assessed.coverage);
    if problems.is_empty() {
        return String::new();
    }
    let lines: String = problems.iter().map(|problem| format!("<li>{}</li>\n", escaped(problem))).collect();
    format!(
        "<section id=\"unread\"><details class=\"warning\"><summary>{} things could not be read: what rests on them is unknown, \
         not healthy</summary><ul>\n{lines}</ul></details></section>\n",
        number(problems.len() as u64)
    )
}

/// The security controls with their points.
pub(super) fn controls(score: &SecureScore) -> String {
    let mut rows = String::new();
    for control in &score.controls {
        let points =
            if control.max > 0.0 { format!("{:.2} / {:.0}", control.current, control.max) } else { "not scored".to_owned() };
        let parts = [
            Part { value: control.healthy, class: "healthy", label: "healthy" },
            Part { value: control.unhealthy, class: "unhealthy", label: "unhealthy" },
            Part { value: control.unknown, class: "unknown", label: "unknown" },
        ];
        rows.push_str(&format!(
            "<tr><td>{}</td><td class=\"n\" data-label=\"Points\">{points}</td><td class=\"n\" data-label=\"To gain\">{:.2}</td>\
             <td class=\"chart\">{}</td>{}</tr>\n",
            escaped(&control.title),
            control.potential_increase,
            stacked(&parts, &format!("{}: resources by status", control.title)),
            count_cells([("Healthy", control.healthy), ("Unhealthy", control.unhealthy), ("Unknown", control.unknown)])
        ));
    }
    format!(
        "<section id=\"controls\"><h2>Security controls</h2>\n<table><thead><tr><th>Control</th><th class=\"n\">Points</th>\
         <th class=\"n\">To gain</th><th class=\"chart\">Resources</th><th class=\"n\">Healthy</th><th class=\"n\">Unhealthy</th>\
         <th class=\"n\">Unknown</th></tr></thead><tbody>\n{rows}</tbody></table></section>\n"
    )
}

/// Every recommendation that judged something, what is wrong most and worst first.
pub(super) fn recommendations(catalog: &Catalog, assessed: &Reported) -> String {
    let counts = check_counts(&Standards::of(catalog), &assessed.assessments);
    let mut rows: Vec<(&skywarden_content::RecommendationFile, CheckCounts)> = catalog
        .recommendations
        .values()
        .filter_map(|recommendation| Some((&recommendation.file, *counts.get(recommendation.file.id.as_str())?)))
        .filter(|(_, counts)| counts.healthy + counts.unhealthy + counts.unknown > 0)
        .collect();
    rows.sort_by(|(left, left_counts), (right, right_counts)| {
        let key = |file: &skywarden_content::RecommendationFile, counts: &CheckCounts| {
            (counts.unhealthy > 0, file.severity, counts.unhealthy, counts.unknown)
        };
        key(right, right_counts).cmp(&key(left, left_counts)).then_with(|| left.id.cmp(&right.id))
    });
    let mut body = String::new();
    for (file, counts) in rows {
        body.push_str(&format!(
            "<tr><td>{}</td><td data-label=\"Severity\"><span class=\"severity {}\">{}</span></td>{}</tr>\n",
            tree::link(&file.id, &file.title),
            severity_class(file.severity),
            file.severity,
            count_cells([("Unhealthy", counts.unhealthy), ("Unknown", counts.unknown), ("Healthy", counts.healthy)])
        ));
    }
    format!(
        "<section id=\"recommendations\"><h2>Recommendations</h2>\n<table><thead><tr><th>Recommendation</th><th>Severity</th>\
         <th class=\"n\">Unhealthy</th><th class=\"n\">Unknown</th><th class=\"n\">Healthy</th></tr></thead><tbody>\n\
         {body}</tbody></table></section>\n"
    )
}

fn count_cells(counts: [(&str, u64); 3]) -> String {
    let cell = |(label, count): &(&str, u64)| {
        let class = if *count > 0 { label.to_lowercase() } else { "zero".to_owned() };
        format!("<td class=\"n\" data-label=\"{label}\"><span class=\"count {class}\">{}</span></td>", number(*count))
    };
    counts.iter().map(cell).collect()
}

/// The frame of the list; page.js fills it.
pub(super) fn assessments(assessed: &Reported) -> String {
    let status = |class: &str, word: &str, checked: &str| {
        format!(
            "<label class=\"choice\"><input type=\"checkbox\" name=\"status\" value=\"{class}\"{checked}>\
             <i class=\"dot {class}\"></i>{word}</label>"
        )
    };
    let severities: String =
        SEVERITIES.iter().map(|severity| format!("<option value=\"{severity}\">{severity} and worse</option>")).rev().collect();
    let column = |key: &str, name: &str| {
        format!("<span role=\"columnheader\"><button type=\"button\" data-sort=\"{key}\">{name}</button></span>")
    };
    format!(
        "<section id=\"assessments\"><h2>Assessments</h2>\n\
         <noscript><p>The list of {} assessments needs JavaScript, which stands in this file and loads nothing.</p></noscript>\n\
         <form id=\"filters\" role=\"search\"><input type=\"search\" name=\"text\" placeholder=\"Recommendation, resource or id\" \
         aria-label=\"Recommendation, resource or id\">\
         <select name=\"severity\" aria-label=\"Severity\"><option value=\"\">Any severity</option>{severities}</select>\
         <select name=\"type\" aria-label=\"Type\"><option value=\"\">Any type</option></select>\
         <select name=\"account\" aria-label=\"Account\"><option value=\"\">Any account</option></select>\
         <fieldset><legend class=\"hidden\">Status</legend>{}{}{}{}</fieldset></form>\n\
         <p id=\"shown\" role=\"status\"></p>\n\
         <div id=\"list\" role=\"table\" aria-label=\"Assessments\"><div class=\"row head\" role=\"row\">{}{}{}{}{}</div>\
         <div id=\"rows\" role=\"rowgroup\" tabindex=\"0\" aria-label=\"Rows; arrow keys choose one, Enter opens it\">\
         <div id=\"space\"></div></div></div></section>\n",
        number(assessed.assessments.len() as u64),
        status("unhealthy", "unhealthy", " checked"),
        status("unknown", "unknown", " checked"),
        status("healthy", "healthy", ""),
        status("not-applicable", "not applicable", ""),
        column("status", "Status"),
        column("severity", "Severity"),
        column("title", "Recommendation"),
        column("resource", "Resource"),
        column("where", "Where"),
    )
}

/// The frame of the window with the evidence of one assessment.
pub(super) fn detail() -> &'static str {
    "<dialog id=\"detail\" aria-labelledby=\"detail-title\"><form method=\"dialog\"><button class=\"close\" \
     aria-label=\"Close\">✕</button></form><h2 id=\"detail-title\"></h2><div id=\"detail-body\"></div></dialog>"
}

fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
    }
}

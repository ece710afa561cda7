use rsigma_parser::{CorrelationRule, Detections, FilterRule, SigmaRule, parse_sigma_yaml};
use serde_json::Value as Json;

/// What a file of Sigma holds.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Detection rules.
    pub rules: Vec<SigmaRule>,
    /// Rules over what others found.
    pub correlations: Vec<CorrelationRule>,
    /// Conditions that are added to others.
    pub filters: Vec<FilterRule>,
    /// Documents that are none of these, each with the reason.
    pub refused: Vec<String>,
}

/// Reads the documents of one file.
pub fn parse(yaml: &str) -> Rules {
    // Editors of Windows begin files so.
    let yaml = yaml.strip_prefix('\u{feff}').unwrap_or(yaml);
    match parse_sigma_yaml(yaml) {
        Ok(read) => Rules { rules: read.rules, correlations: read.correlations, filters: read.filters, refused: read.errors },
        Err(reason) => Rules { refused: vec![reason.to_string()], ..Rules::default() },
    }
}

/// Reads one selection that stands outside a rule, as those of a log source do: a map, or a list of maps.
///
/// # Errors
/// If it is no selection.
pub fn parse_selection(selection: &Json) -> Result<Detections, String> {
    let rule = serde_json::json!({
        "title": "a selection",
        "logsource": { "category": "any" },
        "detection": { "selection": selection, "condition": "selection" },
    });
    let mut read = parse(&rule.to_string());
    match (read.rules.pop(), read.refused.pop()) {
        (Some(rule), None) => Ok(rule.detection),
        (_, reason) => Err(reason.unwrap_or_else(|| "no selection of fields and values".to_owned())),
    }
}

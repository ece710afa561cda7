//! The address of the server for a person whose build has no console: the state in a few lines.

use axum::response::Html;
use skywarden_model::{Status, Timestamp};

use crate::{error::ApiError, scoped::Scoped};

pub(crate) async fn index(state: Scoped) -> Result<Html<String>, ApiError> {
    let score = state.score_parts(Timestamp::MAX, Timestamp::MAX).await?.overall();
    let counts = state.store.status_counts(&state.filter).await?;
    let [low, high] = score.range;
    let mut rows = String::new();
    for control in &score.controls {
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{:.2} / {:.0}</td><td><meter value=\"{:.4}\"></meter></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&control.title),
            control.current,
            control.max,
            control.percentage,
            control.healthy,
            control.unhealthy,
            control.unknown
        ));
    }
    let count = |status| counts.get(&status).copied().unwrap_or_default();
    Ok(Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Skywarden</title>\
         <style>:root{{color-scheme:light dark;font:16px/1.5 system-ui}}body{{max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}}b{{font-size:2rem}}</style>\
         <h1>Skywarden</h1><p>Secure score <b>{:.1} %</b> between {:.1} % and {:.1} %, coverage {:.1} %</p>\
         <p>{} healthy, {} unhealthy, {} unknown, {} not applicable</p>\
         <table><tr><th>Security control</th><th>Score</th><th></th><th>Healthy</th><th>Unhealthy</th><th>Unknown</th></tr>{rows}</table>\
         <p>This build has no console. The API is under <code>/api/v1</code>.</p></html>",
        score.percentage * 100.0,
        low * 100.0,
        high * 100.0,
        score.coverage * 100.0,
        count(Status::Healthy),
        count(Status::Unhealthy),
        count(Status::Unknown),
        count(Status::NotApplicable),
    )))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

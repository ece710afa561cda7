//! Charts as inline SVG: no script, no style attributes; colours come from the classes of page.css.

use std::fmt::Write as _;

use super::escape::escaped;

/// A part of a bar: how much, which class colours it, what it is called.
pub(super) struct Part<'a> {
    pub(super) value: u64,
    pub(super) class: &'a str,
    pub(super) label: &'a str,
}

/// A ring that is filled to a ratio, with a fainter arc from `low` to `high`.
pub(super) fn ring(ratio: f64, low: f64, high: f64, label: &str) -> String {
    const RADIUS: f64 = 52.0;
    let around = 2.0 * std::f64::consts::PI * RADIUS;
    let arc = |class: &str, from: f64, to: f64| {
        let (from, to) = (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0));
        let length = (to - from).max(0.0) * around;
        format!(
            "<circle class=\"{class}\" cx=\"64\" cy=\"64\" r=\"{RADIUS}\" transform=\"rotate({:.3} 64 64)\" \
             stroke-dasharray=\"{length:.3} {:.3}\"/>",
            from * 360.0 - 90.0,
            around - length
        )
    };
    format!(
        "<svg class=\"ring\" viewBox=\"0 0 128 128\" role=\"img\" aria-label=\"{}\">\
         <circle class=\"track\" cx=\"64\" cy=\"64\" r=\"{RADIUS}\"/>{}{}\
         <text x=\"64\" y=\"72\" text-anchor=\"middle\">{:.0}%</text></svg>\n",
        escaped(label),
        arc("reach", low, high),
        arc("value", 0.0, ratio),
        ratio * 100.0
    )
}

/// A bar from 0 to 100 % with the range marked on it.
pub(super) fn range(value: f64, low: f64, high: f64, label: &str) -> String {
    let (value, low, high) = (value * 100.0, low * 100.0, high * 100.0);
    format!(
        "<svg class=\"range\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"track\" x=\"0\" y=\"2\" width=\"100\" height=\"4\"/>\
         <rect class=\"reach\" x=\"{low:.2}\" y=\"2\" width=\"{:.2}\" height=\"4\"/>\
         <rect class=\"mark\" x=\"{:.2}\" y=\"0\" width=\"0.8\" height=\"8\"/></svg>\n",
        escaped(label),
        (high - low).max(0.4),
        (value - 0.4).clamp(0.0, 99.2)
    )
}

/// A bar made of parts, each as wide as its share; nothing where there is nothing to share.
pub(super) fn stacked(parts: &[Part<'_>], label: &str) -> String {
    let total: u64 = parts.iter().map(|part| part.value).sum();
    let mut bar = format!(
        "<svg class=\"stacked\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"track\" x=\"0\" y=\"0\" width=\"100\" height=\"8\"/>",
        escaped(label)
    );
    let mut from = 0.0;
    for part in parts.iter().filter(|part| part.value > 0) {
        let width = part.value as f64 * 100.0 / total as f64;
        write_part(&mut bar, part, from, width);
        from += width;
    }
    bar.push_str("</svg>\n");
    bar
}

fn write_part(bar: &mut String, part: &Part<'_>, from: f64, width: f64) {
    // Writing to a string does not fail.
    let _ = write!(
        bar,
        "<rect class=\"fill-{}\" x=\"{from:.3}\" y=\"0\" width=\"{width:.3}\" height=\"8\"><title>{}: {}</title></rect>",
        part.class,
        escaped(part.label),
        part.value
    );
}

/// What the parts of a bar are, with their numbers.
pub(super) fn legend(parts: &[Part<'_>]) -> String {
    let mut list = String::from("<ul class=\"legend\">");
    for part in parts {
        let count = super::escape::number(part.value);
        list.push_str(&format!("<li><i class=\"dot {}\"></i>{} <b>{count}</b></li>", part.class, escaped(part.label)));
    }
    list.push_str("</ul>\n");
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_bar_fill_it() {
        let part = |value, class| Part { value, class, label: class };
        let bar = stacked(&[part(1, "healthy"), part(0, "unknown"), part(3, "unhealthy")], "a & b");
        assert!(bar.contains("aria-label=\"a &amp; b\""), "{bar}");
        assert!(bar.contains("class=\"fill-healthy\" x=\"0.000\" y=\"0\" width=\"25.000\""), "{bar}");
        assert!(bar.contains("class=\"fill-unhealthy\" x=\"25.000\" y=\"0\" width=\"75.000\""), "{bar}");
        assert!(!bar.contains("fill-unknown"), "{bar}");
    }

    #[test]
    fn a_bar_of_nothing_is_empty() {
        let bar = stacked(&[Part { value: 0, class: "healthy", label: "healthy" }], "none");
        assert!(!bar.contains("fill-") && !bar.contains("NaN"), "{bar}");
    }

    #[test]
    fn a_ring_starts_at_the_top() {
        let ring = ring(0.25, 0.2, 0.5, "score");
        assert!(ring.contains("rotate(-90.000 64 64)\" stroke-dasharray=\"81.681 245.044\""), "{ring}");
        assert!(ring.contains(">25%</text>"), "{ring}");
    }
}

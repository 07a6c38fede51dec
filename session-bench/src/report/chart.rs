//! Bar charts as SVG, for light and dark pages.

use std::fmt::Write as _;

use super::tables::number;

/// Bars below a heading, with a scale of their own.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// What a value is, and with how many decimals it is shown.
    pub(crate) unit: &'static str,
    pub(crate) decimals: usize,
    pub(crate) bars: Vec<Bar>,
}

/// A value by its name.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) kind: Kind,
}

/// Whose value it is, which decides the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Other,
    /// Without sessions, or a client alone: what is possible at all.
    Bare,
}

const WIDTH: f64 = 760.0;
const LABELS: f64 = 260.0;
const VALUES: f64 = 110.0;
const ROW: f64 = 26.0;
const BAR: f64 = 18.0;
const HEAD: f64 = 44.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:14px}\
.value{fill:#59636e}.ours{fill:#1f6feb}.other{fill:#a8b1bb}.bare{fill:#dfe3e8}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.value{fill:#9198a1}.ours{fill:#4493f8}\
.other{fill:#656c76}.bare{fill:#333b45}}";

/// One picture of these panels; those without bars are left out.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let mut body = String::new();
    let mut top = 0.0;
    for panel in panels.iter().filter(|panel| !panel.bars.is_empty()) {
        top = draw(&mut body, panel, top);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" \
         height=\"{top}\" role=\"img\"><style>{STYLE}</style>\n{body}</svg>\n"
    )
}

/// Draws a panel from here down; where it ends.
fn draw(body: &mut String, panel: &Panel, top: f64) -> f64 {
    let greatest = panel.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let scale = (WIDTH - LABELS - VALUES) / greatest.max(f64::MIN_POSITIVE);
    // Writing to a string cannot fail.
    let title = escaped(&panel.title);
    let _ = writeln!(
        body,
        "<text class=\"title\" x=\"0\" y=\"{:.0}\">{title}</text>",
        top + 24.0
    );
    let mut y = top + HEAD;
    for bar in &panel.bars {
        let (width, middle) = ((bar.value * scale).max(1.0), y + BAR / 2.0 + 4.5);
        let class = match bar.kind {
            Kind::Ours => "ours",
            Kind::Other => "other",
            Kind::Bare => "bare",
        };
        let label = escaped(&bar.label);
        let value = escaped(&format!(
            "{} {}",
            number(bar.value, panel.decimals),
            panel.unit
        ));
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"{class}\" x=\"{LABELS}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text class=\"value\" x=\"{:.1}\" y=\"{middle:.1}\">{value}</text>",
            LABELS - 10.0,
            LABELS + width + 8.0,
        );
        y += ROW;
    }
    y
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_space_and_texts_are_escaped() {
        let bar = |label: &str, value, kind| Bar {
            label: label.into(),
            value,
            kind,
        };
        let panel = |title: &str, bars| Panel {
            title: title.into(),
            unit: "k/s",
            decimals: 1,
            bars,
        };
        let bars = vec![
            bar("a < b", 1500.0, Kind::Ours),
            bar("c", 750.0, Kind::Other),
        ];
        let svg = svg(&[panel("reads & writes", bars), panel("left out", vec![])]);
        let full = WIDTH - LABELS - VALUES;
        for part in [
            format!("class=\"ours\" x=\"260\" y=\"44.0\" width=\"{full:.1}\""),
            format!(
                "class=\"other\" x=\"260\" y=\"70.0\" width=\"{:.1}\"",
                full / 2.0
            ),
            format!("viewBox=\"0 0 760 {}\"", HEAD + 2.0 * ROW),
            "reads &amp; writes".to_owned(),
            "a &lt; b".to_owned(),
            ">1,500.0 k/s<".to_owned(),
            "prefers-color-scheme:dark".to_owned(),
        ] {
            assert!(svg.contains(&part), "{part} in {svg}");
        }
        assert!(!svg.contains("left out") && svg.ends_with("</svg>\n"));
    }
}

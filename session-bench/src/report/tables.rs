//! Tables, as Markdown that is aligned for a terminal too.

use crate::results::{Figure, Measurement, Ratio, Results, Target};

/// All tables, group by group, setting by setting.
pub(crate) fn all(results: &Results) -> String {
    let mut text = String::new();
    for (group, setting) in settings(&results.measurements) {
        let these = results.measurements.iter();
        let these = these.filter(|it| it.group == group && it.setting == setting);
        text += &format!("{group}, {setting}\n\n{}\n", measurements(these));
    }
    for (title, table) in [
        ("ratios", ratios(results.ratios.iter())),
        ("figures", figures(results.figures.iter())),
    ] {
        if let Some(table) = table {
            text += &format!("{title}\n\n{table}\n");
        }
    }
    text
}

/// The groups and settings that were measured, in their order.
pub(crate) fn settings(measurements: &[Measurement]) -> Vec<(&str, &str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for it in measurements {
        let this = (it.group.as_str(), it.setting.as_str());
        if !found.contains(&this) {
            found.push(this);
        }
    }
    found
}

/// One row for each case. Columns that say nothing are left out.
pub(crate) fn measurements<'a>(of: impl Iterator<Item = &'a Measurement>) -> String {
    let mut of = of.peekable();
    let server_cpu = match of.peek() {
        Some(it) if it.group.starts_with("sql") => "server CPU µs",
        _ => "Redis CPU µs",
    };
    let heads = [
        "case",
        "k/s",
        "p50 µs",
        "p99 µs",
        "CPU µs",
        server_cpu,
        "commands",
        "bytes in",
        "bytes out",
        "errors",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for it in of {
        let server = |value: Option<f64>, digits| {
            // What is not counted is none.
            let value = value.filter(|it| *it > 0.0);
            value.map_or_else(String::new, |value| number(value, digits))
        };
        let errors: u64 = it.rounds.iter().map(|round| round.errors).sum();
        let p50 = it.median(|round| round.p50_us);
        let digits = if p50 < 10.0 { 2 } else { 0 };
        rows.push(vec![
            it.case.clone(),
            number(it.ops_per_s() / 1e3, 1),
            number(p50, digits),
            number(it.median(|round| round.p99_us), digits),
            number(it.median(|round| round.client_cpu_us), 2),
            server(it.server(|it| it.cpu_us), 2),
            server(it.server(|it| it.commands), 1),
            server(it.server(|it| it.bytes_in), 0),
            server(it.server(|it| it.bytes_out), 0),
            if errors == 0 {
                String::new()
            } else {
                errors.to_string()
            },
        ]);
    }
    let says = |column: usize| {
        let mut cells = rows.iter().skip(1).filter_map(|row| row.get(column));
        cells.any(|cell| !cell.is_empty())
    };
    let says: Vec<bool> = (0..heads.len()).map(says).collect();
    for row in &mut rows {
        let mut said = says.iter();
        row.retain(|_| *said.next().unwrap_or(&false));
    }
    table(&rows)
}

/// One row for each ratio, its target beside it.
pub(crate) fn ratios<'a>(of: impl Iterator<Item = &'a Ratio>) -> Option<String> {
    let heads = [
        "setting", "ratio", "median", "range", "target", "", "by CPU",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for it in of {
        let range = format!("{}–{}", number(it.least, 2), number(it.greatest, 2));
        let (target, verdict) = targeted(it.target, it.value, 2);
        let value = number(it.value, 2);
        let by_cpu = it.by_cpu.map_or_else(String::new, |it| number(it, 2));
        rows.push(vec![
            it.setting.clone(),
            it.name.clone(),
            value,
            range,
            target,
            verdict,
            by_cpu,
        ]);
    }
    (rows.len() > 1).then(|| table(&rows))
}

/// One row for each figure, its target beside it.
pub(crate) fn figures<'a>(of: impl Iterator<Item = &'a Figure>) -> Option<String> {
    let heads = ["setting", "figure", "value", "unit", "target", ""];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for it in of {
        let digits = if it.value < 100.0 { 2 } else { 0 };
        let (target, verdict) = targeted(it.target, it.value, digits);
        let value = number(it.value, digits);
        rows.push(vec![
            it.setting.clone(),
            it.name.clone(),
            value,
            it.unit.clone(),
            target,
            verdict,
        ]);
    }
    (rows.len() > 1).then(|| table(&rows))
}

fn targeted(target: Option<Target>, value: f64, digits: usize) -> (String, String) {
    let Some(target) = target else {
        return (String::new(), String::new());
    };
    let text = match target {
        Target::AtLeast(least) => format!("≥ {}", number(least, digits)),
        Target::AtMost(greatest) => format!("≤ {}", number(greatest, digits)),
    };
    (
        text,
        if target.is_met_by(value) {
            "met"
        } else {
            "missed"
        }
        .to_owned(),
    )
}

/// A number with so many decimals, and with commas in its whole part.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |it| it);
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |it| ("-", it));
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{rest}", groups.join(","))
}

/// A count, with commas.
pub(crate) fn thousands(count: usize) -> String {
    number(count as f64, 0)
}

/// A table; the first row is its head. Columns of numbers are aligned to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let is_number = |column: usize| {
        let mut cells = rows.iter().skip(1).map(|row| cell(row, column));
        cells.all(|text| {
            text.is_empty() || text.starts_with(|it: char| "≥≤–+-0123456789".contains(it))
        }) && rows.iter().skip(1).any(|row| !cell(row, column).is_empty())
            && column > 0
    };
    let width = |column: usize| {
        let widths = rows.iter().map(|row| cell(row, column).chars().count());
        widths.max().unwrap_or(0).max(3)
    };
    let mut text = String::new();
    for (n, row) in rows.iter().enumerate() {
        for column in 0..columns {
            let (cell, width) = (cell(row, column), width(column));
            text += &match is_number(column) {
                true => format!("| {cell:>width$} "),
                false => format!("| {cell:<width$} "),
            };
        }
        text += "|\n";
        if n == 0 {
            for column in 0..columns {
                let dashes = "-".repeat(width(column));
                text += &match is_number(column) {
                    true => format!("| {dashes}:"),
                    false => format!("| {dashes} "),
                };
            }
            text += "|\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_decimals() {
        let cases = [
            (1234567.89, 1, "1,234,567.9"),
            (-1000.0, 0, "-1,000"),
            (0.5, 2, "0.50"),
        ];
        for (value, decimals, expected) in cases {
            assert_eq!(number(value, decimals), expected);
        }
    }

    #[test]
    fn a_table_is_aligned_and_numbers_are_to_the_right() {
        let rows = [["case", "k/s"], ["a", "1.5"], ["longer", "100.5"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let expected = "\
| case   |   k/s |
| ------ | -----:|
| a      |   1.5 |
| longer | 100.5 |
";
        assert_eq!(table(&rows), expected);
    }
}

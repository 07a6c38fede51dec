//! Tables for people and for `cut`: columns, no lines, nothing but text.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

/// The rows as lines, with at least these widths, so that the pages of a list stand below each
/// other. What is in the cells is on one line: it is escaped.
pub(crate) fn table<const N: usize>(
    least: [u16; N],
    heading: Option<[&str; N]>,
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if let Some(heading) = heading {
        table.set_header(heading);
    }
    for row in rows {
        table.add_row(row);
    }
    table.discover_columns();
    for (column, least) in table.column_iter_mut().zip(least) {
        column.set_padding((0, 2));
        let with_padding = least.saturating_add(2);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(with_padding)));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_their_widths_and_lines_no_blanks_at_their_ends() {
        let rows = [["a", "b"], ["日本", "longer than that"]].map(|row| row.map(str::to_owned));
        let text = table([6, 3], Some(["ONE", "TWO"]), rows);
        assert_eq!(text, "ONE     TWO\na       b\n日本    longer than that");
    }
}

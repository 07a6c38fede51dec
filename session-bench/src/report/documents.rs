//! Which parts of the documentation are made of the results.

use std::fs;
use std::path::{Path, PathBuf};

use super::chart::{Bar, Kind, Panel, svg};
use super::{capacity, tables};
use crate::drive::Outcome;
use crate::results::{Measurement, Ratio, Results};
use crate::{counts, growth, http, memory, near, redis, sql};

/// The files with charts and generated parts, and what is to be in them.
pub(crate) fn files(results: &Results, root: &Path) -> Outcome<Vec<(PathBuf, String)>> {
    let docs = root.join("docs");
    let results = results.medians();
    let is_sql = |group: &str| [sql::GROUP, sql::pages::GROUP].contains(&group);
    // They are measured by themselves: what is not among the results stays as it is written.
    let of_sql = &results.of_groups(is_sql);
    let is_near = |group: &str| group == near::GROUP;
    let of_near = &results.of_groups(is_near);
    let results = &results.of_groups(|group| !is_sql(group) && !is_near(group));
    let (mut files, mut documents) = (Vec::new(), Vec::new());
    let mut of_performance = Vec::new();
    if !results.measurements.is_empty() {
        files.extend([
            (docs.join("performance.json"), super::json(results)?),
            (docs.join("speed.svg"), svg(&overview(results))),
            (docs.join("growth.svg"), svg(&growth_panels(results))),
        ]);
        documents.extend([
            (root.join("README.md"), vec![("speed", speed(results))]),
            (docs.join("capacity.md"), capacity::parts(results)?),
        ]);
        of_performance.extend(performance(results));
    }
    if !of_near.measurements.is_empty() {
        files.push((docs.join("near-performance.json"), super::json(of_near)?));
        let text = format!("{}\n\n{}", machine(of_near), group(of_near, near::GROUP));
        of_performance.push(("near", text));
    }
    if !of_performance.is_empty() {
        documents.push((docs.join("performance.md"), of_performance));
    }
    if !of_sql.measurements.is_empty() {
        files.push((docs.join("sql-performance.json"), super::json(of_sql)?));
        documents.push((docs.join("sql-performance.md"), sql_performance(of_sql)));
    }
    for (file, parts) in documents {
        let mut text = fs::read_to_string(&file)?;
        for (name, part) in parts {
            text = replaced(&text, name, &part)
                .ok_or_else(|| format!("{} has no part {name}", file.display()))?;
        }
        files.push((file, text));
    }
    Ok(files)
}

/// The text with this part in the place of what is between its two marks.
fn replaced(text: &str, name: &str, part: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- begin {name} -->\n"),
        format!("<!-- end {name} -->"),
    );
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", part.trim()))
}

/// The tables of a group.
fn group(results: &Results, group: &str) -> String {
    let mut text = String::new();
    for (_, setting) in tables::settings(&results.measurements)
        .into_iter()
        .filter(|(it, _)| *it == group)
    {
        let these = results.measurements.iter();
        let these = these.filter(|it| it.group == group && it.setting == setting);
        text += &format!(
            "### {}\n\n{}\n",
            capitalized(setting),
            tables::measurements(these)
        );
    }
    let ratios = results.ratios.iter().filter(|it| it.group == group);
    let figures = results.figures.iter().filter(|it| it.group == group);
    for (heading, table) in [
        ("Ratios", tables::ratios(ratios)),
        ("Figures", tables::figures(figures)),
    ] {
        if let Some(table) = table {
            text += &format!("### {heading}\n\n{table}\n");
        }
    }
    text
}

fn sql_performance(results: &Results) -> Vec<(&'static str, String)> {
    let it = &results.machine;
    let machine = format!(
        "Measured on {}, commit {}: {} processors ({}), shared by clients, servers and load; {}; {}.",
        it.date, it.commit, it.cpus, it.processor, it.databases, it.compiler
    );
    vec![
        ("machine", machine),
        ("sql", group(results, sql::GROUP)),
        ("sql-pages", group(results, sql::pages::GROUP)),
    ]
}

fn performance(results: &Results) -> Vec<(&'static str, String)> {
    let of = |name: &str| group(results, name);
    vec![
        ("machine", machine(results)),
        ("redis", of(redis::GROUP)),
        ("http", of(http::GROUP)),
        ("memory", of(memory::GROUP)),
        ("growth", of(growth::GROUP)),
        ("counts", of(counts::GROUP)),
    ]
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn machine(results: &Results) -> String {
    let it = &results.machine;
    format!(
        "Measured on {}, commit {}: {} processors ({}), shared by clients, servers and load; {}, without \
         persistence; {}.",
        it.date, it.commit, it.cpus, it.processor, it.server, it.compiler
    )
}

/// What the README shows: rates beside those of others, by client.
fn speed(results: &Results) -> String {
    const OTHERS: [&str; 4] = [
        "tower-sessions",
        "actix-session",
        "axum_session",
        "Redis guide",
    ];
    let [alone, saturated] = [1, 256].map(redis::setting);
    let in_memory = memory::setting(100_000, 64);
    let gets = [
        "tower-sessions: load + save",
        "actix-session: load + update",
        "axum_session: load + store",
        "guide's get",
    ];
    let pages = [
        "tower-sessions: Redis",
        "actix-session: Redis",
        "axum_session: Redis",
        "–",
    ];
    let stores = ["tower-sessions: load + save", "–", "–", "–"];
    let rows = [
        (
            "a get that slides, 1 at a time, redis-rs",
            &*alone,
            "redis-rs: get",
            gets,
        ),
        ("… fred", &alone, "fred: get", gets),
        (
            "the same, 256 at a time, redis-rs",
            &saturated,
            "redis-rs: get",
            gets,
        ),
        ("… fred", &saturated, "fred: get", gets),
        (
            "a page that counts, redis-rs",
            http::SETTING,
            "ours: redis-rs",
            pages,
        ),
        ("… fred", http::SETTING, "ours: fred", pages),
        (
            "a get in memory, 64 at a time",
            &in_memory,
            "ours: get",
            stores,
        ),
    ];
    let heading = std::iter::once("our rate ÷ that of").chain(OTHERS);
    let mut table = vec![heading.map(str::to_owned).collect::<Vec<_>>()];
    for (title, setting, ours, theirs) in rows {
        let cells = theirs.map(|theirs| {
            let found = ratio(results, setting, &format!("{ours} ÷ {theirs}"));
            found.map_or_else(|| "–".into(), |it| tables::number(it.value, 2))
        });
        table.push(std::iter::once(title.to_owned()).chain(cells).collect());
    }
    format!(
        "![What sessions cost beside other libraries: operations on Redis, pages, sessions in memory](docs/speed.svg)\n\n\
         {}\n{}",
        tables::table(&table),
        machine(results)
    )
}

fn ratio<'a>(results: &'a Results, setting: &str, name: &str) -> Option<&'a Ratio> {
    let mut ratios = results.ratios.iter();
    ratios.find(|it| it.setting == setting && it.name == name)
}

/// The picture of the README.
fn overview(results: &Results) -> Vec<Panel> {
    let operations = [
        ("HGETALL alone", "redis-rs: HGETALL", Kind::Bare),
        ("this library, redis-rs", "redis-rs: get", Kind::Ours),
        ("this library, fred", "fred: get", Kind::Ours),
        (
            "actix-session, load + update",
            "actix-session: load + update",
            Kind::Other,
        ),
        (
            "tower-sessions, load + save",
            "tower-sessions: load + save",
            Kind::Other,
        ),
        (
            "the Redis guide's algorithm",
            "redis-rs: guide's get",
            Kind::Other,
        ),
        (
            "axum_session, load + store",
            "axum_session: load + store",
            Kind::Other,
        ),
    ];
    let pages = [
        ("axum without sessions", "axum, no session", Kind::Bare),
        ("this library, redis-rs", "ours: redis-rs", Kind::Ours),
        ("this library, fred", "ours: fred", Kind::Ours),
        ("actix-session", "actix-session: Redis", Kind::Other),
        (
            "tower-sessions, one connection",
            "tower-sessions: Redis",
            Kind::Other,
        ),
        (
            "tower-sessions, six connections",
            "tower-sessions: Redis, 6 connections",
            Kind::Other,
        ),
        ("axum_session", "axum_session: Redis", Kind::Other),
    ];
    let in_memory = [
        ("this library, get", "ours: get", Kind::Ours),
        ("this library, update", "ours: update", Kind::Ours),
        ("tower-sessions, load", "tower-sessions: load", Kind::Other),
        (
            "tower-sessions, load + save",
            "tower-sessions: load + save",
            Kind::Other,
        ),
    ];
    let rates = |title: &str, (group, setting): (&str, &str), cases: &[(&str, &str, Kind)]| Panel {
        title: title.into(),
        unit: "k/s",
        decimals: 0,
        bars: bars(results, (group, setting), cases),
    };
    vec![
        rates(
            "Reading a session and setting its expiry, one connection to Redis, 256 in flight",
            (redis::GROUP, &redis::setting(256)),
            &operations,
        ),
        rates(
            "A page that counts in a session on Redis, 64 connections",
            (http::GROUP, http::SETTING),
            &pages,
        ),
        rates(
            "100,000 sessions in memory, 64 tasks",
            (memory::GROUP, &memory::setting(100_000, 64)),
            &in_memory,
        ),
    ]
}

/// A bar for each case that was measured, the longest first.
fn bars(
    results: &Results,
    (group, setting): (&str, &str),
    cases: &[(&str, &str, Kind)],
) -> Vec<Bar> {
    let bar = |&(label, case, kind): &(&str, &str, Kind)| {
        let found = results.find(group, setting, case)?;
        Some(Bar {
            label: label.into(),
            value: found.ops_per_s() / 1e3,
            kind,
        })
    };
    let mut bars: Vec<_> = cases.iter().filter_map(bar).collect();
    bars.sort_by(|a, b| b.value.total_cmp(&a.value));
    bars
}

/// The ratio of a get to the bare call, as sessions, connections and servers become more.
fn growth_panels(results: &Results) -> Vec<Panel> {
    let of_growth: Vec<&Measurement> = results.measurements.iter().collect();
    let mut settings = Vec::new();
    for it in of_growth.iter().filter(|it| it.group == growth::GROUP) {
        if !settings.contains(&it.setting) {
            settings.push(it.setting.clone());
        }
    }
    let panel = |client: &&str| {
        let bar = |setting: &String| {
            let found = ratio(results, setting, &format!("{client}: get ÷ HGETALL"))?;
            Some(Bar {
                label: setting.clone(),
                value: found.value,
                kind: Kind::Ours,
            })
        };
        Panel {
            title: format!("A sliding get ÷ a bare HGETALL, {client}, 64 in flight"),
            unit: "",
            decimals: 2,
            bars: settings.iter().filter_map(bar).collect(),
        }
    };
    redis::CLIENTS.iter().map(panel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_what_its_results_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for found in ["performance", "near-performance", "sql-performance"] {
            let results = fs::read(root.join(format!("docs/{found}.json"))).unwrap();
            let results = serde_json::from_slice(&results).unwrap();
            for (file, text) in files(&results, &root).unwrap() {
                let is_as_written = fs::read_to_string(&file).unwrap() == text;
                assert!(
                    is_as_written,
                    "{}: run it with --from … --docs",
                    file.display()
                );
            }
        }
    }

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        let expected = "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n";
        assert_eq!(replaced(text, "x", "new\n").as_deref(), Some(expected));
        assert_eq!(replaced(expected, "x", "new").as_deref(), Some(expected));
        assert_eq!(replaced(text, "y", "new"), None);
    }
}

//! What so many sessions need, reckoned from what was measured, and how far that is from other
//! things that were measured.

use super::tables::{number, table};
use crate::drive::Outcome;
use crate::results::{Results, Server};
use crate::{growth, http, redis};

/// The sizes that the page shows.
const SIZES: [u32; 6] = [
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];
/// Of each session, a request comes so often, in seconds.
const INTERVAL: f64 = 300.0;
/// What a shard is planned for: so much of its memory in use, so much of its one thread.
const SHARD_BYTES: f64 = 16e9;
const SHARD_CPU: f64 = 0.6;
/// What a server's memory has beside the sessions: fragments, buffers, tables that grow.
const HEADROOM: f64 = 1.25;

/// What one session and one request cost, as measured.
#[derive(Debug, Clone, Copy)]
struct Costs {
    plain: f64,
    bound: f64,
    redis_cpu_us: f64,
    bytes_in: f64,
    bytes_out: f64,
    app_cpu_us: f64,
}

/// What so many sessions need.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Needs {
    requests_per_s: f64,
    plain_bytes: f64,
    bound_bytes: f64,
    redis_cores: f64,
    shards: f64,
    bits_per_s: f64,
    app_cores: f64,
}

fn needs(costs: Costs, sessions: f64) -> Needs {
    let requests_per_s = sessions / INTERVAL;
    let plain_bytes = sessions * costs.plain * HEADROOM;
    let redis_cores = requests_per_s * costs.redis_cpu_us / 1e6;
    Needs {
        requests_per_s,
        plain_bytes,
        bound_bytes: sessions * costs.bound * HEADROOM,
        redis_cores,
        shards: (plain_bytes / SHARD_BYTES)
            .max(redis_cores / SHARD_CPU)
            .ceil(),
        bits_per_s: requests_per_s * (costs.bytes_in + costs.bytes_out) * 8.0,
        app_cores: requests_per_s * costs.app_cpu_us / 1e6,
    }
}

/// The parts of the page.
pub(crate) fn parts(results: &Results) -> Outcome<Vec<(&'static str, String)>> {
    let costs =
        costs(results).ok_or("the page on capacity needs the groups redis, http and growth")?;
    Ok(vec![
        ("costs", costs_table(costs)),
        ("sizes", sizes_table(costs)),
        ("values", values_table(results)),
        ("checks", checks_table(results, costs)),
    ])
}

/// The setting of the figures of bytes, and those.
fn bytes(results: &Results, name: &str) -> Option<(String, f64)> {
    let name = format!("{name}: Redis memory per session");
    let mut figures = results.figures.iter();
    let found = figures.find(|it| it.group == growth::GROUP && it.name == name)?;
    Some((found.setting.clone(), found.value))
}

fn costs(results: &Results) -> Option<Costs> {
    let get = results.find(redis::GROUP, &redis::setting(256), "redis-rs: get")?;
    let page = results.find(http::GROUP, http::SETTING, "ours: redis-rs")?;
    Some(Costs {
        plain: bytes(results, "ours, plain")?.1,
        bound: bytes(results, "ours, bound")?.1,
        redis_cpu_us: get.server(|it| it.cpu_us)?,
        bytes_in: get.server(|it| it.bytes_in)?,
        bytes_out: get.server(|it| it.bytes_out)?,
        app_cpu_us: page.median(|round| round.client_cpu_us),
    })
}

fn rows(head: &[&str], body: impl IntoIterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|it| (*it).to_owned()).collect();
    let rows: Vec<_> = std::iter::once(head).chain(body).collect();
    table(&rows)
}

fn costs_table(costs: Costs) -> String {
    let body = [
        ("memory of a session, plain", costs.plain, 0, "B"),
        (
            "memory of a session that is bound to a user of its own",
            costs.bound,
            0,
            "B",
        ),
        (
            "the server's processor, a sliding get",
            costs.redis_cpu_us,
            1,
            "µs",
        ),
        (
            "on the wire to the server, a sliding get",
            costs.bytes_in,
            0,
            "B",
        ),
        (
            "on the wire from the server, a sliding get",
            costs.bytes_out,
            0,
            "B",
        ),
        (
            "the application's processor, a page that counts",
            costs.app_cpu_us,
            1,
            "µs",
        ),
    ];
    let body = body.map(|(name, value, digits, unit)| {
        vec![name.to_owned(), number(value, digits), unit.to_owned()]
    });
    rows(&["what", "value", "unit"], body)
}

fn sizes_table(costs: Costs) -> String {
    let body = SIZES.map(|sessions| {
        let it = needs(costs, f64::from(sessions));
        vec![
            number(f64::from(sessions), 0),
            number(it.requests_per_s, 0),
            scaled(it.plain_bytes, "B"),
            scaled(it.bound_bytes, "B"),
            number(it.redis_cores, 2),
            number(it.shards, 0),
            scaled(it.bits_per_s, "bit/s"),
            number(it.app_cores, 2),
        ]
    });
    let head = [
        "sessions",
        "requests/s",
        "memory, plain",
        "memory, bound",
        "Redis cores",
        "shards",
        "network",
        "application cores",
    ];
    rows(&head, body)
}

/// With a prefix of thousands, as in 3.3 GB.
fn scaled(value: f64, unit: &str) -> String {
    let mut scaled = value;
    for prefix in ["", "k", "M", "G"] {
        if scaled < 1000.0 {
            return format!("{} {prefix}{unit}", number(scaled, 1));
        }
        scaled /= 1000.0;
    }
    format!("{} T{unit}", number(scaled, 2))
}

fn values_table(results: &Results) -> String {
    let names = [
        "the guide's hash",
        "a value of 64 bytes",
        "a value of 65 bytes",
    ];
    let body = names.iter().filter_map(|name| {
        let (setting, value) = bytes(results, name)?;
        Some(vec![(*name).to_owned(), setting, number(value, 0)])
    });
    rows(&["five fields", "measured with", "bytes per session"], body)
}

/// What the reckoning says of things that were measured apart from it.
fn checks_table(results: &Results, costs: Costs) -> String {
    let mut checks: Vec<(String, f64, f64, &str)> = Vec::new();
    for it in &results.figures {
        if it.group == growth::GROUP && it.name == "Redis memory per session" {
            checks.push((
                format!("memory per session, {}", it.setting),
                costs.plain,
                it.value,
                "B",
            ));
        }
    }
    let settings = results.measurements.iter();
    let gets = settings.filter(|it| it.group == growth::GROUP && it.case == "redis-rs: get");
    for get in gets {
        let title = |what: &str| format!("{what}, a get, {}", get.setting);
        if let Some(cpu) = get.server(|it| it.cpu_us) {
            checks.push((
                title("the server's processor"),
                costs.redis_cpu_us,
                cpu,
                "µs",
            ));
        }
    }
    let increment = results.find(redis::GROUP, &redis::setting(64), "redis-rs: increment");
    let page = results.find(http::GROUP, http::SETTING, "ours: redis-rs");
    if let (Some(increment), Some(page)) = (increment, page) {
        type Of = fn(&Server) -> f64;
        let parts: [(_, Of, _); 2] = [
            ("the server's processor", |it| it.cpu_us, "µs"),
            ("bytes on the wire", |it| it.bytes_in + it.bytes_out, "B"),
        ];
        for (name, of, unit) in parts {
            if let (Some(reckoned), Some(measured)) = (increment.server(of), page.server(of)) {
                checks.push((
                    format!("{name}, a page that counts"),
                    reckoned,
                    measured,
                    unit,
                ));
            }
        }
    }
    let body = checks.into_iter().map(|(name, reckoned, measured, unit)| {
        let off = (reckoned / measured - 1.0) * 100.0;
        let sign = if off < 0.0 { "" } else { "+" };
        vec![
            name,
            number(reckoned, 1),
            number(measured, 1),
            unit.to_owned(),
            format!("{sign}{} %", number(off, 0)),
        ]
    });
    rows(&["what", "reckoned", "measured", "unit", "deviation"], body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_of_memory_and_processor_decides_about_shards() {
        let costs = Costs {
            plain: 320.0,
            bound: 480.0,
            redis_cpu_us: 6.0,
            bytes_in: 250.0,
            bytes_out: 150.0,
            app_cpu_us: 20.0,
        };
        let million = needs(costs, 3e6);
        let expected = Needs {
            requests_per_s: 10_000.0,
            plain_bytes: 1.2e9,
            bound_bytes: 1.8e9,
            redis_cores: 0.06,
            shards: 1.0,
            bits_per_s: 32e6,
            app_cores: 0.2,
        };
        assert_eq!(million, expected);
        assert_eq!(needs(costs, 1e9).shards, 34.0);
        let busy = Costs {
            redis_cpu_us: 20.0,
            ..costs
        };
        assert_eq!(needs(busy, 1e9).shards, 112.0);
        let texts = [999.0, 1.2e9, 4e13].map(|bytes| scaled(bytes, "B"));
        assert_eq!(texts, ["999.0 B", "1.2 GB", "40.00 TB"]);
    }
}
